/* Connections that wait for their next request. One that its service closes, or that says anything
 * unasked, is dropped at once; an idle one after a while. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "http/upstream_internal.h"

#define IDLE_MS          15000
#define IDLE_PER_ADDRESS 64
#define IDLE_IN_ALL      256

struct upstream_pool {
    struct loop *loop;
    struct connection *idle; /* newest first */
    size_t count;
    struct timer *timer;
    bool ticking;
};

static void on_connection(void *arg, unsigned events)
{
    struct connection *c = arg;
    c->fn(c->arg, events);
}

int connection_open(struct loop *loop, const struct address *address, bool v6,
                    struct connection **ret_connection, struct err *err)
{
    struct connection *c = calloc(1, sizeof *c);
    if (!c)
        return err_memory(err);
    c->fd = -1;
    c->address = *address;
    c->v6 = v6;
    int r = v6 ? address_connect_v6(address, &c->fd, err) : address_connect(address, &c->fd, err);
    if (r < 0 || watch_open(loop, c->fd, on_connection, c, &c->watch, err) < 0) {
        connection_close(c);
        return -1;
    }
    *ret_connection = c;
    return 0;
}

void connection_close(struct connection *c)
{
    if (!c)
        return;
    watch_close(c->watch);
    if (c->fd >= 0)
        (void)close(c->fd);
    free(c);
}

int connection_release(struct connection *c)
{
    int fd = steal_fd(&c->fd);
    connection_close(c);
    return fd;
}

/* ---- the pool ---- */

static bool same_address(const struct address *a, const struct address *b)
{
    return a->port == b->port && a->or_v6 == b->or_v6 && strcmp(a->path, b->path) == 0;
}

static void unlink_idle(struct connection *c)
{
    struct connection **at = &c->pool->idle;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->pool->count--;
    c->pool = NULL;
}

static void drop(struct connection *c)
{
    unlink_idle(c);
    connection_close(c);
}

static void on_idle_event(void *arg, unsigned events)
{
    (void)events;
    drop(arg);
}

static void keep_ticking(struct upstream_pool *pool)
{
    if (pool->ticking || !pool->idle)
        return;
    pool->ticking = true;
    timer_set(pool->timer, IDLE_MS);
}

static void on_tick(void *arg)
{
    struct upstream_pool *pool = arg;
    uint64_t now = loop_now(pool->loop);
    pool->ticking = false;
    for (struct connection *c = pool->idle, *next; c; c = next) {
        next = c->next;
        if (now - c->since >= IDLE_MS)
            drop(c);
    }
    keep_ticking(pool);
}

int upstream_pool_open(struct loop *loop, struct upstream_pool **ret_pool, struct err *err)
{
    struct upstream_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return err_memory(err);
    pool->loop = loop;
    if (timer_open(loop, on_tick, pool, &pool->timer, err) < 0) {
        free(pool);
        return -1;
    }
    *ret_pool = pool;
    return 0;
}

void upstream_pool_close(struct upstream_pool *pool)
{
    if (!pool)
        return;
    while (pool->idle)
        drop(pool->idle);
    timer_close(pool->timer);
    free(pool);
}

/* What came since the loop last looked would be taken for the answer to the next request. Where
 * the last answer was read to its end in this very turn, that was a look. */
static bool is_silent(const struct connection *c)
{
    char byte;
    if (c->turn == loop_turn(c->pool->loop))
        return true;
    return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

struct connection *pool_take(struct upstream_pool *pool, const struct address *address)
{
    for (struct connection *c = pool->idle, *next; c; c = next) {
        next = c->next;
        if (!same_address(&c->address, address))
            continue;
        if (!is_silent(c)) {
            drop(c);
            continue;
        }
        unlink_idle(c);
        c->reused = true;
        return c;
    }
    return NULL;
}

static bool has_enough(const struct upstream_pool *pool, const struct address *address)
{
    size_t same = 0;
    if (pool->count < IDLE_PER_ADDRESS)
        return false;
    for (const struct connection *c = pool->idle; c; c = c->next)
        same += same_address(&c->address, address);
    return same >= IDLE_PER_ADDRESS;
}

void pool_put(struct upstream_pool *pool, struct connection *c)
{
    if (pool->count >= IDLE_IN_ALL || has_enough(pool, &c->address)) {
        connection_close(c);
        return;
    }
    c->fn = on_idle_event;
    c->arg = c;
    c->pool = pool;
    c->since = loop_now(pool->loop);
    c->turn = loop_turn(pool->loop);
    c->next = pool->idle;
    pool->idle = c;
    pool->count++;
    watch_set(c->watch, WATCH_READ);
    keep_ticking(pool);
}
