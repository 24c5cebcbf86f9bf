/* http/proxy.h: requests passed on to a local service, byte for byte, and its answers passed back.
 *
 * Hop-by-hop headers end here, credentials of ours never go on (X-AIO-API-Key, the session cookie,
 * and with a key configured Authorization and ?api_key=), X-Forwarded-* is extended. Both bodies
 * are streamed: who sends is not read while who receives is slow. A service that breaks off midway
 * makes a broken connection, never a clean end; a client that leaves ends the request to the
 * service. Loop thread only. */
#ifndef SANDGATE_HTTP_PROXY_H
#define SANDGATE_HTTP_PROXY_H

#include "base/err.h"
#include "http/exchange.h"
#include "http/upstream.h"
#include "io/address.h"

struct proxy_options {
    struct upstream_pool *pool; /* NULL: a connection per request */
    bool keep_host;       /* Host as the client sent it; else the service's loopback address */
    bool drop_origin;     /* do not pass Origin on */
    const char *origin;   /* Origin to say instead; NULL: none of ours */
    bool bare;            /* pass on nothing but what a WebSocket handshake is made of, and
                             Accept and the like: for services with small buffers */
    const char *prefix;   /* what was taken off the path ("/proxy/3000"): told as part of
                             X-Forwarded-Prefix, and put into the answer's Location and cookies;
                             NULL: nothing. Outlives the exchange, or is in its arena */
    bool outer;           /* without a prefix of ours too the answer's Location and cookies are put
                             below what proxies in front of us took off */
    uint64_t deadline_ms; /* for the head of the answer; 0: PROXY_DEADLINE_MS */
    uint64_t stall_ms;    /* for the service to take something of the body; 0: PROXY_STALL_MS */
    /* Nothing listens there: sets the reply. NULL: 502 in the envelope. */
    void (*nobody)(struct exchange *ex);
    /* Called once when the request or tunnel is over, also when the call below fails. May be NULL.
     */
    void (*release)(void *arg);
    void *release_arg;
};
#define PROXY_DEADLINE_MS  ((uint64_t)10 * 60 * 1000)
#define PROXY_HANDSHAKE_MS ((uint64_t)10 * 1000)
/* A service that takes nothing of a request's body for so long is given up. */
#define PROXY_STALL_MS ((uint64_t)60 * 1000)

/* Join the client's WebSocket to the service's: the service is asked first, and its answer is the
 * client's, be it a 101 or a refusal. Fails with ERR_SYNTAX when the client's is no handshake. */
int proxy_websocket(struct exchange *ex, const struct address *address, const char *target,
                    const struct proxy_options *options, struct err *err) MUST_CHECK;

/* Pass the request on: from a handler, with the body collected (or none); or from a sink's begin,
 * whose row then uses proxy_sink_data and proxy_sink_abort and whose handler calls proxy_answer().
 */
int proxy_http(struct exchange *ex, const struct address *address, const char *target,
               const struct proxy_options *options, struct err *err) MUST_CHECK;
/* From a sink's begin; the body follows. The exchange's state is the proxy's. */
int proxy_http_begin(struct exchange *ex, const struct address *address, const char *target,
                     const struct proxy_options *options, struct err *err) MUST_CHECK;
int proxy_sink_data(struct exchange *ex, const char *data, size_t n, struct err *err) MUST_CHECK;
void proxy_sink_abort(struct exchange *ex);
int proxy_answer(struct exchange *ex, struct err *err) MUST_CHECK;

/* Either, as the client asks. */
int proxy_any(struct exchange *ex, const struct address *address, const char *target,
              const struct proxy_options *options, struct err *err) MUST_CHECK;

#endif
