#include "http/upstream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "http/upstream_internal.h"

#define MAX_INTERIM 8 /* 1xx answers before the one that counts */
#define MAX_TURNS   8 /* others get theirs */
#define HEAD_USUAL  1000
#define HEAD_READ   (8 * KIB)

/* ---- life ---- */

static void call_free(struct upstream_call *c)
{
    connection_close(c->connection);
    timer_close(c->timer);
    bytes_done(&c->out);
    bytes_done(&c->in);
    free(c->head);
    free(c);
}

static void enter(struct upstream_call *c)
{
    c->depth++;
}

/* False when the call is gone. */
static bool leave(struct upstream_call *c)
{
    if (--c->depth > 0 || !c->over)
        return !c->over;
    call_free(c);
    return false;
}

void upstream_abandon(struct upstream_call *c)
{
    if (!c)
        return;
    c->over = true;
    if (c->depth == 0)
        call_free(c);
}

static void fail(struct upstream_call *c, const struct err *err)
{
    c->over = true;
    c->hooks->end(c->arg, err);
}

static void fail_with(struct upstream_call *c, const char *what)
{
    struct err err;
    (void)err_set(&err, ERR_UNAVAILABLE, "the service %s", what);
    fail(c, &err);
}

/* `why` is an errno. */
static int unreachable(struct err *err, int why)
{
    (void)err_set(err, ERR_UNAVAILABLE, "the service does not answer: %s", strerrordesc_np(why));
    err->sys = why;
    return -1;
}

static void complete(struct upstream_call *c)
{
    bool reusable = c->pool && c->head->keep_alive && c->all_written && !c->deaf &&
                    c->out_at == c->out.len && c->in_at == c->in.len;
    c->over = true;
    if (reusable)
        pool_put(c->pool, steal(&c->connection));
    c->hooks->end(c->arg, NULL);
}

static void set_watch(struct upstream_call *c)
{
    unsigned events = c->paused ? 0 : WATCH_READ;
    bool leftover = c->head && !c->begun && !c->paused && !c->pulled;
    /* Writable at once: has a paused call go on with what it holds, and `room` be told. */
    if (upstream_pending(c) || leftover || c->wants_room)
        events |= WATCH_WRITE;
    if (c->connection)
        watch_set(c->connection->watch, events);
}

/* ---- sending ---- */

static int turn_to_v6(struct upstream_call *c);

/* 0, or an errno. */
static int flush(struct upstream_call *c)
{
    while (c->connection && c->out_at < c->out.len && !c->deaf) {
        ssize_t n =
            send(c->connection->fd, c->out.data + c->out_at, c->out.len - c->out_at, MSG_NOSIGNAL);
        if (n < 0 && errno == ECONNREFUSED && turn_to_v6(c) == 0)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EINTR || errno == ENOTCONN ? 0 : errno;
        c->out_at += (size_t)n;
    }
    /* What may be sent again is kept until something came back. */
    if (c->out_at == c->out.len && !c->repeatable) {
        bytes_clear(&c->out);
        c->out_at = 0;
    }
    return 0;
}

/* It may have answered before it stopped to listen: that is still to be read. Where it listens and
 * sending failed all the same, it hears that the rest of the request will not come. */
static void stop_sending(struct upstream_call *c, int why)
{
    c->deaf = true;
    c->why_deaf = why;
    if (c->connection)
        (void)shutdown(c->connection->fd, SHUT_WR);
    if (c->repeatable)
        return;
    bytes_clear(&c->out);
    c->out_at = 0;
}

void upstream_write(struct upstream_call *c, const char *data, size_t n)
{
    if (c->deaf || c->over)
        return;
    int why = bytes_add(&c->out, data, n) < 0 ? ENOMEM : flush(c);
    if (why)
        stop_sending(c, why);
    c->wants_room = true;
    set_watch(c);
}

size_t upstream_pending(const struct upstream_call *c)
{
    return c->deaf ? 0 : c->out.len - c->out_at;
}

bool upstream_deaf(const struct upstream_call *c)
{
    return c->deaf;
}

void upstream_finish(struct upstream_call *c)
{
    c->all_written = true;
}

/* ---- connecting ---- */

