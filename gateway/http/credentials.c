#include "http/credentials.h"

#include <string.h>

#include "base/mem.h"

static const char *const names[] = {"api_key", "ticket"};

bool is_credential_name(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether the pair's name is `name`, however it is escaped. */
static bool pair_is(const char *pair, size_t n, const char *name)
{
    size_t at = 0;
    while (at < n && pair[at] != '=') {
        char c = pair[at++];
        int high = c == '%' && n - at >= 2 ? hex_value(pair[at]) : -1;
        int low = high >= 0 ? hex_value(pair[at + 1]) : -1;
        if (low >= 0) {
            c = (char)(high * 16 + low);
            at += 2;
        }
        if (!*name || c != *name++)
            return false;
    }
    return !*name;
}

static bool pair_is_credential(const char *pair, size_t n)
{
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (pair_is(pair, n, names[i]))
            return true;
    return false;
}

void target_without_credentials(struct bytes *out, const char *target)
{
    size_t path = strcspn(target, "?");
    const char *at = target + path;
    char lead = '?';
    (void)bytes_add(out, target, path);
    while (*at) {
        at++;
        size_t pair = strcspn(at, "&");
        if (!pair_is_credential(at, pair)) {
            (void)bytes_addc(out, lead);
            (void)bytes_add(out, at, pair);
            lead = '&';
        }
        at += pair;
    }
}

void cookie_without_ours(struct bytes *out, const char *cookie)
{
    while (*cookie) {
        cookie += strspn(cookie, "; ");
        size_t pair = strcspn(cookie, ";");
        const char *equals = memchr(cookie, '=', pair);
        bool ours = equals && auth_cookie_is_ours(cookie, (size_t)(equals - cookie));
        if (pair && !ours) {
            if (out->len)
                (void)bytes_adds(out, "; ");
            (void)bytes_add(out, cookie, pair);
        }
        cookie += pair;
    }
}

/* ---- reading them ---- */

/* The decoded value of the first pair of that name; NULL when there is none. One that is no text is
 * a wrong credential. */
static const char *value_in(struct arena *arena, const char *target, const char *name)
{
    for (const char *at = strchr(target, '?'); at && *at;) {
        size_t pair = strcspn(++at, "&");
        const char *equals = memchr(at, '=', pair);
        if (!pair_is(at, pair, name)) {
            at += pair;
            continue;
        }
        size_t n = equals ? pair - (size_t)(equals - at) - 1 : 0;
        char *value = arena_copy(arena, equals ? equals + 1 : "", n);
        long length = value ? percent_decode(value, n, true) : -1;
        return length < 0 || memchr(value, '\0', (size_t)length) ? "" : value;
    }
    return NULL;
}

void credentials_of(struct exchange *ex, struct credentials *ret_given)
{
    const char *original = exchange_header(ex, ORIGINAL_URI);
    *ret_given = (struct credentials){
        .key_header = exchange_header(ex, "X-AIO-API-Key"),
        .authorization = exchange_header(ex, "Authorization"),
        .query_key = exchange_query_value(ex, "api_key"),
        .query_ticket = exchange_query_value(ex, "ticket"),
        .cookie = exchange_header(ex, "Cookie"),
    };
    if (!original)
        return;
    struct arena *arena = exchange_arena(ex);
    if (!ret_given->query_key)
        ret_given->query_key = value_in(arena, original, "api_key");
    if (!ret_given->query_ticket)
        ret_given->query_ticket = value_in(arena, original, "ticket");
}
