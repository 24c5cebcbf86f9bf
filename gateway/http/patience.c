#include "http/patience.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "io/tcp_progress.h"

/* A request may be on its way to a connection that has just become free. */
#define MAKE_ROOM_AFTER_MS 1000
#define TELL_EVERY_MS      10000
#define TICKS_PER_STALL    4

/* Answers of those whom no exchange serves. */
#define ANSWER(status, more, length, body)                                                         \
    "HTTP/1.1 " status "\r\nContent-Type: application/json\r\n" more                               \
    "Connection: close\r\nContent-Length: " length "\r\n\r\n" body
#define FAILURE(text) "{\"success\":false,\"message\":\"" text "\",\"data\":null,\"hint\":null}"

#define BUSY FAILURE("the gateway has as many connections as it takes; try again later")
#define SLOW FAILURE("the request came too slowly and was dropped")
_Static_assert(sizeof BUSY == 118 + 1 && sizeof SLOW == 97 + 1, "the lengths told below");

static const char busy[] = ANSWER("503 Service Unavailable", "Retry-After: 1\r\n", "118", BUSY);
static const char too_slow[] = ANSWER("408 Request Timeout", "", "97", SLOW);

/* ---- the list ---- */

static void unlink_conn(struct conn *c)
{
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
}

static void link_newest(struct patience *p, struct conn *c)
{
    c->next = p->newest;
    c->link = &p->newest;
    if (c->next)
        c->next->link = &c->next;
    p->newest = c;
}

static void keep_ticking(struct patience *p)
{
    if (p->ticking || !p->newest || !p->stall_ms)
        return;
    p->ticking = true;
    timer_set(p->timer, p->stall_ms / TICKS_PER_STALL + 1);
}

struct conn *conn_new(struct patience *p, int fd)
{
    struct conn *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->fd = fd;
    c->since = loop_now(p->loop);
    link_newest(p, c);
    p->count++;
    keep_ticking(p);
    return c;
}

static void set_state(struct patience *p, struct conn *c, enum conn_state state)
{
    if (c->state == CONN_ANSWER)
        p->answering--;
    if (state == CONN_ANSWER)
        p->answering++;
    c->state = state;
}

void conn_free(struct patience *p, struct conn *c)
{
    if (!c)
        return;
    unlink_conn(c);
    set_state(p, c, CONN_FOREIGN);
    if (c->fd >= 0)
        p->count--;
    free(c);
}

/* ---- what it is doing ---- */

static void begin_window(struct conn *c, uint64_t now)
{
    struct tcp_progress at;
    c->since = now;
    c->excused = false;
    c->bytes = c->state == CONN_ANSWER && tcp_progress(c->fd, &at) ? at.taken : 0;
}

void conn_enter(struct patience *p, struct conn *c, enum conn_state state)
{
    if (!c || c->fd < 0)
        return;
    c->served |= state == CONN_WAITING;
    c->begun = false;
    set_state(p, c, state);
    c->since = loop_now(p->loop);
    c->bytes = 0;
    /* Where an answer stands costs a system call: most are over before the next tick asks. */
    c->excused = state == CONN_ANSWER;
    c->paused = false;
}

void conn_request_line(struct patience *p, struct conn *c)
{
    if (!c || c->state != CONN_WAITING)
        return;
    c->begun = true;
    c->since = loop_now(p->loop);
}

void conn_received(struct conn *c, size_t n)
{
    if (c)
        c->bytes += n;
}

void conn_pause(struct conn *c, bool paused)
{
    if (!c)
        return;
    c->paused = paused;
    c->excused = true;
}

/* ---- ending one ---- */

/* Whoever serves the connection notices that its socket is at its end. `reset` drops what the peer
 * does not take, which the kernel would else keep for minutes. */