static void on_events(void *arg, unsigned events);

static void take_connection(struct upstream_call *c, struct connection *connection)
{
    c->connection = connection;
    connection->fn = on_events;
    connection->arg = c;
}

static int connect_fresh(struct upstream_call *c, const struct address *address, struct err *err)
{
    struct connection *connection;
    struct err second;
    int r = connection_open(c->loop, address, false, &connection, err);
    if (r < 0 && address->or_v6 && err->sys == ECONNREFUSED)
        r = connection_open(c->loop, address, true, &connection, &second);
    if (r == 0)
        take_connection(c, connection);
    return r;
}

/* Nothing listens on 127.0.0.1, so nothing was sent: some programs listen on ::1 alone. errno stays
 * what it was. */
static int turn_to_v6(struct upstream_call *c)
{
    struct err err;
    struct connection *old = c->connection, *other;
    int why = errno;
    int r = -1;
    if (old && old->address.or_v6 && !old->v6 && !old->reused)
        r = connection_open(c->loop, &old->address, true, &other, &err);
    if (r == 0) {
        connection_close(old);
        take_connection(c, other);
    }
    errno = why;
    return r;
}

/* 0 when the request is under way once more; else why not, `why` where it may not be. */
static int send_again(struct upstream_call *c, int why)
{
    struct err err = ERR_INIT;
    struct connection *old = c->connection;
    if (!c->repeatable || !old->reused || c->anything)
        return why;
    c->connection = NULL;
    int r = connect_fresh(c, &old->address, &err);
    connection_close(old);
    if (r < 0)
        return err.sys ? err.sys : ENOMEM;
    c->out_at = 0;
    c->deaf = false;
    why = flush(c);
    if (why == 0)
        set_watch(c);
    return why;
}

/* `why` is an errno; 0: the service closed the connection. */
static void broken(struct upstream_call *c, int why)
{
    struct err err;
    int closed = why ? why : EPIPE;
    int now = send_again(c, closed);
    if (now == 0)
        return;
    if (now == ECONNREFUSED && turn_to_v6(c) == 0) {
        set_watch(c);
    } else if (c->head) {
        fail_with(c, "broke off in the middle of its answer");
    } else if (why || now != closed || c->why_deaf) {
        (void)unreachable(&err, c->why_deaf ? c->why_deaf : now);
        fail(c, &err);
    } else {
        fail_with(c, "closed the connection without an answer");
    }
}

/* ---- the answer ---- */

static void give(struct upstream_call *c, const char *data, size_t n)
{
    if (n && c->pulled) {
        if (data != c->to + c->to_n)
            memmove(c->to + c->to_n, data, n);
        c->to_n += n;
    } else if (n) {
        c->hooks->data(c->arg, data, n);
    }
}

/* How many bytes of `data` belong to the answer; it may end here. -1: no sound chunks. */
static long take_body(struct upstream_call *c, const char *data, size_t n, bool *ret_end)
{
    struct text body = {data, n};
    long used = (long)n;
    switch (c->head->framing) {
    case FRAMED_EMPTY:
        *ret_end = true;
        return 0;
    case FRAMED_LENGTH:
        if (n > c->left)
            used = (long)(body.n = (size_t)c->left);
        c->left -= body.n;
        *ret_end = c->left == 0;
        break;
    case FRAMED_CHUNKED:
        used = chunked_take(&c->chunked, data, n, &body, ret_end);
        if (used < 0)
            return -1;
        break;
    case FRAMED_BY_CLOSE:
        break;
    }
    give(c, body.p, body.n);
    return used;
}

/* Bytes of the body that lie in `data`. Bytes behind the end make the connection useless. */
static void read_body(struct upstream_call *c, const char *data, size_t n)
{
    bool end = false;
    size_t at = 0;
    while (at < n && !end && !c->over) {
        long used = take_body(c, data + at, n - at, &end);
        if (used < 0) {
            fail_with(c, "sent malformed chunks");
            return;
        }
        at += (size_t)used;
    }
    if (c->over || !end)
        return;
    if (at < n)
        c->head->keep_alive = false;
    complete(c);
}

