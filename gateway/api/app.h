/* api/app.h: the open rooms, as handlers see them, and the tables of routes.
 *
 * main fills the struct; http/ carries it without knowing what it is. A noun is one file with its
 * own field tables and rows; a new one adds its table here and one line in routes.c. */
#ifndef SANDGATE_API_APP_H
#define SANDGATE_API_APP_H

#include "http/exchange.h"
#include "http/pipeline.h"
#include "http/router.h"

struct app {
    const struct config *config;
    struct loop *loop;
    struct children *children;
    struct store *store;
    const struct environment *environment;
    struct toolbox *toolbox;
    struct files *files;
    struct resources *resources;
    struct auth *auth;
    struct bash_sessions *bash;
    struct shell_sessions *shells;
    struct code_jobs *code_jobs;
    struct code_runs *code_runs;
    struct node_sessions *node;
    struct jupyter_sessions *jupyter;
    struct supervisor *supervisor;
    struct recorder *recorder;
    struct upstream_pool *upstreams; /* idle connections to services */
    struct router *router;
    struct pipeline *pipeline;
    struct server *server;
    struct ws_context *ws;
    uint64_t started_ms;  /* loop_clock() at start */
    uint16_t port;        /* which we listen on */
    struct bytes openapi; /* the document, once it was asked for */
};

static inline struct app *app_of(const struct exchange *ex)
{
    return exchange_app(ex);
}

/* NULL-terminated; in the order of the documentation. */
extern const struct route *const route_tables[];

extern const struct route auth_routes[];
extern const struct route bash_routes[];
extern const struct route code_routes[];
extern const struct route browser_action_routes[];
extern const struct route browser_routes[];
extern const struct route display_routes[];
extern const struct route devtools_routes[];
extern const struct route docs_routes[];
extern const struct route health_routes[];
extern const struct route history_routes[];
extern const struct route llms_routes[];
extern const struct route jupyter_page_routes[];
extern const struct route jupyter_routes[];
extern const struct route metrics_routes[];
extern const struct route nodejs_routes[];
extern const struct route nodejs_session_routes[];
extern const struct route page_routes[];
extern const struct route preview_routes[];
extern const struct route resource_routes[];
extern const struct route sandbox_routes[];
extern const struct route service_routes[];
extern const struct route shell_routes[];
extern const struct route shell_session_routes[];
extern const struct route terminal_routes[];
extern const struct route vnc_routes[];
extern const struct route vscode_routes[];
extern const struct route file_routes[];
extern const struct route file_transfer_routes[];

/* Not of a table: the row of requests whose Host or header names a port. */
extern const struct route preview_named_route;

#endif
