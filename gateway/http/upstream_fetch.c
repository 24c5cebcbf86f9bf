/* Small requests to services whose whole answer is wanted: a call each, on its own connection. */
#include <stdio.h>

#include "base/mem.h"
#include "http/upstream.h"

struct fetch {
    struct upstream_call *call;
    struct timer *timer;
    struct bytes body;
    unsigned status;
    void (*done)(void *arg, unsigned status, struct bytes *body, const struct err *err);
    void *arg;
};

static void fetch_free(struct fetch *f)
{
    timer_close(f->timer);
    upstream_abandon(f->call);
    bytes_done(&f->body);
    free(f);
}

static void finish(struct fetch *f, const struct err *err)
{
    f->done(f->arg, f->status, &f->body, err);
    fetch_free(f);
}

static void on_head(void *arg, const struct response_head *head)
{
    struct fetch *f = arg;
    f->status = head->status;
}

static void on_data(void *arg, const char *data, size_t n)
{
    struct fetch *f = arg;
    struct err err;
    if (bytes_add(&f->body, data, n) == 0)
        return;
    (void)err_set(&err, ERR_TOO_LARGE, "the service's answer is larger than %zu bytes",
                  f->body.limit);
    finish(f, &err);
}

static void on_end(void *arg, const struct err *err)
{
    struct fetch *f = arg;
    f->call = NULL;
    finish(f, err);
}

static void on_deadline(void *arg)
{
    struct err err;
    (void)err_set(&err, ERR_TIMEOUT, "the service gave no whole answer in time");
    finish(arg, &err);
}

static int begin(struct loop *loop, const struct fetch_spec *spec, struct fetch *f, struct err *err)
{
    static const struct upstream_hooks hooks = {on_head, on_data, NULL, NULL, on_end};
    cleanup_bytes struct bytes head = BYTES_INIT(64 * KIB);
    char host[UPSTREAM_HOST_SIZE];
    upstream_host(spec->address, host);
    (void)bytes_printf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n",
                       spec->method, spec->target, host,
                       spec->method[0] == 'P' ? "Content-Length: 0\r\n" : "");
    if (!bytes_text(&head))
        return err_set(err, ERR_TOO_LARGE, "the request to the service is too long");
    struct upstream_spec call = {
        .address = spec->address, .method = spec->method, .head = &head, .hooks = &hooks, .arg = f};
    if (timer_open(loop, on_deadline, f, &f->timer, err) < 0)
        return -1;
    timer_set(f->timer, spec->deadline_ms);
    return upstream_begin(loop, &call, &f->call, err);
}

int upstream_fetch(struct loop *loop, const struct fetch_spec *spec, struct fetch **ret_fetch,
                   struct err *err)
{
    struct fetch *f = calloc(1, sizeof *f);
    if (!f)
        return err_memory(err);
    *f = (struct fetch){
        .body = bytes_with_limit(spec->ceiling), .done = spec->done, .arg = spec->arg};
    if (begin(loop, spec, f, err) < 0) {
        fetch_free(f);
        return -1;
    }
    *ret_fetch = f;
    return 0;
}

void upstream_cancel(struct fetch *f)
{
    if (f)
        fetch_free(f);
}
