#include "core/jwt.h"

#include <stdlib.h>

#include "core/jwt_key.h"

struct jwt {
    struct jwt_keys *keys;
    struct digester *digester;
    struct digest_table remembered;
};

struct remembered {
    struct digest_entry entry; /* first: the table's entries are these */
    struct jwt_claims claims;
};

int jwt_open(const char *setting, struct digester *digester, struct jwt **ret_jwt, struct err *err)
{
    struct jwt *jwt = calloc(1, sizeof *jwt);
    if (!jwt)
        return err_memory(err);
    jwt->digester = digester;
    if (jwt_keys_open(setting, &jwt->keys, err) < 0 ||
        digest_table_open(&jwt->remembered, JWT_REMEMBERED, err) < 0) {
        jwt_close(jwt);
        return -1;
    }
    *ret_jwt = jwt;
    return 0;
}

static void forget(struct jwt *jwt, struct digest_entry *entry)
{
    digest_table_remove(&jwt->remembered, entry);
    free(entry);
}

void jwt_close(struct jwt *jwt)
{
    if (!jwt)
        return;
    while (jwt->remembered.oldest)
        forget(jwt, jwt->remembered.oldest);
    digest_table_close(&jwt->remembered);
    jwt_keys_close(jwt->keys);
    free(jwt);
}

/* Without memory it is worked out again next time. */
static void remember(struct jwt *jwt, const struct digest *key, const struct jwt_claims *claims)
{
    struct remembered *r = malloc(sizeof *r);
    if (!r)
        return;
    if (jwt->remembered.count == jwt->remembered.max)
        forget(jwt, jwt->remembered.oldest);
    *r = (struct remembered){.entry.key = *key, .claims = *claims};
    digest_table_put(&jwt->remembered, &r->entry);
}

bool jwt_check(struct jwt *jwt, const char *text, size_t n, int64_t now,
               struct jwt_claims *ret_claims)
{
    struct digest key;
    struct jwt_token token;
    struct jwt_claims claims;
    if (n > JWT_MAX || digest_of(jwt->digester, text, n, &key) < 0)
        return false;
    struct digest_entry *entry = digest_table_get(&jwt->remembered, &key);
    if (entry) {
        const struct remembered *known = (const void *)entry;
        *ret_claims = known->claims;
        if (jwt_is_timely(&known->claims, now)) {
            digest_table_touch(&jwt->remembered, entry);
            return true;
        }
        forget(jwt, entry);
        return false;
    }
    if (jwt_split(text, n, &token) < 0 || !jwt_keys_match(jwt->keys, &token) ||
        jwt_claims_of(&token, &claims) < 0 || !jwt_is_timely(&claims, now))
        return false;
    remember(jwt, &key, &claims);
    *ret_claims = claims;
    return true;
}
