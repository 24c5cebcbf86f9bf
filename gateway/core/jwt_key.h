/* core/jwt_key.h: the public keys that tokens are checked with; libcrypto does the checking.
 *
 * A key's own type decides the algorithm, whatever a token says: RSA (2048 to 8192 bits) is RS256,
 * P-256 is ES256, Ed25519 is EdDSA. Loop thread only. */
#ifndef SANDGATE_CORE_JWT_KEY_H
#define SANDGATE_CORE_JWT_KEY_H

#include "base/err.h"
#include "core/jwt_read.h"

#define JWT_KEYS_MAX 8

struct jwt_keys;

/* `setting` is PEM ("-----BEGIN PUBLIC KEY-----"), or that in base64; several blocks are several
 * keys, any of which will do. */
int jwt_keys_open(const char *setting, struct jwt_keys **ret_keys, struct err *err) MUST_CHECK;
void jwt_keys_close(struct jwt_keys *keys);
/* The signature is that of one of the keys. */
bool jwt_keys_match(const struct jwt_keys *keys, const struct jwt_token *token);

#endif
