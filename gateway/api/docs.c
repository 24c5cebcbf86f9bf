/* This API's own description. */
#include "api/app.h"
#include "http/openapi.h"

/* The rows do not change while the gateway runs: written when first asked for, kept in the app. */
static int openapi(struct exchange *ex, struct err *err)
{
    struct app *app = app_of(ex);
    struct bytes *document = &app->openapi;
    if (!document->len) {
        struct openapi_about about = {
            .title = "Sandgate",
            .version = SANDGATE_VERSION,
            .description = "A computer for AI agents and people: files, shells and a terminal.",
            .key_required = auth_required(app->auth),
        };
        *document = bytes_with_limit(8 * MIB);
        openapi_write(app->router, &about, document);
        if (document->failed) {
            bytes_done(document);
            return err_memory(err);
        }
    }
    exchange_add_header(ex, "Cache-Control", "no-cache");
    exchange_reply_static(ex, 200, "application/json", document->data, document->len);
    return 0;
}

const struct route docs_routes[] = {
    {"GET", "/v1/openapi.json", SCOPE_NONE, ROUTE_INLINE, openapi, .serves = "/v1/docs",
     .tag = "docs", .answers = "application/json",
     .summary = "This API as an OpenAPI 3.1 document."},
    ROUTES_END,
};
