/* JupyterLab below /jupyter/: the service, as it is, behind our door. */
#include <string.h>

#include "api/app.h"
#include "base/mem.h"
#include "core/supervisor.h"
#include "http/proxy.h"

#define SERVICE "jupyter"

static void release(void *arg)
{
    service_release(arg);
}

/* *ret_address: where it listens. Its use is over when the options' release is called. */
static int settle(const struct exchange *ex, const struct address **ret_address,
                  struct proxy_options *ret_options, struct err *err)
{
    struct service *service = supervisor_find(app_of(ex)->supervisor, SERVICE);
    const struct address *address = service ? service_address(service) : NULL;
    if (!address || !address_given(address))
        return err_set(err, ERR_UNAVAILABLE, "JupyterLab is not running");
    service_hold(service);
    *ret_address = address;
    /* Whose pages may ask was decided by the guard, which knows every address of ours. */
    *ret_options = (struct proxy_options){.pool = app_of(ex)->upstreams,
                                          .drop_origin = true,
                                          .release = release,
                                          .release_arg = service};
    return 0;
}

static int lab(struct exchange *ex, struct err *err)
{
    const struct address *address = NULL;
    struct proxy_options options;
    if (settle(ex, &address, &options, err) < 0)
        return -1;
    return proxy_any(ex, address, exchange_target(ex).p, &options, err);
}

/* Relative, so that it holds behind any proxy prefix. */
static int to_lab(struct exchange *ex, struct err *err)
{
    const char *query = strchr(exchange_target(ex).p, '?');
    const char *to = arena_printf(exchange_arena(ex), "jupyter/lab%s", query ? query : "");
    if (!to)
        return err_memory(err);
    exchange_add_header(ex, "Location", to);
    exchange_add_header(ex, "Cache-Control", "no-store");
    exchange_reply_static(ex, 302, "text/plain", "", 0);
    return 0;
}

/* ---- requests with a body ---- */

static int begin(struct exchange *ex, struct err *err)
{
    const struct address *address = NULL;
    struct proxy_options options;
    if (settle(ex, &address, &options, err) < 0)
        return -1;
    return proxy_http_begin(ex, address, exchange_target(ex).p, &options, err);
}

static const struct body_sink sink = {begin, proxy_sink_data, proxy_sink_abort};

#define BODY_MAX (512 * MIB)

#define PAGE(path)                                                                                 \
    {                                                                                              \
        "GET", path, SCOPE_EXEC, ROUTE_SOCKET, lab,                                                \
            .service = SERVICE, .page = true, .tag = "pages",                                      \
            .summary = "JupyterLab: notebooks in the browser."                                     \
    }

#define ROW(method)                                                                                \
    {                                                                                              \
        method, "/jupyter/{path...}", SCOPE_EXEC, ROUTE_INLINE, proxy_answer,                      \
            .body = BODY_STREAM, .body_limit = BODY_MAX, .sink = &sink, .service = SERVICE,        \
            .tag = "pages", .answers = "*/*", .summary = "What belongs to JupyterLab."             \
    }

const struct route jupyter_page_routes[] = {
    {"GET", "/jupyter", SCOPE_EXEC, ROUTE_INLINE, to_lab, .page = true, .tag = "pages",
     .summary = "Leads to JupyterLab."},
    PAGE("/jupyter/"),
    PAGE("/jupyter/lab"),
    PAGE("/jupyter/lab/{path...}"),
    {"GET", "/jupyter/{path...}", SCOPE_EXEC, ROUTE_SOCKET, lab, .service = SERVICE, .tag = "pages",
     .answers = "*/*", .summary = "What belongs to JupyterLab."},
    ROW("POST"),
    ROW("PUT"),
    ROW("PATCH"),
    ROW("DELETE"),
    ROUTES_END,
};
