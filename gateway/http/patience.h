/* http/patience.h: how many connections there are, and how long each may take.
 *
 * A request head must be there within `stall_ms` of its first line, and a body must come, and an
 * answer be taken, at `min_rate` bytes a second on average over a stall (an answer over two): so a
 * peer that trickles holds a connection for a bounded time. What waits on our side, what an app
 * behind a proxied address may take its time with, and WebSockets are not measured. At the ceiling
 * the connection that has waited longest for its next request makes room; where none has, the new
 * one is told 503. Loop thread only; in here nobody knows what MHD is. */
#ifndef SANDGATE_HTTP_PATIENCE_H
#define SANDGATE_HTTP_PATIENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/loop.h"

struct exchange;

enum conn_state {
    CONN_WAITING, /* for a request, whose head may have begun */
    CONN_BODY,
    CONN_WORKING, /* ours to answer */
    CONN_ANSWER,
    CONN_FOREIGN, /* became a WebSocket, or is being ended */
};

struct conn {
    int fd;
    enum conn_state state;
    bool served;    /* has had an answer */
    bool begun;     /* waiting, and the request line is here */
    bool paused;    /* it is we who do not read */
    bool excused;   /* this window does not count */
    uint64_t since; /* begin of the state, or of the window */
    uint64_t bytes; /* received in the window, or taken before it began */
    struct conn *next, **link;
};

struct patience {
    struct loop *loop;
    struct timer *timer;
    unsigned ceiling, count; /* `count`: without those being ended */
    unsigned answering;      /* in CONN_ANSWER */
    uint64_t idle_ms, stall_ms, min_rate;
    struct conn *newest; /* every connection */
    bool ticking;
    uint64_t refused, evicted, too_slow; /* ever */
    uint64_t told_at;                    /* when a refusal was last logged; 0: never */
};

int patience_open(struct patience *p, struct loop *loop, struct err *err) MUST_CHECK;
void patience_close(struct patience *p);

/* NULL: no memory; then the connection is not measured. */
struct conn *conn_new(struct patience *p, int fd);
/* The socket is about to be closed. NULL is fine, here and below. */
void conn_free(struct patience *p, struct conn *c);
void conn_enter(struct patience *p, struct conn *c, enum conn_state state);
void conn_request_line(struct patience *p, struct conn *c);
void conn_received(struct conn *c, size_t n);
void conn_pause(struct conn *c, bool paused);

/* End the connection that has waited longest for a request, if any has for a second. */
bool patience_make_room(struct patience *p);
/* Whether one more may be served; may make room for it. */
bool patience_admits(struct patience *p);
/* Answer 503 without reading, and close. `why` is for the log. */
void patience_refuse(struct patience *p, int fd, const char *why);

#endif
