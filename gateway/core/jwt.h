/* core/jwt.h: whether a token is genuine and in time, and what it grants. Tokens found right are
 * remembered by their digest until they expire, so that each is worked out once. Loop thread only.
 */
#ifndef SANDGATE_CORE_JWT_H
#define SANDGATE_CORE_JWT_H

#include "core/digest.h"
#include "core/jwt_read.h"

#define JWT_REMEMBERED 1024 /* of more, the one that was not used for longest is forgotten */

struct jwt;

/* `setting`: see core/jwt_key.h. The digester stays the caller's. */
int jwt_open(const char *setting, struct digester *digester, struct jwt **ret_jwt,
             struct err *err) MUST_CHECK;
void jwt_close(struct jwt *jwt);
bool jwt_check(struct jwt *jwt, const char *token, size_t n, int64_t now,
               struct jwt_claims *ret_claims);

#endif
