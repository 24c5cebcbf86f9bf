/* http/exchange.h: one request and its reply. The only door to libmicrohttpd.
 *
 * A server runs MHD inside our loop (external epoll); an exchange lives from the request line to
 * the last byte of the reply, and owns an arena that dies with it. Everything a handler learns
 * points into that arena. All calls belong to the loop thread, except that while a blocking handler
 * runs, the worker owns the exchange and may use everything marked (worker).
 *
 * A handler answers in one of three ways: it sets a reply; it fails with an err; or it parks the
 * exchange, to be woken when the reply was set. A park has a deadline and notices when the client
 * leaves. */
#ifndef SANDGATE_HTTP_EXCHANGE_H
#define SANDGATE_HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "io/loop.h"

struct server;
struct exchange;
struct route;

/* ---- the server ---- */

/* What the pipeline plugs in: the one call that travels upward. */
enum head_verdict {
    HEAD_RUN,    /* no body wanted or none there: run at once */
    HEAD_BODY,   /* collect the body first, up to the ceiling the pipeline set */
    HEAD_STREAM, /* feed the body to the sink the pipeline set; parked: once it was woken, unless
                    a reply was set */
    HEAD_REFUSE, /* a reply was set: send it, reading no further than needed */
};
struct server_hooks {
    enum head_verdict (*head)(void *arg, struct exchange *ex); /* request line and headers are in */
    void (*run)(void *arg, struct exchange *ex);               /* the body is in; reply or park */
    void (*done)(void *arg, struct exchange *ex, bool delivered); /* the exchange is over */
    void *arg;
    void *app; /* what exchange_app() answers */
};

struct server_limits {
    unsigned connections;  /* refused (closed) beyond */
    unsigned idle_seconds; /* keep-alive and stalled-upload timeout */
};

/* `fd` is a listening socket, which the server takes. */
int server_open(struct loop *loop, int fd, const struct server_hooks *hooks,
                const struct server_limits *limits, struct server **ret_server,
                struct err *err) MUST_CHECK;
/* No new connections; parked exchanges are told PARK_SHUTDOWN. */
void server_quiesce(struct server *server);
/* 1 when no exchange is under way. */
int server_idle(void *server);
/* 1 when no worker has an exchange: server_close() needs that. */
int server_released(void *server);
void server_close(struct server *server);
unsigned server_connections(const struct server *server);

/* ---- the request (worker) ---- */

struct header {
    struct text name, value;
};

const char *exchange_method(const struct exchange *ex);
/* As sent, query included. */
struct text exchange_target(const struct exchange *ex);
/* The path as sent, without the query, and percent-decoded. */
struct text exchange_raw_path(const struct exchange *ex);
struct text exchange_path(const struct exchange *ex);
/* Percent-decoded pairs in order. */
const struct text_pair *exchange_query(const struct exchange *ex, size_t *ret_n);
/* NULL when absent. */
const char *exchange_query_value(const struct exchange *ex, const char *name);
const struct header *exchange_headers(const struct exchange *ex, size_t *ret_n);
/* The first header of that name (any case), or NULL. */
const char *exchange_header(const struct exchange *ex, const char *name);
bool exchange_http10(const struct exchange *ex);
/* Content-Length when given, else -1. */
int64_t exchange_declared_length(const struct exchange *ex);
struct text exchange_body(const struct exchange *ex);
struct arena *exchange_arena(struct exchange *ex);
/* The decoded input struct of the route's field table. */
const void *exchange_input(const struct exchange *ex);
/* A path parameter by name, percent-decoded; NULL when the route has none of that name. */
const char *exchange_param(const struct exchange *ex, const char *name);
/* What main opened: api/ knows the type. */
void *exchange_app(const struct exchange *ex);
struct loop *exchange_loop(const struct exchange *ex);
/* "127.0.0.1" */
const char *exchange_peer(const struct exchange *ex);

/* ---- streamed bodies ---- */

/* Receives the body as it arrives, on the loop. A sink that returns 1 is busy: the same bytes come
 * again after exchange_wake(). One that fails may have set the reply itself. `abort` is called when
 * the body does not come to its end. */
