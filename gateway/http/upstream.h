/* http/upstream.h: HTTP/1.1 requests of ours to a local service, on the loop.
 *
 * A call is one request and its answer, streamed both ways: the answer is read only while the
 * caller has room, and what of the request waits to be sent is told. Connections that may be used
 * again go to a pool, by address. Hooks never run inside the calls below, but for upstream_read();
 * any of these calls may be made from within a hook. Loop thread only. */
#ifndef SANDGATE_HTTP_UPSTREAM_H
#define SANDGATE_HTTP_UPSTREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "http/response_head.h"
#include "io/address.h"
#include "io/loop.h"

/* ---- idle connections ---- */

struct upstream_pool;
int upstream_pool_open(struct loop *loop, struct upstream_pool **ret_pool,
                       struct err *err) MUST_CHECK;
/* No call may be under way. NULL is fine. */
void upstream_pool_close(struct upstream_pool *pool);

/* ---- calls ---- */

struct upstream_call;
struct upstream_hooks {
    /* The head of the answer (interim ones are passed over); it holds until `end`. */
    void (*head)(void *arg, const struct response_head *head);
    /* Some of its body. After upstream_pause() as much as was read already still comes: at most
     * UPSTREAM_READ bytes; none when paused within `head`. */
    void (*data)(void *arg, const char *data, size_t n);
    /* All that was written is on its way. May be NULL. */
    void (*room)(void *arg);
    /* Instead of `data`, after upstream_pull(): there may be something to read. */
    void (*readable)(void *arg);
    /* The last call: the answer is complete (NULL), or it failed or broke off: ERR_UNAVAILABLE, or
     * ERR_TIMEOUT. */
    void (*end)(void *arg, const struct err *err);
};
#define UPSTREAM_READ (64 * KIB)

struct upstream_spec {
    const struct address *address;
    struct upstream_pool *pool; /* NULL: a connection of its own */
    const char *method;
    struct bytes *head;   /* the request's head as it goes out, empty line included; taken */
    bool has_body;        /* upstream_write() and upstream_finish() follow */
    bool upgrade;         /* a 101 is asked for */
    uint64_t deadline_ms; /* for the answer's head to come; 0: the caller watches the time */
    const struct upstream_hooks *hooks;
    void *arg;
};

/* Fails with ERR_UNAVAILABLE when it is known at once that nothing listens. A request without a
 * body whose method may be repeated (RFC 9110 section 9.2.2) is sent on a pooled connection, and
 * again on a fresh one if that was closed under it before anything came back; others get a fresh
 * connection. */
int upstream_begin(struct loop *loop, const struct upstream_spec *spec,
                   struct upstream_call **ret_call, struct err *err) MUST_CHECK;
/* More of the request. What cannot be sent now is kept, without a ceiling of its own: look at
 * upstream_pending() first. A service that answers without reading all of it is no error. */
void upstream_write(struct upstream_call *call, const char *data, size_t n);
size_t upstream_pending(const struct upstream_call *call);
/* The service takes no more of the request: what is written goes nowhere. */
bool upstream_deaf(const struct upstream_call *call);
/* That was all of the request. */
void upstream_finish(struct upstream_call *call);
/* Within `head`: the body will be fetched with upstream_read(), without a copy in between. */
void upstream_pull(struct upstream_call *call);
/* Some of the body, straight from the socket. 0: nothing now; `readable` will be called, unless the
 * answer is over: `end` is called within this call, also when it returns the last bytes. */
size_t upstream_read(struct upstream_call *call, char *to, size_t room);
/* Within `head`: how much of what came is behind it. */
size_t upstream_at_hand(const struct upstream_call *call);
/* Read no more of the answer for now, or go on. */
void upstream_pause(struct upstream_call *call, bool pause);
/* Forget it: no hook is called any more. NULL is fine. */
void upstream_abandon(struct upstream_call *call);
/* Within `head`, of a 101: the socket becomes the caller's, with what the service sent behind the
 * head; the call is over and `end` will not be called. */
int upstream_take_socket(struct upstream_call *call, struct bytes *ret_extra);

/* ---- small requests ---- */

/* One request whose whole answer is wanted. `done` is called exactly once, later, with the status
 * and body, or with `err` not NULL (ERR_UNAVAILABLE, ERR_TIMEOUT, ERR_TOO_LARGE). Host is the
 * service's own. The body is the caller's to take out of its buffer. */
struct fetch;
struct fetch_spec {
    const struct address *address;
    const char *method, *target; /* "GET", "/json/version" */
    size_t ceiling;              /* of the body */
    uint64_t deadline_ms;        /* for all of it */
    void (*done)(void *arg, unsigned status, struct bytes *body, const struct err *err);
    void *arg;
};
int upstream_fetch(struct loop *loop, const struct fetch_spec *spec, struct fetch **ret_fetch,
                   struct err *err) MUST_CHECK;
/* `done` will not be called. NULL is fine. */
void upstream_cancel(struct fetch *fetch);

/* "127.0.0.1:9222", or "localhost" for a Unix socket: a Host no service should refuse. */
#define UPSTREAM_HOST_SIZE 24
void upstream_host(const struct address *address, char out[UPSTREAM_HOST_SIZE]);

#endif
