/* http/pipeline.h: the fixed steps every request goes through, in this order:
 *
 *   guard    framing that could be read two ways, other sites' pages
 *   identify the credential, before the path is even looked at
 *   preview  the row of previews, when Host or a header names a port of the sandbox
 *   route    the row for method and path
 *   permit   what the row demands against what the credential grants
 *   admit    the body's media type and its ceiling
 *   decode   body or query into the row's input struct
 *   need     the row's service: started and waited for, and held until the exchange is over;
 *            for a body that is streamed already at `admit`, and nothing of it is read meanwhile
 *   handle   the row's handler: inline, on a worker, or parked
 *   log      counters, and a line for what went wrong
 *
 * All up to `admit` need the head only, so nothing of a refused body is kept. */
#ifndef SANDGATE_HTTP_PIPELINE_H
#define SANDGATE_HTTP_PIPELINE_H

#include "core/auth.h"
#include "core/supervisor.h"
#include "http/exchange.h"
#include "http/guard.h"
#include "http/router.h"

/* Requests by status class, and a latency histogram in seconds (Prometheus buckets: cumulative
 * only when printed). Loop thread only. */
#define LATENCY_BUCKETS 12
struct http_metrics {
    uint64_t by_class[6]; /* [2]: 2xx … */
    uint64_t latency[LATENCY_BUCKETS + 1];
    double latency_sum;
    uint64_t bytes_in;
};
extern const double latency_bounds[LATENCY_BUCKETS];

/* Handlers for workers: those that run, and those that wait behind them. */
struct work {
    unsigned running, max, queued;
    struct exchange *waiting, **waiting_end;
};
#define SLOW_QUEUE_MAX 64

struct pipeline {
    const struct auth *auth;
    const struct router *router;
    const struct supervisor *supervisor;
    const struct route *preview; /* what a port named by Host or header leads to; NULL: nothing */
    struct guard_policy guard;
    unsigned max_blocking; /* blocking handlers at once; further ones wait their turn */
    unsigned max_slow;     /* the same of slow ones, of which few may wait */
    uint64_t service_ms;   /* a request waits so long for the service it needs */
    /* the pipeline's own */
    unsigned blocking; /* handlers of both sorts that run now */
    struct work quick, slow;
    struct http_metrics metrics;
};

/* The hooks to open the server with; `pipeline` stays the caller's and outlives the server. */
struct server_hooks pipeline_hooks(struct pipeline *pipeline, void *app);

/* Whether a key is configured, so that credentials in a request are the gateway's. */
bool pipeline_needs_key(const struct exchange *ex);

#endif