static void end(struct patience *p, struct conn *c, const char *answer, bool reset)
{
    struct linger drop = {1, 0};
    if (answer)
        (void)send(c->fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (reset)
        (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &drop, sizeof drop);
    (void)shutdown(c->fd, SHUT_RDWR);
    c->fd = -1;
    set_state(p, c, CONN_FOREIGN);
    p->count--;
}

bool patience_make_room(struct patience *p)
{
    struct conn *oldest = NULL;
    for (struct conn *c = p->newest; c; c = c->next)
        if (c->state == CONN_WAITING && (!oldest || c->since <= oldest->since))
            oldest = c;
    if (!oldest || loop_now(p->loop) - oldest->since < MAKE_ROOM_AFTER_MS)
        return false;
    end(p, oldest, NULL, false);
    p->evicted++;
    return true;
}

bool patience_admits(struct patience *p)
{
    return p->count < p->ceiling || patience_make_room(p);
}

void patience_refuse(struct patience *p, int fd, const char *why)
{
    char unread[4096];
    uint64_t now = loop_now(p->loop);
    p->refused++;
    if (!p->told_at || now - p->told_at >= TELL_EVERY_MS) {
        p->told_at = now;
        log_warn("connection refused: %s (%u are open, %llu refused so far)", why, p->count,
                 (unsigned long long)p->refused);
    }
    (void)send(fd, busy, sizeof busy - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)shutdown(fd, SHUT_WR);
    /* What is unread at close(2) would have the kernel take the answer back. */
    for (int i = 0; i < 8 && recv(fd, unread, sizeof unread, MSG_DONTWAIT) > 0; i++)
        ;
    (void)close(fd);
}

/* ---- deadlines ---- */

static void end_slow(struct patience *p, struct conn *c, const char *answer, const char *what)
{
    log_debug("connection ended: %s", what);
    p->too_slow++;
    end(p, c, answer, !answer);
}

/* A new connection owes its head; on one that has been served a pause is no fault. */
static void check_head(struct patience *p, struct conn *c, uint64_t now)
{
    struct tcp_progress at;
    bool fresh = c->begun || !c->served;
    if (now - c->since < p->stall_ms + (fresh ? 0 : p->idle_ms))
        return;
    bool silent = !c->begun && tcp_progress(c->fd, &at) && (c->served || at.received == 0);
    end_slow(p, c, silent ? NULL : too_slow, "its head did not come");
}

static void check_body(struct patience *p, struct conn *c, uint64_t now)
{
    uint64_t ms = now - c->since;
    if (c->paused || c->excused || (ms >= p->stall_ms && c->bytes >= p->min_rate * ms / 1000))
        begin_window(c, now);
    else if (ms >= p->stall_ms)
        end_slow(p, c, too_slow, "its body came too slowly");
}

static void check_answer(struct patience *p, struct conn *c, uint64_t now)
{
    struct tcp_progress at;
    uint64_t ms = now - c->since;
    if (c->excused || !tcp_progress(c->fd, &at) || !at.held ||
        (ms >= 2 * p->stall_ms && at.taken - c->bytes >= p->min_rate * ms / 1000))
        begin_window(c, now);
    else if (ms >= 2 * p->stall_ms)
        end_slow(p, c, NULL, "its answer was taken too slowly");
}

static void on_tick(void *arg)
{
    struct patience *p = arg;
    uint64_t now = loop_clock();
    p->ticking = false;
    for (struct conn *c = p->newest; c; c = c->next) {
        if (c->state == CONN_WAITING)
            check_head(p, c, now);
        else if (c->state == CONN_BODY && p->min_rate)
            check_body(p, c, now);
        else if (c->state == CONN_ANSWER && p->min_rate)
            check_answer(p, c, now);
    }
    keep_ticking(p);
}

int patience_open(struct patience *p, struct loop *loop, struct err *err)
{
    p->loop = loop;
    return timer_open(loop, on_tick, p, &p->timer, err);
}

void patience_close(struct patience *p)
{
    timer_close(p->timer);
    p->timer = NULL;
}
