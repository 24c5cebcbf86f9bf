#include <stddef.h>

#include "api/app.h"

const struct route *const route_tables[] = {
    bash_routes,
    health_routes,
    NULL,
};
