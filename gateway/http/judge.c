#include "http/judge.h"

#include <string.h>

#include "base/utf8.h"
#include "http/credentials.h"
#include "http/exchange_internal.h"
#include "http/pipeline.h"
#include "http/public.h"
#include "http/signin.h"

/* What the router is asked for: the path without the prefix that proxies in front took off. */
static const char *path_behind(struct exchange *ex, const char *target)
{
    struct public_address address;
    public_address_of(ex, &address);
    size_t n = strlen(address.prefix);
    if (n && strncmp(target, address.prefix, n) == 0 && target[n] == '/')
        target += n;
    return arena_copy(ex->arena, target, strcspn(target, "?"));
}

static const struct route *find_row(struct exchange *ex, const struct router *router,
                                    const char *path, const char **ret_path)
{
    struct route_params params;
    const char *allow, *method = exchange_header(ex, ORIGINAL_METHOD);
    struct text raw = {path, strlen(path)};
    const struct route *row = router_find_any(router, raw, &params);
    *ret_path = path;
    if (row)
        return row;
    char *decoded = arena_copy(ex->arena, path, raw.n);
    long n = decoded ? percent_decode(decoded, raw.n, false) : -1;
    if (n < 0 || memchr(decoded, '\0', (size_t)n) || !utf8_valid(decoded, (size_t)n))
        return NULL;
    *ret_path = decoded;
    return router_find(router, method ? method : "GET", (struct text){decoded, (size_t)n},
                       ex->arena, &params, &allow);
}

int judge_original(struct exchange *ex, const struct router *router, struct err *err)
{
    const char *original = exchange_header(ex, ORIGINAL_URI);
    struct demand demand = {.scopes = SCOPE_NONE, .path = "/", .serves = "/"};
    const struct route *row = NULL;
    if (original) {
        const char *path = original[0] == '/' ? path_behind(ex, original) : NULL;
        if (!path)
            return err_set(err, ERR_FORBIDDEN, ORIGINAL_URI " is not an absolute path");
        row = find_row(ex, router, path, &demand.path);
        demand.scopes = row ? (unsigned)row->scope : SCOPE_ALL;
        demand.serves = row ? row->serves : NULL;
    }
    if (!pipeline_permits(ex, &demand))
        return err_set(err, ERR_FORBIDDEN, "this credential does not permit that");
    if (ex->cross_site_navigation && !(row && row->page))
        return err_set(err, ERR_FORBIDDEN, "requests from other sites' pages are refused");
    return signin_look(ex, pipeline_auth(ex), err);
}
