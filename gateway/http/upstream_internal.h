/* http/upstream_internal.h: connections to services, for upstream.c and upstream_pool.c only. */
#ifndef SANDGATE_HTTP_UPSTREAM_INTERNAL_H
#define SANDGATE_HTTP_UPSTREAM_INTERNAL_H

#include "http/upstream.h"

/* One connection. Whoever holds it sets `fn`; in the pool that is the pool. */
struct connection {
    int fd;
    struct watch *watch;
    void (*fn)(void *arg, unsigned events);
    void *arg;
    struct address address;
    bool v6;
    bool reused;
    /* in the pool */
    struct upstream_pool *pool;
    struct connection *next;
    uint64_t since, turn;
};

/* `v6`: to the address' other loopback. */
int connection_open(struct loop *loop, const struct address *address, bool v6,
                    struct connection **ret_connection, struct err *err) MUST_CHECK;
/* NULL is fine. */
void connection_close(struct connection *connection);
/* The socket alone. */
int connection_release(struct connection *connection);

/* One request and its answer, for upstream.c. */
struct upstream_call {
    struct loop *loop;
    struct upstream_pool *pool;
    struct connection *connection;
    const struct upstream_hooks *hooks;
    void *arg;
    bool upgrade, repeatable;
    bool head_only; /* the answer has no body */

    struct bytes out; /* the request's head; then what waits to be sent of its body */
    size_t out_at;
    bool all_written; /* the caller has no more */
    bool deaf;        /* the service takes no more of the request */
    int why_deaf;     /* errno */
    bool wants_room;

    struct bytes in;            /* the answer's head, and what came with it */
    size_t in_at;               /* of `in`, used up */
    bool begun;                 /* what came with the head was looked at */
    struct response_head *head; /* NULL: not yet */
    struct chunked chunked;
    uint64_t left; /* of FRAMED_LENGTH */
    unsigned interim;
    bool anything; /* came back */
    bool paused;
    bool pulled; /* the caller reads */
    bool told;   /* that it may, and it has not since */
    char *to;    /* where it reads to, and how much is there */
    size_t to_n;

    struct timer *timer;
    unsigned depth; /* of our own frames that still need the memory */
    bool over;
};

/* An idle one, or NULL. */
struct connection *pool_take(struct upstream_pool *pool, const struct address *address);
/* Takes the connection: keeps or closes it. */
void pool_put(struct upstream_pool *pool, struct connection *connection);

#endif