static void read_leftover(struct upstream_call *c)
{
    size_t at = c->in_at, n = c->in.len - at;
    c->begun = true;
    c->in_at = c->in.len;
    if (n || c->head->framing == FRAMED_EMPTY ||
        (c->head->framing == FRAMED_LENGTH && c->left == 0)) {
        bool end = false;
        if (n)
            read_body(c, c->in.data + at, n);
        else if (take_body(c, NULL, 0, &end) == 0 && end)
            complete(c);
    }
}

static void got_head(struct upstream_call *c, size_t n)
{
    struct err err;
    struct response_head *h;
    if (response_head_parse(c->in.data, n, c->head_only ? "HEAD" : "GET", &h, &err) < 0) {
        fail(c, &err);
        return;
    }
    bool interim = h->status < 200 && !(h->status == 101 && c->upgrade);
    if (interim && (h->status == 101 || ++c->interim > MAX_INTERIM)) {
        free(h);
        fail_with(c, "sent interim answers nobody asked for");
        return;
    }
    if (interim) {
        free(h);
        bytes_consume(&c->in, n);
        return;
    }
    c->in_at = n;
    c->head = h;
    c->left = h->length;
    timer_close(c->timer);
    c->timer = NULL;
    c->hooks->head(c->arg, h);
}

static void read_head(struct upstream_call *c)
{
    while (!c->head && !c->over) {
        long n = response_head_length(c->in.data, c->in.len);
        if (n < 0)
            fail_with(c, "sent a head that is too long");
        if (n <= 0)
            return;
        got_head(c, (size_t)n);
    }
    if (!c->over && !c->paused && !c->pulled)
        read_leftover(c);
}

static void take_in(struct upstream_call *c, const char *data, size_t n)
{
    c->anything = true;
    if (c->head) {
        read_body(c, data, n);
        return;
    }
    if (!c->in.data)
        (void)bytes_reserve(&c->in, n < HEAD_USUAL ? HEAD_USUAL : n);
    if (bytes_add(&c->in, data, n) < 0) {
        fail_with(c, "sent a head that is too long");
        return;
    }
    read_head(c);
}

static void ended(struct upstream_call *c, int why)
{
    if (!why && c->head && c->head->framing == FRAMED_BY_CLOSE)
        complete(c);
    else
        broken(c, why);
}

static void on_readable(struct upstream_call *c)
{
    static char chunk[UPSTREAM_READ]; /* loop thread only */
    /* What comes with the head is copied once more. */
    size_t room = c->head ? sizeof chunk : HEAD_READ;
    for (int i = 0; i < MAX_TURNS && !c->paused && !c->over && !c->pulled; i++) {
        ssize_t n = recv(c->connection->fd, chunk, room, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            ended(c, n < 0 ? errno : 0);
            return;
        }
        take_in(c, chunk, (size_t)n);
        if ((size_t)n < room)
            return;
    }
}

/* Not watched any longer when the caller does not come for it. */
static void tell_readable(struct upstream_call *c)
{
    if (c->told)
        c->paused = true;
    c->told = true;
    c->hooks->readable(c->arg);
}

static void on_writable(struct upstream_call *c)
{
    int why = flush(c);
    if (why)
        stop_sending(c, why);
    if (c->wants_room && upstream_pending(c) == 0) {
        c->wants_room = false;
        if (c->hooks->room)
            c->hooks->room(c->arg);
    }
}

static void on_events(void *arg, unsigned events)
{
    struct upstream_call *c = arg;
    enter(c);
    if (events & WATCH_WRITE)
        on_writable(c);
    if (!c->over && c->head && !c->begun && !c->paused && !c->pulled)
        read_leftover(c);
    if (!c->over && (events & WATCH_READ) && !c->paused && c->pulled)
        tell_readable(c);
    else if (!c->over && (events & WATCH_READ) && !c->paused)
        on_readable(c);
    if (leave(c))
        set_watch(c);
}

static void on_deadline(void *arg)
{
    struct upstream_call *c = arg;
    struct err err;
    (void)err_set(&err, ERR_TIMEOUT, "the service gave no answer in time");
    enter(c);
    fail(c, &err);
    (void)leave(c);
}

void upstream_pull(struct upstream_call *c)
{
    c->pulled = true;
}

