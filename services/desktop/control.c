#include "desktop/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "desktop/listen.h"

#define REQUEST_MS   10000 /* for the rest of a request that has begun */
#define REPLY_MS     30000 /* for a reply to be taken */
#define READ_AT_ONCE 65536

struct connection {
    struct control *control; /* NULL: free */
    struct watch watch;
    struct timer deadline;
    struct bytes in, out;
    size_t sent;
    bool working;  /* on the request in `in` */
    bool starting; /* and the answer may come before this returns */
    struct display_request request;
    struct shot *shot;
    struct job job;
    struct clipboard_waiter waiter;
    bool has_job, has_waiter;
};

struct control {
    struct loop *loop;
    struct control_parts parts;
    struct watch listener;
    struct connection connections[CONTROL_MAX_CONNECTIONS];
};

static void send_on(struct connection *c);

static void close_connection(struct connection *c)
{
    struct control *control = c->control;
    loop_unwatch(control->loop, &c->watch);
    loop_cancel(control->loop, &c->deadline);
    if (c->shot)
        shots_cancel(c->shot);
    if (c->has_job)
        jobs_cancel(control->parts.jobs, &c->job);
    if (c->has_waiter)
        clipboard_forget(control->parts.clipboard, &c->waiter);
    (void)close(c->watch.fd);
    bytes_done(&c->in);
    bytes_done(&c->out);
    c->control = NULL;
}

/* ---- replies ---- */

static struct display_reply reply_head(const struct control *control)
{
    const struct xserver *x = control->parts.x;
    struct display_reply reply = {.magic = DISPLAY_MAGIC,
                                  .width = control->parts.screen->width,
                                  .height = control->parts.screen->height};
    Window window;
    int ignored;
    unsigned mask;
    /* Being answered, it also says that the server has dealt with all input before. */
    (void)XQueryPointer(x->display, x->root, &window, &window, &reply.x, &reply.y, &ignored,
                        &ignored, &mask);
    return reply;
}

/* The request is answered; the connection writes from now on. */
static void reply(struct connection *c, enum display_result result, const void *data, size_t n)
{
    struct display_reply head = reply_head(c->control);
    head.result = result;
    head.length = (uint32_t)n;
    c->working = false;
    c->sent = 0;
    (void)bytes_add(&c->out, &head, sizeof head);
    (void)bytes_add(&c->out, data, n);
    bytes_done(&c->in);
    loop_timer(c->control->loop, &c->deadline, REPLY_MS);
    if (!c->starting)
        send_on(c);
}

static void reply_error(struct connection *c, const struct err *err)
{
    enum display_result result = err->kind == ERR_INVALID ? DISPLAY_INVALID : DISPLAY_FAILED;
    reply(c, result, err->text, strlen(err->text));
}

static void shot_done(void *arg, struct shot *shot)
{
    struct connection *c = arg;
    c->shot = NULL;
    if (shot->err.kind != ERR_NONE)
        reply_error(c, &shot->err);
    else
        reply(c, DISPLAY_OK, shot->image.data, shot->image.len);
}

static void job_done(void *arg, const struct err *err)
{
    struct connection *c = arg;
    c->has_job = false;
    if (err)
        reply_error(c, err);
    else
        reply(c, DISPLAY_OK, "", 0);
}

static void clipboard_came(void *arg, struct text *text)
{
    struct connection *c = arg;
    c->has_waiter = false;
    reply(c, DISPLAY_OK, text ? text->data : "", text ? text->n : 0);
}

/* ---- requests ---- */

static int start_job(struct connection *c, const char *payload)
{
    c->has_job = true;
    c->job = (struct job){.payload = payload, .n = c->request.length, .done = job_done, .arg = c};
    jobs_add(c->control->parts.jobs, &c->job);
    return 0;
}

static int get_clipboard(struct connection *c)
{
    c->has_waiter = true;
    c->waiter = (struct clipboard_waiter){.fn = clipboard_came, .arg = c};
    clipboard_get(c->control->parts.clipboard, &c->waiter);
    return 0;
}

static int set_clipboard(struct connection *c, const char *payload, struct err *err)
{
    const struct control_parts *parts = &c->control->parts;
    struct text *text = text_new(payload, c->request.length);
    if (!text)
        return err_memory(err);
    parts->set_clipboard(parts->arg, text);
    text_unref(text);
    reply(c, DISPLAY_OK, "", 0);
    return 0;
}

static int resize(struct connection *c, struct err *err)
{
    const struct control_parts *parts = &c->control->parts;
    if (parts->resize(parts->arg, c->request.a, c->request.b, err) < 0)
        return -1;
    reply(c, DISPLAY_OK, "", 0);
    return 0;
}

