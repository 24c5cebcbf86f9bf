#include "http/tunnel.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CHUNK     (64 * 1024)
#define MAX_HEAD  4096
#define MAX_TURNS 8 /* others get their turn */
/* With one side at its end, the other may be silent for this long: what is half closed and hangs
 * would else be kept for ever. */
#define HALF_CLOSED_MS 60000

struct side {
    struct tunnel *tunnel;
    struct tunnel_side given;
    struct watch *watch;
    char *pending; /* to be written to this side */
    size_t pending_at, pending_n;
    bool ended;   /* it sends no more */
    bool stopped; /* we told it that no more comes */
};

struct tunnel {
    struct side sides[2];
    int skip_head; /* of side 1: 0 no, 1 yes, further: progress through \r\n\r\n */
    size_t skipped;
    struct loop *loop;
    struct timer *half_closed; /* NULL: neither side has ended */
};

static void side_close(struct side *s)
{
    watch_close(s->watch);
    s->watch = NULL;
    if (s->given.release)
        s->given.release(s->given.arg);
    s->given.release = NULL;
    free(s->pending);
    s->pending = NULL;
}

void tunnel_end(struct tunnel *t)
{
    timer_close(t->half_closed);
    side_close(&t->sides[0]);
    side_close(&t->sides[1]);
    free(t);
}

static struct side *other(struct side *s)
{
    return &s->tunnel->sides[s == &s->tunnel->sides[0]];
}

/* 0, or -1 when the side is broken. What does not fit now is kept. */
static int give(struct side *s, const char *data, size_t n)
{
    ssize_t done = send(s->given.fd, data, n, MSG_NOSIGNAL);
    if (done < 0 && errno != EAGAIN && errno != EINTR)
        return -1;
    size_t sent = done > 0 ? (size_t)done : 0;
    if (sent == n)
        return 0;
    s->pending = malloc(n - sent);
    if (!s->pending)
        return -1;
    memcpy(s->pending, data + sent, n - sent);
    s->pending_at = 0;
    s->pending_n = n - sent;
    return 0;
}

static int flush(struct side *s)
{
    while (s->pending_n) {
        ssize_t done = send(s->given.fd, s->pending + s->pending_at, s->pending_n, MSG_NOSIGNAL);
        if (done < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -1;
        s->pending_at += (size_t)done;
        s->pending_n -= (size_t)done;
    }
    free(s->pending);
    s->pending = NULL;
    return 0;
}

/* How much of `data` belongs to the head that is being dropped; -1 when it is too long. */
static long skip_of_head(struct tunnel *t, const char *data, size_t n)
{
    static const char end[] = "\r\n\r\n";
    size_t i = 0;
    while (i < n && t->skip_head) {
        char want = end[t->skip_head - 1];
        t->skip_head = data[i] == want ? t->skip_head + 1 : data[i] == '\r' ? 2 : 1;
        i++;
        if (t->skip_head == 5)
            t->skip_head = 0;
        if (++t->skipped > MAX_HEAD)
            return -1;
    }
    return (long)i;
}

static int pass(struct side *from, const char *data, size_t n)
{
    struct tunnel *t = from->tunnel;
    if (t->skip_head && from == &t->sides[1]) {
        long skip = skip_of_head(t, data, n);
        if (skip < 0)
            return -1;
        data += skip;
        n -= (size_t)skip;
    }
    return n ? give(other(from), data, n) : 0;
}

static int pump(struct side *from)
{
    static char chunk[CHUNK]; /* loop thread only */
    struct side *to = other(from);
    for (int i = 0; i < MAX_TURNS && !from->ended && !to->pending_n; i++) {
        ssize_t n = recv(from->given.fd, chunk, sizeof chunk, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (n < 0)
            return -1;
        if (n == 0) {
            from->ended = true;
            break;
        }
        if (pass(from, chunk, (size_t)n) < 0)
            return -1;
        if ((size_t)n < sizeof chunk)
            break;
    }
    return 0;
}

/* Pass the end on once everything before it is out. */
static void stop_if_done(struct side *to)
{
    if (other(to)->ended && !to->pending_n && !to->stopped) {
        to->stopped = true;
        (void)shutdown(to->given.fd, SHUT_WR);
    }
}

static void set_watch(struct side *s)
{
    unsigned events = 0;
    if (!s->ended && !other(s)->pending_n)
        events |= WATCH_READ;
    if (s->pending_n)
        events |= WATCH_WRITE;
    watch_set(s->watch, events);
}

static void on_half_closed(void *arg)
{
    tunnel_end(arg);
}

/* A side has ended, or the one that goes on has moved something. */
static int watch_half_closed(struct tunnel *t)
{
    struct err err;
    if (!t->sides[0].ended && !t->sides[1].ended)
        return 0;
    if (!t->half_closed && timer_open(t->loop, on_half_closed, t, &t->half_closed, &err) < 0)
        return -1;
    timer_set(t->half_closed, HALF_CLOSED_MS);
    return 0;
}

static void on_side(void *arg, unsigned events)
{
    struct side *s = arg;
    struct tunnel *t = s->tunnel;
    int r = 0;
    if (events & WATCH_WRITE)
        r = flush(s);
    if (r == 0 && (events & WATCH_READ))
        r = pump(s);
    if (r == 0)
        r = watch_half_closed(t);
    if (r < 0) {
        tunnel_end(t);
        return;
    }
    stop_if_done(&t->sides[0]);
    stop_if_done(&t->sides[1]);
    if (t->sides[0].stopped && t->sides[1].stopped) {
        tunnel_end(t);
        return;
    }
    set_watch(&t->sides[0]);
    set_watch(&t->sides[1]);
}

static int start(struct tunnel *t, struct side *s, struct err *err)
{
    if (watch_open(t->loop, s->given.fd, on_side, s, &s->watch, err) < 0)
        return -1;
    if (s->given.first_n && pass(s, s->given.first, s->given.first_n) < 0)
        return err_set(err, ERR_UNAVAILABLE, "the connection is broken");
    s->given.first = NULL;
    return 0;
}

int tunnel_open(struct loop *loop, const struct tunnel_side *a, const struct tunnel_side *b,
                int skip_head, struct tunnel **ret_tunnel, struct err *err)
{
    struct tunnel *t = calloc(1, sizeof *t);
    if (!t) {
        a->release(a->arg);
        b->release(b->arg);
        return err_memory(err);
    }
    t->loop = loop;
    t->sides[0] = (struct side){.tunnel = t, .given = *a};
    t->sides[1] = (struct side){.tunnel = t, .given = *b};
    t->skip_head = skip_head;
    if (start(t, &t->sides[0], err) < 0 || start(t, &t->sides[1], err) < 0) {
        tunnel_end(t);
        return -1;
    }
    set_watch(&t->sides[0]);
    set_watch(&t->sides[1]);
    if (ret_tunnel)
        *ret_tunnel = t;
    return 0;
}
