#include <stddef.h>

#include "api/app.h"

const struct route *const route_tables[] = {
    sandbox_routes,        file_routes,     file_transfer_routes, shell_routes,
    shell_session_routes,  terminal_routes, bash_routes,          nodejs_routes,
    nodejs_session_routes, code_routes,     history_routes,       docs_routes,
    health_routes,         metrics_routes,  page_routes,          NULL,
};