static int answer(struct connection *c, struct err *err)
{
    const struct control_parts *parts = &c->control->parts;
    const char *payload = c->in.data + sizeof c->request;
    if (request_check(&c->request, payload, parts->screen->width, parts->screen->height, err) < 0)
        return -1;
    switch ((enum display_op)c->request.op) {
    case DISPLAY_STATUS:
        reply(c, DISPLAY_OK, "", 0);
        return 0;
    case DISPLAY_SCREENSHOT:
        return shots_take(parts->shots, parts->screen, (enum display_format)c->request.a,
                          c->request.b, shot_done, c, &c->shot, err);
    case DISPLAY_INPUT:
        return start_job(c, payload);
    case DISPLAY_CLIPBOARD_GET:
        return get_clipboard(c);
    case DISPLAY_CLIPBOARD_SET:
        return set_clipboard(c, payload, err);
    case DISPLAY_RESIZE:
        return resize(c, err);
    }
    return 0;
}

/* ---- the connection ---- */

static void send_on(struct connection *c)
{
    while (!c->out.failed && c->sent < c->out.len) {
        ssize_t n = send(c->watch.fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            c->watch.events = POLLOUT;
            return;
        }
        if (n < 0)
            break;
        c->sent += (size_t)n;
    }
    if (c->out.failed || c->sent < c->out.len) {
        close_connection(c);
        return;
    }
    bytes_done(&c->out);
    c->sent = 0;
    loop_cancel(c->control->loop, &c->deadline);
    c->watch.events = POLLIN;
}

static void start(struct connection *c)
{
    struct err err = ERR_INIT;
    loop_cancel(c->control->loop, &c->deadline);
    /* While it is under way only the peer's leaving is of interest, which poll(2) always tells. */
    c->watch.events = 0;
    c->working = c->starting = true;
    if (answer(c, &err) < 0)
        reply_error(c, &err);
    c->starting = false;
    if (!c->working)
        send_on(c);
}

/* How much of the request is still to come; not a byte of the next is read. */
static size_t missing(const struct connection *c)
{
    size_t head = sizeof c->request;
    return c->in.len < head ? head - c->in.len : head + c->request.length - c->in.len;
}

/* -1: the peer is gone, or of no use. */
static int receive(struct connection *c)
{
    struct err err = ERR_INIT;
    size_t n = missing(c) < READ_AT_ONCE ? missing(c) : READ_AT_ONCE;
    if (bytes_reserve(&c->in, n) < 0)
        return -1;
    ssize_t got = recv(c->watch.fd, c->in.data + c->in.len, n, 0);
    if (got <= 0)
        return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    if (c->in.len == 0)
        loop_timer(c->control->loop, &c->deadline, REQUEST_MS);
    bool had_head = c->in.len >= sizeof c->request;
    c->in.len += (size_t)got;
    if (had_head || c->in.len < sizeof c->request)
        return 0;
    memcpy(&c->request, c->in.data, sizeof c->request);
    return request_check_head(&c->request, &err);
}

static void on_ready(void *arg, short events)
{
    struct connection *c = arg;
    if (c->working) {
        if (events & (POLLHUP | POLLERR))
            close_connection(c);
    } else if (c->out.len) {
        send_on(c);
    } else if (receive(c) < 0) {
        close_connection(c);
    } else if (c->in.len >= sizeof c->request && missing(c) == 0) {
        start(c);
    }
}

static void on_deadline(void *arg)
{
    close_connection(arg);
}

static void on_connection(void *arg, short events)
{
    struct control *control = arg;
    struct connection *c = NULL;
    struct err ignored;
    (void)events;
    int fd = accept4(control->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    for (int i = 0; i < CONTROL_MAX_CONNECTIONS && !c; i++)
        if (!control->connections[i].control)
            c = &control->connections[i];
    if (!c) {
        (void)close(fd);
        return;
    }
    *c = (struct connection){.control = control,
                             .watch = {.fd = fd, .events = POLLIN, .fn = on_ready, .arg = c},
                             .deadline = {.fn = on_deadline, .arg = c},
                             .in = BYTES_INIT(DISPLAY_MAX_REQUEST + 4096),
                             .out = BYTES_INIT(DISPLAY_MAX_REPLY + 4096)};
    if (loop_watch(control->loop, &c->watch, &ignored) < 0)
        close_connection(c);
}

int control_open(struct loop *loop, const char *path, const struct control_parts *parts,
                 struct control **ret_control, struct err *err)
{
    struct control *control = calloc(1, sizeof *control);
    if (!control)
        return err_memory(err);
    control->loop = loop;
    control->parts = *parts;
    control->listener = (struct watch){.events = POLLIN, .fn = on_connection, .arg = control};
    if (listen_at(path, &control->listener.fd, err) < 0 ||
        loop_watch(loop, &control->listener, err) < 0)
        return -1;
    *ret_control = control;
    return 0;
}
