/* Credentials of a request: what is read as one never goes on, and nothing else is taken out.
 * Input: the target, then what a proxy asks about (X-Original-URI), then the cookies, a line each.
 */
#include "fuzz.h"

#include "http/credentials.h"
#include "http/exchange_internal.h"

#define ROOM 8192

static bool text_is(const char *text, const char *name)
{
    return text && strcmp(text, name) == 0;
}

/* By another way than credentials.c: each pair decoded whole. */
static size_t count_keys(struct arena *arena, const char *target)
{
    size_t count = 0;
    for (const char *at = strchr(target, '?'); at && *at;) {
        size_t pair = strcspn(++at, "&"), name = strcspn(at, "&=");
        char *decoded = arena_copy(arena, at, name);
        long n = percent_decode(decoded, name, false);
        count += n == (long)strlen("api_key") && text_is(decoded, "api_key");
        at += pair;
    }
    return count;
}

static const char *stripped(struct arena *arena, void (*strip)(struct bytes *, const char *),
                            const char *given)
{
    struct bytes out = BYTES_INIT(ROOM);
    strip(&out, given);
    const char *text = bytes_text(&out);
    HOLDS(text);
    text = arena_copy(arena, text, out.len);
    bytes_done(&out);
    return text;
}

static void check_target(struct arena *arena, const char *target)
{
    const char *clean = stripped(arena, target_without_credentials, target);
    size_t path = strcspn(target, "?");
    HOLDS(strncmp(clean, target, path) == 0 && strlen(clean) <= strlen(target));
    HOLDS(count_keys(arena, clean) == 0);
    HOLDS(text_is(stripped(arena, target_without_credentials, clean), clean));
}

static void check_cookie(struct arena *arena, const char *cookie)
{
    const char *clean = stripped(arena, cookie_without_ours, cookie);
    HOLDS(text_is(stripped(arena, cookie_without_ours, clean), clean));
    for (const char *at = clean; *at; at += strcspn(at, ";")) {
        at += strspn(at, "; ");
        size_t name = strcspn(at, "=;");
        HOLDS(at[name] != '=' || !auth_cookie_is_ours(at, name));
    }
}

/* Read from either place, it is taken out there. */
static void check_read(struct exchange *ex, const char *target, const char *original)
{
    struct credentials given;
    credentials_of(ex, &given);
    bool from_original = count_keys(ex->arena, original) > 0;
    bool from_target = exchange_query_value(ex, "api_key") != NULL;
    HOLDS((given.query_key != NULL) == (from_original || from_target));
    HOLDS(!from_target || count_keys(ex->arena, target) > 0);
    if (given.query_ticket)
        HOLDS(strlen(given.query_ticket) == SECRET_LENGTH);
    if (given.query_ticket && !exchange_query_value(ex, "ticket"))
        HOLDS(!text_is(stripped(ex->arena, target_without_credentials, original), original));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct header headers[2];
    struct exchange ex = {.arena = arena_new(), .headers = headers, .header_count = 2};
    if (!ex.arena)
        abort();
    struct text target = take_until(ex.arena, &data, &size, '\n');
    struct text original = take_until(ex.arena, &data, &size, '\n');
    struct text cookie = take_until(ex.arena, &data, &size, '\n');
    headers[0] = (struct header){{ORIGINAL_URI, sizeof ORIGINAL_URI - 1}, original};
    headers[1] = (struct header){{"Cookie", sizeof "Cookie" - 1}, cookie};
    /* No header has a NUL in it, and so no text of these is longer than it seems. */
    if (strlen(target.p) == target.n && strlen(original.p) == original.n &&
        strlen(cookie.p) == cookie.n && target.n + original.n + cookie.n < ROOM) {
        check_target(ex.arena, target.p);
        check_target(ex.arena, original.p);
        check_cookie(ex.arena, cookie.p);
        if (request_parse_target(&ex, target.p) == 0)
            check_read(&ex, target.p, original.p);
    }
    arena_free(ex.arena);
    return 0;
}
