#include "core/auth.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/bytes.h"

struct auth {
    char *key; /* NULL: open to all */
    size_t key_length;
    char cookie[65];
};

static int random_hex(char *out, size_t bytes, struct err *err)
{
    unsigned char raw[32];
    if (getrandom(raw, bytes, 0) != (ssize_t)bytes)
        return err_set(err, ERR_INTERNAL, "no random numbers to be had");
    for (size_t i = 0; i < bytes; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", raw[i]);
    return 0;
}

int auth_open(const char *api_key, struct auth **ret_auth, struct err *err)
{
    struct auth *a = calloc(1, sizeof *a);
    if (!a)
        return err_memory(err);
    if (random_hex(a->cookie, 32, err) < 0) {
        free(a);
        return -1;
    }
    if (api_key && api_key[0]) {
        a->key = strdup(api_key);
        a->key_length = strlen(api_key);
        if (!a->key) {
            free(a);
            return err_memory(err);
        }
    }
    *ret_auth = a;
    return 0;
}

void auth_close(struct auth *a)
{
    if (!a)
        return;
    if (a->key)
        explicit_bzero(a->key, a->key_length);
    explicit_bzero(a->cookie, sizeof a->cookie);
    free(a->key);
    free(a);
}

bool auth_required(const struct auth *a)
{
    return a->key != NULL;
}

static bool is_key(const struct auth *a, const char *text)
{
    return bytes_equal_secret(text, strlen(text), a->key, a->key_length);
}

/* RFC 6750: "Bearer" 1*SP token. */
static const char *bearer(const char *authorization)
{
    if (strncasecmp(authorization, "Bearer ", 7) != 0)
        return NULL;
    authorization += 7;
    return authorization + strspn(authorization, " ");
}

/* RFC 6265 section 4.2.1: name=value pairs separated by "; ". */
static bool cookie_matches(const struct auth *a, const char *cookie)
{
    static const char name[] = AUTH_COOKIE "=";
    while (*cookie) {
        cookie += strspn(cookie, "; ");
        size_t n = strcspn(cookie, ";");
        if (strncmp(cookie, name, sizeof name - 1) == 0) {
            size_t skip = sizeof name - 1;
            return bytes_equal_secret(cookie + skip, n - skip, a->cookie, strlen(a->cookie));
        }
        cookie += n;
    }
    return false;
}

struct grant auth_check(const struct auth *a, const struct credentials *given)
{
    struct grant nobody = {.known = false};
    struct grant owner = {.known = true, .scopes = SCOPE_ALL, .who = "key"};
    if (!a->key)
        return AUTH_ANYONE;
    bool known = false;
    if (given->key_header) {
        if (!is_key(a, given->key_header))
            return nobody;
        known = true;
    }
    if (given->authorization) {
        const char *token = bearer(given->authorization);
        if (!token || !is_key(a, token))
            return nobody;
        known = true;
    }
    if (given->query_key) {
        if (!is_key(a, given->query_key))
            return nobody;
        known = owner.by_query = true;
    }
    /* A stale cookie is no offence: it is the browser that sends it, not the caller. */
    if (!known && given->cookie)
        known = cookie_matches(a, given->cookie);
    return known ? owner : nobody;
}

const char *auth_cookie_value(const struct auth *a)
{
    return a->cookie;
}
