/* http/openapi.h: the routes as an OpenAPI 3.1 document, written from the rows that are enforced,
 * so that the two cannot differ. Any thread. */
#ifndef SANDGATE_HTTP_OPENAPI_H
#define SANDGATE_HTTP_OPENAPI_H

#include <stdbool.h>

#include "base/bytes.h"
#include "http/router.h"

struct openapi_about {
    const char *title, *version, *description;
    bool key_required;
};

/* `out` tells by its failed flag whether all of it fitted. */
void openapi_write(const struct router *router, const struct openapi_about *about,
                   struct bytes *out);

#endif
