/* What a browser shows: the pages and their assets, from the directory of --web. */

#include "api/pages.h"

#include "api/app.h"
#include "core/config.h"
#include "http/assets.h"

static const char not_built[] =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
    "<meta name=\"color-scheme\" content=\"light dark\"><title>Not built – Sandgate</title><style>"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem}"
    "</style></head><body><h1>The pages are not built</h1>"
    "<p>The API works, but the gateway finds no web assets. Build them where the sources are, with "
    "<code>make web</code>, or name the directory that holds them with <code>--web DIR</code>. "
    "There is no need to restart.</p></body></html>";

static const char *web_of(const struct exchange *ex)
{
    return app_of(ex)->config->web;
}

int page_reply(struct exchange *ex, const char *name, struct err *err)
{
    if (assets_reply(ex, web_of(ex), name, ASSET_REVALIDATE, err) == 0)
        return 0;
    assets_add_security_headers(ex);
    exchange_add_header(ex, "Cache-Control", "no-store");
    exchange_reply_static(ex, 503, "text/html; charset=utf-8", not_built, sizeof not_built - 1);
    return 0;
}

static int terminal(struct exchange *ex, struct err *err)
{
    return page_reply(ex, "terminal.html", err);
}

static int docs(struct exchange *ex, struct err *err)
{
    return page_reply(ex, "docs.html", err);
}

static int dashboard(struct exchange *ex, struct err *err)
{
    return page_reply(ex, "dashboard.html", err);
}

static int asset(struct exchange *ex, struct err *err)
{
    const char *path = exchange_param(ex, "path");
    const char *name = path ? arena_printf(exchange_arena(ex), "static/%s", path) : NULL;
    if (!name)
        return err_memory(err);
    return assets_reply(ex, web_of(ex), name, ASSET_BY_NAME, err);
}

static int favicon(struct exchange *ex, struct err *err)
{
    return assets_reply(ex, web_of(ex), "favicon.ico", ASSET_REVALIDATE, err);
}

const struct route page_routes[] = {
    {"GET", "/", SCOPE_NONE, ROUTE_INLINE, dashboard, .page = true, .tag = "pages",
     .summary = "The dashboard: everything on one page."},
    {"GET", "/index.html", SCOPE_NONE, ROUTE_INLINE, dashboard, .page = true, .tag = "pages",
     .summary = "The dashboard."},
    {"GET", "/terminal", SCOPE_NONE, ROUTE_INLINE, terminal, .page = true, .tag = "pages",
     .summary = "A terminal in the browser."},
    {"GET", "/v1/docs", SCOPE_NONE, ROUTE_INLINE, docs, .page = true, .tag = "pages",
     .summary = "This API, to read and to try."},
    {"GET", "/static/{path...}", SCOPE_NONE, ROUTE_INLINE, asset, .serves = "/", .tag = "pages",
     .answers = "*/*", .summary = "Scripts, styles and images of the pages."},
    {"GET", "/favicon.ico", SCOPE_NONE, ROUTE_INLINE, favicon, .serves = "/", .tag = "pages",
     .answers = "image/x-icon", .summary = "The icon, where there is one."},
    ROUTES_END,
};
