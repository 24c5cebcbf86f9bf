/* core/jwt_read.h: JSON Web Tokens as text (RFC 7515 compact form, RFC 7519): taken apart,
 * strictly.
 *
 * Nothing here says that a token is genuine: that is core/jwt_key's. What is malformed in any way,
 * names a member twice or demands extensions ("crit") is refused. Pure; any thread. */
#ifndef SANDGATE_CORE_JWT_READ_H
#define SANDGATE_CORE_JWT_READ_H

#include "base/bytes.h"
#include "base/json.h"
#include "core/grant.h"

#define JWT_MAX           (8 * KIB)
#define JWT_SIGNATURE_MAX 1024 /* RSA of 8192 bits */
#define JWT_LEEWAY        30   /* seconds that the clocks of issuer and sandbox may differ */

enum jwt_alg { JWT_RS256, JWT_ES256, JWT_EDDSA };

/* Points into the token. */
struct jwt_token {
    enum jwt_alg alg;
    struct text signed_part; /* header and payload, as they are signed */
    struct text payload;     /* in base64url */
    unsigned char signature[JWT_SIGNATURE_MAX];
    size_t signature_n;
};

struct jwt_claims {
    double expires;    /* seconds of the wall clock */
    double not_before; /* the same; -infinity when absent */
    unsigned scopes;   /* all, unless the token names some */
    char who[GRANT_WHO];
};

/* -1: it is no token, or one of an algorithm we do not take. */
int jwt_split(const char *text, size_t n, struct jwt_token *ret_token);
/* Of a token whose signature was found right. -1: malformed, or without "exp". */
int jwt_claims_of(const struct jwt_token *token, struct jwt_claims *ret_claims);
/* Neither too early nor too late, by the leeway. */
bool jwt_is_timely(const struct jwt_claims *claims, int64_t now);

#endif
