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
    uint64_t since;
};

/* `v6`: to the address' other loopback. */
int connection_open(struct loop *loop, const struct address *address, bool v6,
                    struct connection **ret_connection, struct err *err) MUST_CHECK;
/* NULL is fine. */
void connection_close(struct connection *connection);
/* The socket alone. */
int connection_release(struct connection *connection);

/* An idle one, or NULL. */
struct connection *pool_take(struct upstream_pool *pool, const struct address *address);
/* Takes the connection: keeps or closes it. */
void pool_put(struct upstream_pool *pool, struct connection *connection);

#endif
