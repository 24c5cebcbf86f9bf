#include <stddef.h>

#include "api/app.h"

const struct route *const route_tables[] = {
    shell_routes,
    terminal_routes,
    bash_routes,
    sandbox_routes,
    docs_routes,
    health_routes,
    metrics_routes,
    page_routes,
    NULL,
};
