/* Parked exchanges: deadlines, and noticing a client that leaves.
 *
 * Most parks end within milliseconds, so nothing is set up for them but a list entry; one timer per
 * server ticks while the list has entries, and arms a hang-up watch on those that have waited for
 * longer. MHD does not watch a suspended connection itself. */
#include "base/log.h"
#include "http/exchange_internal.h"

#define TICK_MS  100
#define WATCH_MS 200

static bool needs_hangup_watch(const struct exchange *ex, uint64_t now)
{
    return !ex->hangup && !ex->left && now - ex->parked_at >= WATCH_MS;
}

static void end_park(struct exchange *ex, enum park_end why)
{
    void (*ended)(void *, enum park_end) = ex->ended;
    void *arg = ex->ended_arg;
    ex->ended = NULL;
    if (ended)
        ended(arg, why);
}

void park_left(struct exchange *ex)
{
    if (!ex->parked)
        return;
    ex->left = true;
    ex->parked = false;
    end_park(ex, PARK_LEFT);
}

static void client_left(struct exchange *ex)
{
    ex->left = true;
    watch_close(ex->hangup);
    ex->hangup = NULL;
    struct reply *r = &ex->reply;
    if (r->kind == REPLY_STREAM && !r->stream_ended) {
        r->stream_ended = true;
        /* At our own end there is a client yet, that must not think it whole. */
        r->stream_broken = true;
        void (*gone)(void *) = r->hooks.on_gone;
        void *arg = r->hooks.arg;
        park_unlink(ex);
        exchange_resume(ex);
        if (gone)
            gone(arg);
        return;
    }
    if (ex->phase == PHASE_SINK && ex->suspended) {
        park_unlink(ex); /* its body is not wanted any more: exchange.c hangs up */
        exchange_resume(ex);
        return;
    }
    if (!ex->parked || ex->offloaded)
        return; /* a worker has it: its wake ends the matter */
    end_park(ex, PARK_LEFT);
    if (!exchange_replied(ex))
        exchange_reply_static(ex, 499, NULL, "", 0);
    exchange_close_after(ex);
    exchange_wake(ex);
}

static void on_hangup(void *arg, unsigned events)
{
    struct exchange *ex = arg;
    (void)events;
    log_debug("client left %s %s", ex->method.p, ex->path.p);
    client_left(ex);
}

static void arm(struct exchange *ex)
{
    struct err err;
    int fd = exchange_socket(ex);
    if (fd < 0 || watch_open(ex->server->loop, fd, on_hangup, ex, &ex->hangup, &err) < 0)
        return;
    watch_set(ex->hangup, WATCH_HANGUP);
}

static void out_of_time(struct exchange *ex)
{
    static const char text[] = "{\"success\":false,\"message\":\"the request took longer than the "
                               "gateway waits for one\",\"data\":null,\"hint\":null}";
    end_park(ex, PARK_TIMEOUT);
    if (!exchange_replied(ex))
        exchange_reply_static(ex, 504, "application/json", text, sizeof text - 1);
    exchange_wake(ex);
}

/* Callbacks may take any other exchange off the list, so start over after each. */
static bool end_one_overdue(struct server *server, uint64_t now)
{
    for (struct exchange *ex = server->parked; ex; ex = ex->park_next) {
        if (ex->parked && !ex->offloaded && ex->deadline <= now) {
            out_of_time(ex);
            return true;
        }
    }
    return false;
}

static void keep_ticking(struct server *server)
{
    if (!server->parked || server->ticking)
        return;
    server->ticking = true;
    timer_set(server->tick, TICK_MS);
}

void park_link(struct exchange *ex)
{
    struct server *server = ex->server;
    if (ex->park_link)
        return;
    ex->parked_at = loop_now(server->loop);
    ex->park_next = server->parked;
    if (ex->park_next)
        ex->park_next->park_link = &ex->park_next;
    ex->park_link = &server->parked;
    server->parked = ex;
    keep_ticking(server);
}

void park_unlink(struct exchange *ex)
{
    watch_close(ex->hangup);
    ex->hangup = NULL;
    if (!ex->park_link)
        return;
    *ex->park_link = ex->park_next;
    if (ex->park_next)
        ex->park_next->park_link = ex->park_link;
    ex->park_link = NULL;
}

static void stop_waiting(struct exchange *ex)
{
    static const char text[] =
        "{\"success\":false,\"message\":\"the gateway is stopping\",\"data\":null,\"hint\":null}";
    end_park(ex, PARK_SHUTDOWN);
    if (!exchange_replied(ex))
        exchange_reply_static(ex, 503, "application/json", text, sizeof text - 1);
    exchange_close_after(ex);
    exchange_wake(ex);
}

static bool end_one(struct server *server)
{
    for (struct exchange *ex = server->parked; ex; ex = ex->park_next) {
        if ((ex->reply.kind == REPLY_STREAM && !ex->reply.stream_ended) ||
            (ex->phase == PHASE_SINK && ex->suspended)) {
            client_left(ex);
            return true;
        }
        if (ex->parked && !ex->offloaded) {
            stop_waiting(ex);
            return true;
        }
    }
    return false;
}

static void end_every(struct server *server)
{
    while (end_one(server))
        ;
}

void park_tick(void *arg)
{
    struct server *server = arg;
    uint64_t now = loop_clock();
    server->ticking = false;
    if (server->stopping)
        end_every(server); /* those that had no reason to wait when the others were ended */
    while (end_one_overdue(server, now))
        ;
    for (struct exchange *ex = server->parked; ex; ex = ex->park_next)
        if (needs_hangup_watch(ex, now))
            arm(ex);
    keep_ticking(server);
}

void upgraded_on_stop(struct upgraded *up, void (*fn)(void *arg), void *arg)
{
    up->stop = fn;
    up->stop_arg = arg;
}

static void stop_upgraded(struct server *server)
{
    for (struct upgraded *up = server->upgraded, *next; up; up = next) {
        next = up->next;
        if (up->stop)
            up->stop(up->stop_arg);
    }
}

void park_end_all(struct server *server)
{
    end_every(server);
    stop_upgraded(server);
}

void exchange_park(struct exchange *ex, uint64_t deadline_ms,
                   void (*ended)(void *arg, enum park_end why), void *arg)
{
    ex->parked = true;
    ex->ended = ended;
    ex->ended_arg = arg;
    ex->deadline = loop_now(ex->server->loop) + deadline_ms;
    park_link(ex);
}

void exchange_wake(struct exchange *ex)
{
    ex->parked = false;
    ex->ended = NULL;
    park_unlink(ex);
    exchange_resume(ex);
}
