#include "http/router.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

struct router {
    const struct route **rows; /* table order */
    size_t count;
    const struct route **exact; /* rows without parameters, by path */
    size_t exact_count;
    const struct route **patterns; /* the others, table order */
    size_t pattern_count;
    const struct route **any; /* rows with ANY_METHOD, table order */
    size_t any_count;
};

bool route_takes_any(const struct route *route)
{
    return route->method[0] == '*';
}

static int by_path(const void *a, const void *b)
{
    const struct route *const *x = a, *const *y = b;
    return strcmp((*x)->path, (*y)->path);
}

static int allocate(struct router *r, struct err *err)
{
    size_t n = r->count + 1;
    r->rows = calloc(n, sizeof(void *));
    r->exact = calloc(n, sizeof(void *));
    r->patterns = calloc(n, sizeof(void *));
    r->any = calloc(n, sizeof(void *));
    return r->rows && r->exact && r->patterns && r->any ? 0 : err_memory(err);
}

int router_open(const struct route *const *tables, struct router **ret_router, struct err *err)
{
    struct router *r = calloc(1, sizeof *r);
    if (!r)
        return err_memory(err);
    for (size_t t = 0; tables[t]; t++)
        for (const struct route *row = tables[t]; row->method; row++)
            r->count++;
    if (allocate(r, err) < 0) {
        router_close(r);
        return -1;
    }
    size_t i = 0;
    for (size_t t = 0; tables[t]; t++) {
        for (const struct route *row = tables[t]; row->method; row++) {
            r->rows[i++] = row;
            if (route_takes_any(row))
                r->any[r->any_count++] = row;
            else if (strchr(row->path, '{'))
                r->patterns[r->pattern_count++] = row;
            else
                r->exact[r->exact_count++] = row;
        }
    }
    qsort(r->exact, r->exact_count, sizeof(void *), by_path);
    *ret_router = r;
    return 0;
}

void router_close(struct router *r)
{
    if (!r)
        return;
    free(r->rows);
    free(r->exact);
    free(r->patterns);
    free(r->any);
    free(r);
}

static bool take_param(struct route_params *params, const char *name, size_t name_n,
                       const char *value, size_t n)
{
    if (params->n == MAX_PARAMS || n == 0)
        return false;
    params->items[params->n].name = name;
    params->items[params->n].name_n = name_n;
    params->items[params->n].value = (struct text){value, n};
    params->n++;
    return true;
}

/* Segment by segment; both start with '/'. Values point into `path`. */
static bool match_pattern(const char *pattern, struct text path, struct route_params *params)
{
    const char *at = path.p, *end = path.p + path.n;
    params->n = 0;
    while (*pattern == '/') {
        if (at == end || *at != '/')
            return false;
        pattern++;
        at++;
        size_t want = strcspn(pattern, "/");
        const char *slash = memchr(at, '/', (size_t)(end - at));
        size_t have = slash ? (size_t)(slash - at) : (size_t)(end - at);
        if (*pattern != '{') {
            if (want != have || memcmp(pattern, at, want) != 0)
                return false;
        } else if (want > 5 && memcmp(pattern + want - 4, "...}", 4) == 0) {
            return take_param(params, pattern + 1, want - 5, at, (size_t)(end - at));
        } else if (!take_param(params, pattern + 1, want - 2, at, have)) {
            return false;
        }
        pattern += want;
        at += have;
    }
    return at == end;
}

static bool method_matches(const char *row, const char *method)
{
    return strcmp(row, method) == 0 || (strcmp(method, "HEAD") == 0 && strcmp(row, "GET") == 0);
}

/* The first of the equal-path rows. */
static size_t lower_bound(const struct router *r, const char *path)
{
    size_t low = 0, high = r->exact_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(r->exact[middle]->path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void note_method(struct bytes *allow, const char *method)
{
    if (allow->len)
        (void)bytes_adds(allow, ", ");
    (void)bytes_adds(allow, method);
    if (strcmp(method, "GET") == 0)
        (void)bytes_adds(allow, ", HEAD");
}

const struct route *router_find(const struct router *r, const char *method, struct text path,
                                struct arena *arena, struct route_params *ret_params,
                                const char **ret_allow)
{
    cleanup_bytes struct bytes allow = BYTES_INIT(128);
    *ret_allow = NULL;
    ret_params->n = 0;
    for (size_t i = lower_bound(r, path.p);
         i < r->exact_count && strcmp(r->exact[i]->path, path.p) == 0; i++) {
        if (method_matches(r->exact[i]->method, method))
            return r->exact[i];
        note_method(&allow, r->exact[i]->method);
    }
    bool exact = allow.len > 0;
    for (size_t i = 0; i < r->pattern_count && !exact; i++)
        if (method_matches(r->patterns[i]->method, method) &&
            match_pattern(r->patterns[i]->path, path, ret_params))
            return r->patterns[i];
    for (size_t i = 0; i < r->pattern_count && !exact; i++)
        if (match_pattern(r->patterns[i]->path, path, ret_params))
            note_method(&allow, r->patterns[i]->method);
    if (allow.len)
        *ret_allow = arena_copy(arena, allow.data, allow.len);
    return NULL;
}

const struct route *router_find_any(const struct router *r, struct text raw_path,
                                    struct route_params *ret_params)
{
    for (size_t i = 0; i < r->any_count; i++)
        if (match_pattern(r->any[i]->path, raw_path, ret_params))
            return r->any[i];
    return NULL;
}

const struct route *router_row(const struct router *r, size_t index)
{
    return index < r->count ? r->rows[index] : NULL;
}
