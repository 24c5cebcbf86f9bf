/* The guard. Input: a line of flags (h: HTTP/1.0, t: bad target, m: too many headers, k: a key is
 * needed), the method's line, then one header a line, NAME:VALUE, taken as they are. */
#include "fuzz.h"

#include <strings.h>

#include "http/guard.h"

#define MAX_LINES 100

static size_t count_of(const struct guard_request *rq, const char *name, const char **ret_value)
{
    size_t count = 0;
    for (size_t i = 0; i < rq->header_count; i++) {
        if (rq->headers[i].name.n == strlen(name) &&
            strncasecmp(rq->headers[i].name.p, name, rq->headers[i].name.n) == 0) {
            if (count++ == 0)
                *ret_value = rq->headers[i].value.p;
        }
    }
    return count;
}

/* What two parsers must not read differently, said a second time. */
static void check_accepted(const struct guard_request *rq)
{
    const char *length = NULL, *coding = NULL, *host = NULL;
    size_t lengths = count_of(rq, "content-length", &length);
    size_t codings = count_of(rq, "transfer-encoding", &coding);
    size_t hosts = count_of(rq, "host", &host);
    HOLDS(lengths + codings <= 1);
    HOLDS(!codings || (strcasecmp(coding, "chunked") == 0 && !rq->http10));
    HOLDS(!lengths || (*length && strspn(length, "0123456789") == strlen(length)));
    HOLDS(hosts == 1 || (hosts == 0 && rq->http10));
    HOLDS(rq->target_ok && !rq->too_many_headers && *rq->method);
    for (size_t i = 0; i < rq->header_count; i++) {
        struct text name = rq->headers[i].name, value = rq->headers[i].value;
        HOLDS(name.n > 0);
        for (size_t j = 0; j < name.n; j++)
            HOLDS(name.p[j] > 0x20 && name.p[j] < 0x7f &&
                  !strchr("()<>@,;:\\\"/[]?={}", name.p[j]));
        for (size_t j = 0; j < value.n; j++)
            HOLDS((unsigned char)value.p[j] >= 0x20 || value.p[j] == '\t');
    }
}

/* With no list, only what cannot be rebound passes: IP literals and names below
 * localhost, and those with the port of a preview before them. */
static void check_host(const struct guard_request *rq)
{
    const char *host = NULL;
    if (count_of(rq, "host", &host) == 0)
        return;
    char name[512];
    (void)snprintf(name, sizeof name, "%s", host);
    char *colon = name[0] == '[' ? strchr(name, ']') : strchr(name, ':');
    if (colon)
        *colon = '\0';
    size_t n = strlen(name);
    if (n && name[n - 1] == '.')
        name[--n] = '\0';
    bool local = n >= 9 && strcasecmp(name + n - 9, "localhost") == 0;
    size_t digits = strspn(name, "0123456789");
    const char *literal_part = digits && name[digits] == '-' ? name + digits + 1 : name;
    bool literal = strspn(literal_part, "0123456789abcdefABCDEF.:[") == strlen(literal_part);
    HOLDS(local || literal);
}

static void check_origin(const struct guard_request *rq, bool any_host)
{
    struct guard_policy policy = {.allowed_hosts = NULL, .any_host = any_host};
    struct err err = ERR_INIT;
    const char *site = NULL, *origin = NULL, *mode = NULL;
    bool navigation = true;
    int r = guard_origin(rq, &policy, &navigation, &err);
    HOLDS(r == 0 || err.kind == ERR_FORBIDDEN);
    if (r < 0)
        return;
    if (!any_host)
        check_host(rq);
    bool foreign = count_of(rq, "sec-fetch-site", &site) && strcasecmp(site, "same-origin") != 0 &&
                   strcasecmp(site, "none") != 0;
    HOLDS(navigation == foreign);
    if (navigation)
        HOLDS((strcmp(rq->method, "GET") == 0 || strcmp(rq->method, "HEAD") == 0) &&
              count_of(rq, "sec-fetch-mode", &mode) && strcasecmp(mode, "navigate") == 0);
    size_t origins = count_of(rq, "origin", &origin);
    HOLDS(origins <= 1 && (!origins || strstr(origin, "://")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct header headers[MAX_LINES];
    struct err err = ERR_INIT;
    if (!arena)
        return 0;
    struct text flags = take_until(arena, &data, &size, '\n');
    struct guard_request rq = {
        .method = take_until(arena, &data, &size, '\n').p,
        .http10 = strchr(flags.p, 'h') != NULL,
        .target_ok = !strchr(flags.p, 't'),
        .too_many_headers = strchr(flags.p, 'm') != NULL,
        .headers = headers,
    };
    while (size && rq.header_count < MAX_LINES) {
        struct text line = take_until(arena, &data, &size, '\n');
        const uint8_t *at = (const uint8_t *)line.p;
        size_t left = strlen(line.p); /* the HTTP library hands over C strings */
        struct text name = take_until(arena, &at, &left, ':');
        headers[rq.header_count++] =
            (struct header){name, {arena_copy(arena, (const char *)at, left), left}};
    }
    if (guard_framing(&rq, &err) == 0) {
        check_accepted(&rq);
        check_origin(&rq, strchr(flags.p, 'k') != NULL);
    } else {
        HOLDS(err.kind == ERR_SYNTAX && err.text[0]);
    }
    arena_free(arena);
    return 0;
}
