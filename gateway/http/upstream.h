/* http/upstream.h: HTTP/1.1 requests of ours to a local service, on the loop. */
#ifndef SANDGATE_HTTP_UPSTREAM_H
#define SANDGATE_HTTP_UPSTREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "io/address.h"
#include "io/loop.h"

/* One small request whose whole answer is wanted. `done` is called exactly once, later, with the
 * status and body, or with `err` not NULL (ERR_UNAVAILABLE, ERR_TIMEOUT, ERR_TOO_LARGE). Host is
 * the service's own. */
struct fetch;
struct fetch_spec {
    const struct address *address;
    const char *method, *target; /* "GET", "/json/version" */
    size_t ceiling;              /* of the body */
    uint64_t deadline_ms;
    void (*done)(void *arg, unsigned status, struct bytes *body, const struct err *err);
    void *arg;
};
int upstream_fetch(struct loop *loop, const struct fetch_spec *spec, struct fetch **ret_fetch,
                   struct err *err) MUST_CHECK;
/* `done` will not be called. NULL is fine. */
void upstream_cancel(struct fetch *fetch);

#endif