struct body_sink {
    int (*begin)(struct exchange *ex, struct err *err);
    int (*data)(struct exchange *ex, const char *data, size_t n, struct err *err);
    void (*abort)(struct exchange *ex);
};
void exchange_set_state(struct exchange *ex, void *state);
void *exchange_state(const struct exchange *ex);

/* ---- replies (worker): exactly one per exchange ---- */

/* Kept until the reply is sent; at most 128. `name` outlives the exchange or is in its arena.
 * Values must hold no CR or LF. */
void exchange_add_header(struct exchange *ex, const char *name, const char *value);
/* Takes the memory of `body`. */
void exchange_reply(struct exchange *ex, unsigned status, const char *type, struct bytes *body);
/* `text` outlives the exchange. */
void exchange_reply_static(struct exchange *ex, unsigned status, const char *type, const char *text,
                           size_t n);
/* Takes `fd`; sent by sendfile(2). */
void exchange_reply_file(struct exchange *ex, unsigned status, const char *type, int fd,
                         uint64_t offset, uint64_t length);
/* A reply is set. */
bool exchange_replied(const struct exchange *ex);
unsigned exchange_status(const struct exchange *ex);
/* The connection is closed after this reply. */
void exchange_close_after(struct exchange *ex);

/* A reply whose bytes come later, in pieces. `on_room` tells that the buffer was drained, `on_gone`
 * that the client left (write no more; called at most once, also at shutdown). With `pull` they are
 * not written but fetched: it puts them where it is told and says how many; 0: none now, see
 * exchange_stream_ready(). */
struct stream_hooks {
    void (*on_room)(void *arg);
    void (*on_gone)(void *arg);
    void *arg;
    size_t (*pull)(void *arg, char *to, size_t room);
};
void exchange_reply_stream(struct exchange *ex, unsigned status, const char *type,
                           const struct stream_hooks *hooks);
/* Bytes that may be written now without passing the ceiling (256 KiB). */
size_t exchange_stream_room(const struct exchange *ex);
/* Bytes that were written and not sent yet. */
size_t exchange_stream_held(const struct exchange *ex);
void exchange_stream_write(struct exchange *ex, const char *data, size_t n);
/* There is something to pull. */
void exchange_stream_ready(struct exchange *ex);
/* No more bytes; hooks are not called any more. */
void exchange_stream_end(struct exchange *ex);
/* The same, but what was written is not all there is: the client sees the connection break off. */
void exchange_stream_break(struct exchange *ex);
/* Right after exchange_reply_stream(): how long the body will be, told as Content-Length. */
void exchange_stream_length(struct exchange *ex, uint64_t length);

/* Switch protocols: 101 is sent, then `fn` gets the bare socket and what the client already sent.
 * The socket is released by upgraded_close(), never by close(2). */
struct upgraded;
void exchange_reply_upgrade(struct exchange *ex,
                            void (*fn)(void *arg, struct upgraded *up, int fd, const char *extra,
                                       size_t n),
                            void *arg);
void upgraded_close(struct upgraded *up);
/* Have `fn(arg)` called when the gateway stops: it must see to upgraded_close(). */
void upgraded_on_stop(struct upgraded *up, void (*fn)(void *arg), void *arg);

/* ---- parking ---- */

enum park_end {
    PARK_TIMEOUT,  /* the deadline passed: set a reply (or return, and 504 is sent) */
    PARK_LEFT,     /* the client left: let go of the exchange, no reply is needed */
    PARK_SHUTDOWN, /* the gateway stops: let go; 503 is sent unless a reply is set */
};
/* `ended` is called at most once, on the loop, and not after exchange_wake(). The exchange must not
 * be touched after it returns. Deadlines here are a safety net (100 ms grain). */
void exchange_park(struct exchange *ex, uint64_t deadline_ms,
                   void (*ended)(void *arg, enum park_end why), void *arg);
void exchange_wake(struct exchange *ex);
/* Of an exchange that only the loop uses: what it waits for, now and for the bytes of a stream, is
 * likely to come within a millisecond. It is then cheaper. */
void exchange_expect_soon(struct exchange *ex);

#endif
