/* http/router.h: route rows, and finding the one for a request.
 *
 * A row carries everything that can be enforced or told about an endpoint before its handler runs;
 * the OpenAPI document and the policy tests are generated from the same rows. Tables are constant
 * and listed by hand in api/routes.c. Immutable after router_open(); any thread may look up. */
#ifndef SANDGATE_HTTP_ROUTER_H
#define SANDGATE_HTTP_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "core/auth.h"

struct exchange;
struct body_sink;

enum route_kind {
    ROUTE_INLINE,   /* memory and quick system calls; may park */
    ROUTE_BLOCKING, /* plain sequential code on a worker; the exchange is parked meanwhile */
    ROUTE_SLOW,     /* the same, but it may take long: few at once, not in the quick ones' way */
    ROUTE_SOCKET,   /* answers a WebSocket handshake */
};

enum body_kind {
    BODY_NONE,   /* input comes from the query */
    BODY_JSON,   /* input comes from a JSON object */
    BODY_STREAM, /* goes to `sink` as it arrives */
};

/* The method of a row for requests that are passed on: it takes every method, and path and query
 * are whoever gets them's to read: they are matched as they were sent, and not decoded. */
#define ANY_METHOD "*"
#define BOUNDLESS  ((size_t)INT64_MAX) /* a body that is passed on, and not kept */

struct route {
    const char *method; /* NULL ends a table */
    /* Segments may be {name}; a final {name...} takes the rest, slashes included. */
    const char *path;
    enum scope scope;
    enum route_kind kind;
    int (*handler)(struct exchange *ex, struct err *err);
    const struct field *input;
    size_t input_size;
    enum body_kind body;
    size_t body_limit;
    const struct body_sink *sink;
    /* Must be READY before the handler runs: started and waited for, and held meanwhile. `also` is
     * for what `service` can do without but this route cannot. */
    const char *service, *also;
    /* The page whose part it is: a ticket bound to that page opens this too. "/": any page's. */
    const char *serves;
    bool judges;         /* speaks about another request: a ticket is not used up by it */
    bool page;           /* an HTML page a person may navigate to from anywhere */
    const char *answers; /* media type of the answer where it is not the envelope; told, not used */
    const char *summary;
    const char *tag;
};

#define ROUTES_END                                                                                 \
    {                                                                                              \
        .method = NULL                                                                             \
    }

/* In a handler's table: the struct the field rows describe. */
#define INPUT(fields, type) .input = (fields), .input_size = sizeof(type)

#define MAX_PARAMS 3
struct route_params {
    struct {
        const char *name;
        size_t name_n;
        struct text value;
    } items[MAX_PARAMS];
    size_t n;
};

struct router;

/* `tables` is a NULL-terminated list. */
int router_open(const struct route *const *tables, struct router **ret_router,
                struct err *err) MUST_CHECK;
void router_close(struct router *router);

/* The row for `method` and the percent-decoded `path`; NULL with *ret_allow = NULL when no row has
 * the path, or the methods it has ("GET, POST"), allocated in `arena`. HEAD finds GET's row. */
const struct route *router_find(const struct router *router, const char *method, struct text path,
                                struct arena *arena, struct route_params *ret_params,
                                const char **ret_allow);

/* The row with ANY_METHOD for the path as it was sent, or NULL. Such rows go before all others,
 * which router_find() looks through. Parameters are as sent, too. */
const struct route *router_find_any(const struct router *router, struct text raw_path,
                                    struct route_params *ret_params);

bool route_takes_any(const struct route *route);

/* For documents: every row in table order; NULL after the last. */
const struct route *router_row(const struct router *router, size_t index);

#endif