/* What came with the head, as much of it as there is room for. */
static void pull_leftover(struct upstream_call *c, size_t room)
{
    size_t at = c->in_at, n = c->in.len - at;
    if (n > room)
        n = room;
    c->in_at += n;
    read_body(c, c->in.data + at, n);
}

/* False when there is nothing now. What is no content leaves its room unused. */
static bool pull_socket(struct upstream_call *c, size_t room)
{
    ssize_t n = recv(c->connection->fd, c->to, room, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0)
        ended(c, n < 0 ? errno : 0);
    else
        read_body(c, c->to, (size_t)n);
    return true;
}

size_t upstream_read(struct upstream_call *c, char *to, size_t room)
{
    bool more = true;
    c->to = to;
    c->to_n = 0;
    c->told = false;
    enter(c);
    while (more && c->to_n == 0 && !c->over) {
        if (c->in_at < c->in.len)
            pull_leftover(c, room);
        else
            more = pull_socket(c, room);
    }
    size_t n = c->to_n;
    if (leave(c) && !more) {
        c->paused = false;
        set_watch(c);
    }
    return n;
}

size_t upstream_at_hand(const struct upstream_call *c)
{
    return c->in.len - c->in_at;
}

void upstream_pause(struct upstream_call *c, bool pause)
{
    if (c->over || c->paused == pause)
        return;
    c->paused = pause;
    if (c->depth == 0)
        set_watch(c);
}

int upstream_take_socket(struct upstream_call *c, struct bytes *ret_extra)
{
    (void)bytes_add(ret_extra, c->in.data + c->in_at, c->in.len - c->in_at);
    int fd = connection_release(steal(&c->connection));
    c->over = true;
    return fd;
}

/* ---- beginning ---- */

static bool may_repeat(const struct upstream_spec *spec)
{
    static const char *const methods[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
    for (size_t i = 0; i < COUNT_OF(methods); i++)
        if (strcmp(spec->method, methods[i]) == 0)
            return !spec->has_body && !spec->upgrade;
    return false;
}

static struct upstream_call *make_call(struct loop *loop, const struct upstream_spec *spec)
{
    struct upstream_call *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    *c = (struct upstream_call){.loop = loop,
                                .pool = spec->pool,
                                .hooks = spec->hooks,
                                .arg = spec->arg,
                                .upgrade = spec->upgrade,
                                .repeatable = may_repeat(spec),
                                .all_written = !spec->has_body,
                                .out = *spec->head,
                                .in = BYTES_INIT(RESPONSE_HEAD_MAX + UPSTREAM_READ)};
    c->out.limit = SIZE_MAX / 2;
    *spec->head = BYTES_INIT(0);
    c->head_only = strcmp(spec->method, "HEAD") == 0;
    return c;
}

static int begin(struct upstream_call *c, const struct upstream_spec *spec, struct err *err)
{
    if (spec->deadline_ms) {
        if (timer_open(c->loop, on_deadline, c, &c->timer, err) < 0)
            return -1;
        timer_set(c->timer, spec->deadline_ms);
    }
    struct connection *pooled = c->repeatable && c->pool ? pool_take(c->pool, spec->address) : NULL;
    if (pooled) {
        take_connection(c, pooled);
    } else if (connect_fresh(c, spec->address, err) < 0) {
        return -1;
    }
    int why = flush(c);
    if (why)
        why = send_again(c, why);
    if (why)
        return unreachable(err, why);
    set_watch(c);
    return 0;
}

int upstream_begin(struct loop *loop, const struct upstream_spec *spec,
                   struct upstream_call **ret_call, struct err *err)
{
    struct upstream_call *c = make_call(loop, spec);
    if (!c)
        return err_memory(err);
    if (begin(c, spec, err) < 0) {
        call_free(c);
        return -1;
    }
    *ret_call = c;
    return 0;
}

void upstream_host(const struct address *address, char out[UPSTREAM_HOST_SIZE])
{
    if (address->path[0])
        (void)snprintf(out, UPSTREAM_HOST_SIZE, "localhost");
    else
        (void)snprintf(out, UPSTREAM_HOST_SIZE, "127.0.0.1:%u", address->port);
}
