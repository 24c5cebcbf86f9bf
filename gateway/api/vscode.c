/* VS Code in the browser: /code-server/ and /vscode/ are the service's root. */
#include <string.h>

#include "api/app.h"
#include "base/mem.h"
#include "core/config.h"
#include "core/supervisor.h"
#include "http/proxy.h"

#define SERVICE "code"

static void release(void *arg)
{
    service_release(arg);
}

/* The address behind the first segment, the query as it came. */
static const char *target_of(const struct exchange *ex)
{
    const char *target = exchange_target(ex).p;
    const char *slash = strchr(target + 1, '/');
    return slash ? slash : "/";
}

/* "/vscode" or "/code-server", whatever escapes it was written with. */
static const char *prefix_of(struct exchange *ex)
{
    const char *path = exchange_path(ex).p;
    size_t n = 1 + strcspn(path + 1, "/");
    return arena_copy(exchange_arena(ex), path, n);
}

/* Whose pages may ask was decided by the guard. */
static int pass_on(struct exchange *ex, struct err *err)
{
    struct service *service = supervisor_find(app_of(ex)->supervisor, SERVICE);
    const struct address *address = service ? service_address(service) : NULL;
    const char *prefix = prefix_of(ex);
    if (!address || !address_given(address))
        return err_set(err, ERR_UNAVAILABLE, "VS Code is not running");
    if (!prefix)
        return err_memory(err);
    const struct proxy_options options = {.pool = app_of(ex)->upstreams,
                                          .drop_origin = true,
                                          .prefix = prefix,
                                          .release = release,
                                          .release_arg = service};
    service_hold(service);
    return proxy_any(ex, address, target_of(ex), &options, err);
}

static void add_encoded(struct bytes *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     strchr("/-._~", c);
        (void)bytes_printf(out, plain ? "%c" : "%%%02X", c);
    }
}

/* To the page, with the workspace open unless the query says what to open. Relative, so that it
 * holds behind any prefix. */
static int to_page(struct exchange *ex, struct err *err)
{
    static const char *const says[] = {"folder", "workspace", "ew"};
    cleanup_bytes struct bytes to = BYTES_INIT(64 * KIB);
    const char *query = strchr(exchange_target(ex).p, '?');
    bool said = false;
    for (size_t i = 0; i < COUNT_OF(says); i++)
        said |= exchange_query_value(ex, says[i]) != NULL;
    (void)bytes_printf(&to, "./%s/?", prefix_of(ex) + 1);
    if (!said) {
        (void)bytes_adds(&to, "folder=");
        add_encoded(&to, app_of(ex)->config->workspace);
    }
    if (query && query[1])
        (void)bytes_printf(&to, "%s%s", said ? "" : "&", query + 1);
    const char *location = arena_copy(exchange_arena(ex), bytes_text(&to), to.len);
    if (!location)
        return err_memory(err);
    exchange_add_header(ex, "Location", location);
    exchange_add_header(ex, "Cache-Control", "no-store");
    exchange_reply_static(ex, 302, "text/plain", "", 0);
    return 0;
}

#define ROWS(base)                                                                                 \
    {"GET",          base,                                                                         \
     SCOPE_EXEC,     ROUTE_INLINE,                                                                 \
     to_page,        .page = true,                                                                 \
     .tag = "pages", .summary = "Leads to VS Code, with the workspace open."},                     \
        {"GET",                                                                                    \
         base "/",                                                                                 \
         SCOPE_EXEC,                                                                               \
         ROUTE_SOCKET,                                                                             \
         pass_on,                                                                                  \
         .service = SERVICE,                                                                       \
         .audit = {.action = "vscode.open", .fold = true},                                         \
         .page = true,                                                                             \
         .tag = "pages",                                                                           \
         .summary = "VS Code in the browser."},                                                    \
        {"GET",                                                                                    \
         base "/{path...}",                                                                        \
         SCOPE_EXEC,                                                                               \
         ROUTE_SOCKET,                                                                             \
         pass_on,                                                                                  \
         .service = SERVICE,                                                                       \
         .audit = {.action = "vscode.open", .fold = true},                                         \
         .tag = "pages",                                                                           \
         .answers = "*/*",                                                                         \
         .summary = "What belongs to VS Code."},                                                   \
    {                                                                                              \
        "POST", base "/mint-key", SCOPE_EXEC, ROUTE_INLINE, pass_on,                               \
            .service = SERVICE, .audit = {.action = "vscode.open", .fold = true}, .tag = "pages",  \
            .answers = "*/*", .summary = "The key VS Code's page keeps its secrets with."          \
    }

const struct route vscode_routes[] = {
    ROWS("/code-server"),
    ROWS("/vscode"),
    ROUTES_END,
};
