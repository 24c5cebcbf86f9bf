/* The desktop in a browser: the page, and the WebSocket that carries the RFB protocol. */
#include <string.h>

#include "api/app.h"
#include "api/pages.h"
#include "base/mem.h"
#include "core/config.h"
#include "core/supervisor.h"
#include "http/assets.h"
#include "http/proxy.h"

#define SERVICE "desktop"

static void release(void *arg)
{
    service_release(arg);
}

/* libvncserver takes a handshake of at most 4 KiB, and none without an Origin; whose pages may ask
 * was decided by the guard. */
static int websockify(struct exchange *ex, struct err *err)
{
    struct service *service = supervisor_find(app_of(ex)->supervisor, SERVICE);
    const struct address *address = service ? service_address(service) : NULL;
    if (!address || !address_given(address))
        return err_set(err, ERR_UNAVAILABLE, "the desktop is not running");
    const struct proxy_options options = {
        .origin = "http://localhost", .bare = true, .release = release, .release_arg = service};
    service_hold(service);
    return proxy_websocket(ex, address, "/websockify", &options, err);
}

static int page(struct exchange *ex, struct err *err)
{
    return page_reply(ex, "vnc.html", err);
}

/* Relative, so that it holds behind any proxy prefix. */
static int to_page(struct exchange *ex, struct err *err)
{
    const char *query = strchr(exchange_target(ex).p, '?');
    const char *to = arena_printf(exchange_arena(ex), "vnc/index.html%s", query ? query : "");
    if (!to)
        return err_memory(err);
    exchange_add_header(ex, "Location", to);
    exchange_add_header(ex, "Cache-Control", "no-store");
    exchange_reply_static(ex, 302, "text/plain", "", 0);
    return 0;
}

static int asset(struct exchange *ex, struct err *err)
{
    const char *path = exchange_param(ex, "path");
    const char *name = path ? arena_printf(exchange_arena(ex), "vnc/%s", path) : NULL;
    if (!name)
        return err_memory(err);
    return assets_reply(ex, app_of(ex)->config->web, name, ASSET_BY_NAME, err);
}

const struct route vnc_routes[] = {
    {"GET", "/vnc", SCOPE_NONE, ROUTE_INLINE, to_page, .page = true, .tag = "pages",
     .summary = "Leads to the desktop's page."},
    {"GET", "/vnc/", SCOPE_NONE, ROUTE_INLINE, page, .page = true, .tag = "pages",
     .summary = "The desktop in the browser."},
    {"GET", "/vnc/index.html", SCOPE_NONE, ROUTE_INLINE, page, .page = true, .tag = "pages",
     .summary = "The desktop in the browser."},
    {"GET", "/vnc/{path...}", SCOPE_NONE, ROUTE_INLINE, asset, .serves = "/vnc", .tag = "pages",
     .answers = "*/*", .summary = "What belongs to the desktop's page."},
    {"GET", "/websockify", SCOPE_DESKTOP, ROUTE_SOCKET, websockify, .serves = "/vnc",
     .service = SERVICE, .tag = "display",
     .summary = "The desktop as RFB (VNC) in a WebSocket, subprotocol binary."},
    ROUTES_END,
};
