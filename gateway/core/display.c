#include "core/display.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/address.h"

/* What is read at once, so that a big image does not hold the loop. */
#define READ_AT_ONCE (1 * MIB)
#define MAX_SENTENCE 400

struct display_call {
    void (*done)(void *arg, const struct display_status *status, struct bytes *answer,
                 const struct err *err);
    void *arg;
    int fd;
    struct watch *watch;
    struct timer *deadline;
    struct bytes request; /* what is not sent yet */
    struct bytes answer;
    struct display_reply head;
    size_t head_n; /* bytes of it that are here */
};

static void call_free(struct display_call *c)
{
    watch_close(c->watch);
    timer_close(c->deadline);
    if (c->fd >= 0)
        (void)close(c->fd);
    bytes_done(&c->request);
    bytes_done(&c->answer);
    free(c);
}

static void finish(struct display_call *c, const struct err *err)
{
    struct display_status status = {c->head.width, c->head.height, c->head.x, c->head.y};
    watch_close(c->watch);
    c->watch = NULL;
    c->done(c->arg, &status, &c->answer, err);
    call_free(c);
}

static void fail(struct display_call *c, enum err_kind kind, const char *why)
{
    struct err err;
    (void)err_set(&err, kind, "%s", why);
    finish(c, &err);
}

static void on_deadline(void *arg)
{
    fail(arg, ERR_TIMEOUT, "the desktop does not answer");
}

/* ---- sending ---- */

/* 0 also when it has to go on later. */
static int send_some(struct display_call *c)
{
    while (c->request.len) {
        ssize_t n = send(c->fd, c->request.data, c->request.len, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -1;
        bytes_consume(&c->request, (size_t)n);
    }
    watch_set(c->watch, WATCH_READ);
    return 0;
}

/* ---- receiving ---- */

static bool complete(const struct display_call *c)
{
    return c->head_n == sizeof c->head && c->answer.len == c->head.length;
}

/* Bytes read, 0 for later, -1 when the connection is over. */
static ssize_t take(const struct display_call *c, void *to, size_t n)
{
    ssize_t done = recv(c->fd, to, n, 0);
    if (done > 0)
        return done;
    return done < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static int begin_answer(struct display_call *c)
{
    const struct display_reply *head = &c->head;
    if (head->magic != DISPLAY_MAGIC || head->length > DISPLAY_MAX_REPLY ||
        (head->result != DISPLAY_OK && head->length > MAX_SENTENCE))
        return -1;
    c->answer = bytes_with_limit(head->length + 1);
    return bytes_reserve(&c->answer, head->length + 1);
}

static ssize_t take_some(struct display_call *c)
{
    if (c->head_n < sizeof c->head) {
        ssize_t n = take(c, (char *)&c->head + c->head_n, sizeof c->head - c->head_n);
        if (n > 0)
            c->head_n += (size_t)n;
        if (n > 0 && c->head_n == sizeof c->head && begin_answer(c) < 0)
            return -1;
        return n;
    }
    ssize_t n = take(c, c->answer.data + c->answer.len, c->head.length - c->answer.len);
    if (n > 0)
        c->answer.len += (size_t)n;
    return n;
}

static void conclude(struct display_call *c)
{
    static const enum err_kind kinds[] = {
        [DISPLAY_INVALID] = ERR_INVALID,
        [DISPLAY_UNAVAILABLE] = ERR_UNAVAILABLE,
        [DISPLAY_FAILED] = ERR_INTERNAL,
    };
    uint32_t result = c->head.result;
    if (result == DISPLAY_OK) {
        finish(c, NULL);
        return;
    }
    const char *why = bytes_text(&c->answer);
    fail(c, result < COUNT_OF(kinds) ? kinds[result] : ERR_INTERNAL,
         why && why[0] ? why : "the desktop failed without a reason");
}

static void receive(struct display_call *c)
{
    size_t got = 0;
    while (!complete(c) && got < READ_AT_ONCE) {
        ssize_t n = take_some(c);
        if (n == 0)
            return;
        if (n < 0) {
            fail(c, ERR_UNAVAILABLE, "the desktop ended before it had answered");
            return;
        }
        got += (size_t)n;
    }
    if (complete(c))
        conclude(c);
}

static void on_socket(void *arg, unsigned events)
{
    struct display_call *c = arg;
    if (c->request.len) {
        /* A connection that was refused shows here too. */
        if (send_some(c) < 0)
            fail(c, ERR_UNAVAILABLE, "the desktop is not running");
        return;
    }
    (void)events;
    receive(c);
}

/* ---- asking ---- */

static int write_request(struct display_call *c, const struct display_question *q)
{
    struct display_request head = {DISPLAY_MAGIC, (uint32_t)q->op, q->a, q->b,
                                   (uint32_t)q->payload.len};
    c->request = bytes_with_limit(sizeof head + DISPLAY_MAX_REQUEST);
    (void)bytes_add(&c->request, &head, sizeof head);
    return bytes_add(&c->request, q->payload.data, q->payload.len);
}

static int start(struct loop *loop, struct display_call *c, const struct display_question *q,
                 struct err *err)
{
    struct address address = {.path = ""};
    if (q->payload.failed || write_request(c, q) < 0)
        return err_set(err, ERR_TOO_LARGE, "that is more than %u bytes of input",
                       DISPLAY_MAX_REQUEST);
    if (strlen(q->socket) >= sizeof address.path)
        return err_set(err, ERR_UNAVAILABLE, "the path of the desktop's socket is too long");
    (void)snprintf(address.path, sizeof address.path, "%s", q->socket);
    if (address_connect(&address, &c->fd, err) < 0)
        return err_set(err, ERR_UNAVAILABLE, "the desktop is not running");
    if (watch_open(loop, c->fd, on_socket, c, &c->watch, err) < 0 ||
        timer_open(loop, on_deadline, c, &c->deadline, err) < 0)
        return -1;
    watch_set(c->watch, WATCH_WRITE);
    timer_set(c->deadline, q->deadline_ms);
    return 0;
}

int display_ask(struct loop *loop, struct display_question *q, struct display_call **ret_call,
                struct err *err)
{
    struct display_call *c = calloc(1, sizeof *c);
    int r = -1;
    if (!c) {
        (void)err_memory(err);
    } else {
        *c = (struct display_call){.done = q->done, .arg = q->arg, .fd = -1};
        r = start(loop, c, q, err);
    }
    bytes_done(&q->payload);
    if (r < 0) {
        if (c)
            call_free(c);
        return -1;
    }
    *ret_call = c;
    return 0;
}

void display_cancel(struct display_call *c)
{
    if (c)
        call_free(c);
}

void display_event(struct bytes *events, enum display_event_kind kind, int x, int y)
{
    struct display_event event = {(uint32_t)kind, x, y, 0};
    (void)bytes_add(events, &event, sizeof event);
}

void display_event_text(struct bytes *events, enum display_event_kind kind, int x, const char *text,
                        size_t n)
{
    struct display_event event = {(uint32_t)kind, x, 0, (uint32_t)n};
    (void)bytes_add(events, &event, sizeof event);
    (void)bytes_add(events, text, n);
}
