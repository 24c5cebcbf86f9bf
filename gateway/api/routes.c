#include <stddef.h>

#include "api/app.h"

const struct route *const route_tables[] = {
    health_routes,
    file_routes,
    file_transfer_routes,
    NULL,
};
