#include <stddef.h>

#include "api/app.h"

/* A line each, so that two new nouns do not meet in one. */
/* clang-format off */
const struct route *const route_tables[] = {
    auth_routes,
    sandbox_routes,
    resource_routes,
    file_routes,
    file_transfer_routes,
    shell_routes,
    shell_session_routes,
    terminal_routes,
    bash_routes,
    jupyter_routes,
    nodejs_routes,
    nodejs_session_routes,
    code_routes,
    history_routes,
    browser_routes,
    browser_action_routes,
    display_routes,
    service_routes,
    docs_routes,
    llms_routes,
    devtools_routes,
    vnc_routes,
    jupyter_page_routes,
    vscode_routes,
    preview_routes,
    health_routes,
    metrics_routes,
    page_routes,
    NULL,
};
