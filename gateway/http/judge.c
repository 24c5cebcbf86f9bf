#include "http/judge.h"

#include <string.h>

#include "base/utf8.h"
#include "http/credentials.h"
#include "http/exchange_internal.h"
#include "http/pipeline.h"
#include "http/preview.h"
#include "http/signin.h"

/* What the router is asked for. */
static const char *path_behind(struct exchange *ex, const char *prefix, const char *target)
{
    size_t n = prefix ? strlen(prefix) : 0;
    while (n && prefix[n - 1] == '/')
        n--;
    if (n && strncmp(target, prefix, n) == 0 && target[n] == '/')
        target += n;
    return arena_copy(ex->arena, target, strcspn(target, "?"));
}

/* Proxies resolve "." and "..", and some merge slashes, before they decide where a request goes: it
 * may go elsewhere than it seems. */
static bool is_plain(const char *path)
{
    while (*path == '/') {
        size_t n = strcspn(++path, "/");
        if ((n == 0 && path[0]) || (n == 1 && path[0] == '.') ||
            (n == 2 && path[0] == '.' && path[1] == '.'))
            return false;
        path += n;
    }
    return true;
}

/* NULL: it is none of ours. */
static const struct route *find_row(struct exchange *ex, const struct router *router,
                                    const char *path, const char **ret_path)
{
    struct route_params params;
    const char *allow, *method = exchange_header(ex, ORIGINAL_METHOD);
    struct text raw = {path, strlen(path)};
    char *decoded = arena_copy(ex->arena, path, raw.n);
    long n = decoded ? percent_decode(decoded, raw.n, false) : -1;
    *ret_path = "";
    if (n < 0 || memchr(decoded, '\0', (size_t)n) || !utf8_valid(decoded, (size_t)n) ||
        !is_plain(decoded))
        return NULL;
    const struct route *row = router_find_any(router, raw, &params);
    *ret_path = path;
    if (row)
        return row;
    *ret_path = decoded;
    return router_find(router, method ? method : "GET", (struct text){decoded, (size_t)n},
                       ex->arena, &params, &allow);
}

int judge_original(struct exchange *ex, const struct router *router, const char *prefix,
                   struct err *err)
{
    const char *original = exchange_header(ex, ORIGINAL_URI);
    struct demand demand = {.scopes = SCOPE_NONE, .path = "/", .serves = "/"};
    const struct route *row = NULL;
    if (original) {
        const char *path = original[0] == '/' ? path_behind(ex, prefix, original) : NULL;
        if (!path)
            return err_set(err, ERR_FORBIDDEN, ORIGINAL_URI " is not an absolute path");
        row = find_row(ex, router, path, &demand.path);
        demand.scopes = row ? (unsigned)row->scope : SCOPE_ALL;
        demand.serves = row ? row->serves : NULL;
    }
    /* It would go to an app. */
    if (preview_named(ex, NULL))
        demand.scopes |= SCOPE_EXEC;
    if (!pipeline_permits(ex, &demand))
        return err_set(err, ERR_FORBIDDEN, "this credential does not permit that");
    if (ex->cross_site_navigation && !(row && row->page))
        return err_set(err, ERR_FORBIDDEN, "requests from other sites' pages are refused");
    return signin_look(ex, pipeline_auth(ex), err);
}
