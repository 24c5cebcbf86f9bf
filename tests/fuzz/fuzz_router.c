/* Targets and routes. Input: the method's line, then the request target. */
#include "fuzz.h"

#include "base/utf8.h"
#include "http/exchange_internal.h"

static const struct route table[] = {
    {.method = "GET", .path = "/"},
    {.method = "GET", .path = "/v1/shell/sessions"},
    {.method = "POST", .path = "/v1/shell/sessions"},
    {.method = "GET", .path = "/v1/shell/sessions/{id}"},
    {.method = "DELETE", .path = "/v1/shell/sessions/{id}"},
    {.method = "POST", .path = "/v1/{noun}/{id}/kill"},
    {.method = "GET", .path = "/static/{path...}"},
    {.method = "GET", .path = "/proxy/{port}/{rest...}"},
    {.method = ANY_METHOD, .path = "/any/{port}/{rest...}"},
    ROUTES_END,
};
static const struct route *const tables[] = {table, NULL};

/* The pattern with its parameters filled in is the path again. */
static void check_match(const struct route *row, struct text path,
                        const struct route_params *params)
{
    struct bytes rebuilt = BYTES_INIT(1 * MIB);
    size_t used = 0;
    for (const char *p = row->path; *p;) {
        size_t plain = strcspn(p, "{");
        (void)bytes_add(&rebuilt, p, plain);
        p += plain;
        if (*p != '{')
            continue;
        size_t n = strcspn(p, "}");
        bool rest = n > 4 && strncmp(p + n - 3, "...", 3) == 0;
        HOLDS(used < params->n);
        struct text value = params->items[used].value;
        HOLDS(params->items[used].name_n == n - (rest ? 4 : 1));
        HOLDS(memcmp(params->items[used].name, p + 1, params->items[used].name_n) == 0);
        HOLDS(value.n > 0 && (rest || !memchr(value.p, '/', value.n)));
        HOLDS(value.p >= path.p && value.p + value.n <= path.p + path.n);
        (void)bytes_add(&rebuilt, value.p, value.n);
        used++;
        p += n + 1;
    }
    HOLDS(used == params->n);
    HOLDS(!rebuilt.failed && rebuilt.len == path.n && memcmp(rebuilt.data, path.p, path.n) == 0);
    bytes_done(&rebuilt);
}

/* What is told to be allowed is, and nothing else. */
static void check_allow(const struct router *router, struct text path, struct arena *arena,
                        const char *allow)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE"};
    struct route_params params;
    const char *other;
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        const struct route *row = router_find(router, methods[i], path, arena, &params, &other);
        HOLDS((row != NULL) == (allow && strstr(allow, methods[i]) != NULL));
    }
}

static void check_target(const struct exchange *ex, const char *target)
{
    HOLDS(target[0] == '/' && ex->path.p[0] == '/');
    HOLDS(strlen(ex->path.p) == ex->path.n && utf8_valid(ex->path.p, ex->path.n));
    HOLDS(ex->path.n <= ex->raw_path.n && ex->query_count <= MAX_QUERY_PAIRS);
    for (size_t i = 0; i < ex->query_count; i++) {
        const struct text_pair *pair = &ex->query[i];
        HOLDS(strlen(pair->name.p) == pair->name.n && utf8_valid(pair->name.p, pair->name.n));
        HOLDS(strlen(pair->value.p) == pair->value.n && utf8_valid(pair->value.p, pair->value.n));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct exchange ex = {.arena = arena_new()};
    struct router *router = NULL;
    struct err err;
    if (!ex.arena || router_open(tables, &router, &err) < 0)
        abort();
    const char *method = take_until(ex.arena, &data, &size, '\n').p;
    const char *target = arena_copy(ex.arena, (const char *)data, size);
    int parsed = request_parse_target(&ex, target);
    struct route_params params;
    if (parsed >= 0) {
        /* By the path as it was sent, also where that is no text. */
        const struct route *row = router_find_any(router, ex.raw_path, &params);
        HOLDS(target[0] == '/' && ex.raw_path.n == strcspn(target, "?"));
        if (row)
            check_match(row, ex.raw_path, &params);
    }
    if (parsed == 0) {
        const char *allow;
        check_target(&ex, target);
        const struct route *row = router_find(router, method, ex.path, ex.arena, &params, &allow);
        if (row) {
            HOLDS(strcmp(row->method, method) == 0 ||
                  (strcmp(method, "HEAD") == 0 && strcmp(row->method, "GET") == 0));
            check_match(row, ex.path, &params);
        } else {
            check_allow(router, ex.path, ex.arena, allow);
        }
    }
    router_close(router);
    arena_free(ex.arena);
    return 0;
}
