#include "http/proxy.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/envelope.h"
#include "http/handshake.h"
#include "http/proxy_head.h"
#include "http/tunnel.h"

/* Of the request, on its way to the service: beyond it the client is not read. */
#define REQUEST_HELD (64 * KIB)
/* Of a request whose service has stopped listening. */
#define DROPPED_MAX (8 * MIB)

struct proxied {
    struct exchange *ex;        /* NULL: gone, or answered to the end */
    struct upstream_call *call; /* NULL: over */
    void (*release)(void *arg);
    void *release_arg;
    uint64_t deadline_ms, stall_ms;
    void (*nobody)(struct exchange *ex);
    struct proxy_place place;
    struct timer *stall; /* of the upload; NULL: it never waited */
    size_t stalled_at;   /* what was pending when the clock was set */
    bool websocket, chunked;
    bool uploading; /* the body is still coming: no reply may be set yet */
    bool sink_waits, parked, streaming;
    bool whole; /* the answer came in one piece, and goes out in one */
    unsigned status;
    struct bytes body;
    uint64_t dropped;
    const struct response_head *head; /* came, and is not passed on yet */
    bool failed;                      /* so did the failure */
    struct err failure;
    /* a tunnel */
    int fd; /* the service's */
    struct bytes extra;
    struct upgraded *upgraded;
    struct tunnel *tunnel;
    struct proxied **tie; /* in the exchange's arena: the other way to here */
};

/* ---- life ---- */

static void proxied_free(struct proxied *p)
{
    upstream_abandon(p->call);
    timer_close(p->stall);
    if (p->fd >= 0)
        (void)close(p->fd);
    bytes_done(&p->extra);
    bytes_done(&p->body);
    if (p->tie)
        *p->tie = NULL;
    if (p->release)
        p->release(p->release_arg);
    free(p);
}

/* The exchange is over without anybody having said so: an upgrade that never took place. */
static void on_exchange_over(void *arg)
{
    struct proxied **tie = arg, *p = *tie;
    if (!p)
        return;
    p->tie = NULL;
    p->ex = NULL;
    if (!p->upgraded)
        proxied_free(p);
}

static int tie_to_exchange(struct proxied *p, struct err *err)
{
    struct arena *arena = exchange_arena(p->ex);
    struct proxied **tie = arena_alloc(arena, sizeof(struct proxied *));
    if (!tie || arena_defer(arena, on_exchange_over, tie) < 0)
        return err_memory(err);
    *tie = p;
    p->tie = tie;
    return 0;
}

/* ---- the tunnel ---- */

static void release_client(void *arg)
{
    struct proxied *p = arg;
    upgraded_close(p->upgraded);
}

/* The second side to go: nothing is left. */
static void release_service(void *arg)
{
    proxied_free(arg);
}

static void on_stop(void *arg)
{
    struct proxied *p = arg;
    tunnel_end(p->tunnel);
}

static void on_upgraded(void *arg, struct upgraded *up, int fd, const char *extra, size_t n)
{
    struct proxied *p = arg;
    struct err err;
    struct loop *loop = exchange_loop(p->ex);
    struct tunnel_side client = {fd, release_client, p, extra, n};
    struct tunnel_side service = {p->fd, release_service, p, p->extra.data, p->extra.len};
    p->upgraded = up;
    upgraded_on_stop(up, on_stop, p);
    if (tunnel_open(loop, &client, &service, 0, &p->tunnel, &err) < 0)
        log_warn("tunnel: %s", err.text);
}

/* ---- answering ---- */

static void wake(struct proxied *p)
{
    if (p->parked) {
        p->parked = false;
        exchange_wake(p->ex);
    }
}

static void reply_failure(struct exchange *ex, void (*nobody)(struct exchange *ex),
                          const struct err *failure)
{
    struct err err = *failure;
    if (err.kind == ERR_UNAVAILABLE)
        err.kind = ERR_UPSTREAM;
    if (err.sys == ECONNREFUSED && nobody)
        nobody(ex);
    else
        reply_error(ex, &err);
}

static void answer_failure(struct proxied *p, const struct err *failure)
{
    reply_failure(p->ex, p->nobody, failure);
    wake(p);
    proxied_free(p);
}

/* What of the answer goes out next comes straight from the service: nothing is held here. */
static size_t on_pull(void *arg, char *to, size_t room)
{
    struct proxied *p = arg;
    return upstream_read(p->call, to, room);
}

static void on_gone(void *arg)
{
    proxied_free(arg);
}

static void answer_upgrade(struct proxied *p, const struct response_head *head)
{
    proxy_reply_headers(p->ex, head, &p->place);
    p->fd = upstream_take_socket(p->call, &p->extra);
    p->call = NULL;
    exchange_reply_upgrade(p->ex, on_upgraded, p);
    wake(p);
}

static bool is_bodyless(const struct response_head *head)
{
    return head->framing == FRAMED_EMPTY || (head->framing == FRAMED_LENGTH && head->length == 0);
}

static void answer_bodyless(struct proxied *p, const struct response_head *head)
{
    static const struct stream_hooks none = {NULL, NULL, NULL, NULL};
    bool head_request = strcmp(exchange_method(p->ex), "HEAD") == 0;
    if (head_request && head->status != 204 && head->status != 304) {
        exchange_reply_stream(p->ex, head->status, NULL, &none);
        if (head->has_length)
            exchange_stream_length(p->ex, head->length);
        exchange_stream_end(p->ex);
    } else {
        exchange_reply_static(p->ex, head->status, NULL, "", 0);
    }
    wake(p);
    p->ex = NULL;
}

static void answer_head(struct proxied *p, const struct response_head *head)
{
    const struct stream_hooks hooks = {NULL, on_gone, p, on_pull};
    if (head->status == 101) {
        answer_upgrade(p, head);
        return;
    }
    proxy_reply_headers(p->ex, head, &p->place);
    if (is_bodyless(head)) {
        answer_bodyless(p, head);
        return;
    }
    /* `data` and `end` follow at once. */
    p->whole =
        p->parked && head->framing == FRAMED_LENGTH && head->length <= upstream_at_hand(p->call);
    if (p->whole) {
        p->status = head->status;
        p->body = bytes_with_limit(UPSTREAM_READ + RESPONSE_HEAD_MAX);
        return;
    }
    exchange_reply_stream(p->ex, head->status, NULL, &hooks);
    if (head->has_length && head->framing == FRAMED_LENGTH)
        exchange_stream_length(p->ex, head->length);
    upstream_pull(p->call);
    p->streaming = true;
    wake(p);
}

/* ---- the service's side ---- */

static void on_head(void *arg, const struct response_head *head)
{
    struct proxied *p = arg;
    if (!p->uploading) {
        answer_head(p, head);
        return;
    }
    p->head = head;
    upstream_pause(p->call, true);
}

static void on_data(void *arg, const char *data, size_t n)
{
    struct proxied *p = arg;
    if (p->whole)
        (void)bytes_add(&p->body, data, n);
}

static void on_readable(void *arg)
{
    struct proxied *p = arg;
    exchange_stream_ready(p->ex);
}

static void on_call_room(void *arg)
{
    struct proxied *p = arg;
    if (!p->sink_waits)
        return;
    p->sink_waits = false;
    if (p->stall)
        timer_stop(p->stall);
    exchange_wake(p->ex);
}

static void on_end(void *arg, const struct err *err)
{
    struct proxied *p = arg;
    p->call = NULL;
    if (p->whole && !err) {
        exchange_reply(p->ex, p->status, NULL, &p->body);
        wake(p);
        proxied_free(p);
    } else if (p->streaming) {
        if (err) {
            log_debug("proxy: %s", err->text);
            exchange_stream_break(p->ex);
        } else {
            exchange_stream_end(p->ex);
        }
        proxied_free(p);
    } else if (!p->ex) {
        proxied_free(p);
    } else if (p->uploading) {
        p->failed = true;
        p->failure = *err;
        on_call_room(p);
    } else {
        answer_failure(p, err);
    }
}

/* ---- the client's side ---- */

static void on_park_end(void *arg, enum park_end why)
{
    struct proxied *p = arg;
    struct err err;
    p->parked = false;
    if (why == PARK_TIMEOUT) {
        (void)err_set(&err, ERR_TIMEOUT, "the service gave no answer within %llu seconds",
                      (unsigned long long)p->deadline_ms / 1000);
        reply_error(p->ex, &err);
    }
    proxied_free(p);
}

static void park(struct proxied *p)
{
    p->parked = true;
    exchange_expect_soon(p->ex);
    exchange_park(p->ex, p->deadline_ms, on_park_end, p);
}

static struct proxied *make(struct exchange *ex, const struct proxy_options *options,
                            bool websocket)
{
    struct proxied *p = calloc(1, sizeof *p);
    if (!p) {
        if (options->release)
            options->release(options->release_arg);
        return NULL;
    }
    *p = (struct proxied){.ex = ex,
                          .release = options->release,
                          .release_arg = options->release_arg,
                          .deadline_ms = options->deadline_ms,
                          .stall_ms = options->stall_ms ? options->stall_ms : PROXY_STALL_MS,
                          .nobody = options->nobody,
                          .websocket = websocket,
                          .extra = BYTES_INIT(RESPONSE_HEAD_MAX + UPSTREAM_READ),
                          .fd = -1};
    if (!p->deadline_ms)
        p->deadline_ms = websocket ? PROXY_HANDSHAKE_MS : PROXY_DEADLINE_MS;
    return p;
}

static int call(struct proxied *p, const struct address *address, const char *target,
                const struct proxy_options *options, const struct proxy_body *body, struct err *err)
{
    static const struct upstream_hooks hooks = {on_head, on_data, on_call_room, on_readable,
                                                on_end};
    cleanup_bytes struct bytes head = BYTES_INIT(0);
    if (tie_to_exchange(p, err) < 0 ||
        proxy_request_head(p->ex, address, target, options, p->websocket, body, &head, err) < 0)
        return -1;
    struct upstream_spec spec = {.address = address,
                                 .pool = options->pool,
                                 .method = exchange_method(p->ex),
                                 .head = &head,
                                 .has_body = body->present,
                                 .upgrade = p->websocket,
                                 .hooks = &hooks,
                                 .arg = p};
    p->chunked = body->chunked;
    p->place =
        (struct proxy_place){options->prefix, options->outer, options->keep_host, address->port};
    if (upstream_begin(exchange_loop(p->ex), &spec, &p->call, err) == 0)
        return 0;
    reply_failure(p->ex, p->nobody, err);
    return -1;
}

int proxy_websocket(struct exchange *ex, const struct address *address, const char *target,
                    const struct proxy_options *options, struct err *err)
{
    const struct proxy_body none = {false};
    const char *key;
    struct proxied *p = make(ex, options, true);
    if (!p)
        return err_memory(err);
    if (handshake_check(ex, &key, err) < 0 || call(p, address, target, options, &none, err) < 0) {
        proxied_free(p);
        return -1;
    }
    park(p);
    return 0;
}

int proxy_http(struct exchange *ex, const struct address *address, const char *target,
               const struct proxy_options *options, struct err *err)
{
    struct text given = exchange_body(ex);
    bool announced =
        exchange_header(ex, "Content-Length") || exchange_header(ex, "Transfer-Encoding");
    const struct proxy_body body = {given.n > 0 || announced, false, given.n};
    struct proxied *p = make(ex, options, false);
    if (!p)
        return err_memory(err);
    if (call(p, address, target, options, &body, err) < 0) {
        proxied_free(p);
        return -1;
    }
    if (given.n)
        upstream_write(p->call, given.p, given.n);
    if (body.present)
        upstream_finish(p->call);
    park(p);
    return 0;
}

int proxy_any(struct exchange *ex, const struct address *address, const char *target,
              const struct proxy_options *options, struct err *err)
{
    return handshake_asked(ex) ? proxy_websocket(ex, address, target, options, err)
                               : proxy_http(ex, address, target, options, err);
}

/* ---- streamed requests ---- */

int proxy_http_begin(struct exchange *ex, const struct address *address, const char *target,
                     const struct proxy_options *options, struct err *err)
{
    int64_t declared = exchange_declared_length(ex);
    bool coded = exchange_header(ex, "Transfer-Encoding") != NULL;
    const struct proxy_body body = {declared >= 0 || coded, coded,
                                    declared > 0 ? (uint64_t)declared : 0};
    struct proxied *p = make(ex, options, false);
    if (!p)
        return err_memory(err);
    if (call(p, address, target, options, &body, err) < 0) {
        proxied_free(p);
        return -1;
    }
    p->uploading = true;
    exchange_expect_soon(ex);
    exchange_set_state(ex, p);
    return 0;
}

static void on_stall(void *arg)
{
    struct proxied *p = arg;
    size_t pending = upstream_pending(p->call);
    if (pending != p->stalled_at) {
        p->stalled_at = pending;
        timer_set(p->stall, p->stall_ms);
        return;
    }
    upstream_abandon(steal(&p->call));
    p->failed = true;
    (void)err_set(&p->failure, ERR_TIMEOUT,
                  "the service has taken nothing of the request's body for %llu seconds",
                  (unsigned long long)p->stall_ms / 1000);
    on_call_room(p);
}

/* The client is not read until the service has taken more. */
static int hold_back(struct proxied *p, struct err *err)
{
    if (!p->stall && timer_open(exchange_loop(p->ex), on_stall, p, &p->stall, err) < 0)
        return -1;
    p->stalled_at = upstream_pending(p->call);
    timer_set(p->stall, p->stall_ms);
    p->sink_waits = true;
    return 1;
}

static void pass_on(struct proxied *p, const char *data, size_t n)
{
    char size[24];
    if (p->chunked)
        upstream_write(p->call, size, (size_t)snprintf(size, sizeof size, "%zx\r\n", n));
    upstream_write(p->call, data, n);
    if (p->chunked)
        upstream_write(p->call, "\r\n", 2);
}

int proxy_sink_data(struct exchange *ex, const char *data, size_t n, struct err *err)
{
    struct proxied *p = exchange_state(ex);
    if (!p)
        return err_set(err, ERR_INTERNAL, "the request is gone");
    if (p->failed) {
        reply_failure(ex, p->nobody, &p->failure);
        return -1;
    }
    if (upstream_deaf(p->call)) {
        /* Its answer may be there, or come: the client hears it once all was sent. */
        p->dropped += n;
        return p->dropped <= DROPPED_MAX
                   ? 0
                   : err_set(err, ERR_UPSTREAM, "the service does not take the request's body");
    }
    if (upstream_pending(p->call) > REQUEST_HELD)
        return hold_back(p, err);
    pass_on(p, data, n);
    return 0;
}

void proxy_sink_abort(struct exchange *ex)
{
    struct proxied *p = exchange_state(ex);
    exchange_set_state(ex, NULL);
    if (p)
        proxied_free(p);
}

int proxy_answer(struct exchange *ex, struct err *err)
{
    struct proxied *p = exchange_state(ex);
    if (!p)
        return err_set(err, ERR_INTERNAL, "the request is gone");
    exchange_set_state(ex, NULL);
    p->uploading = false;
    if (p->failed) {
        struct err failure = p->failure;
        answer_failure(p, &failure);
        return 0;
    }
    if (p->chunked)
        upstream_write(p->call, "0\r\n\r\n", 5);
    upstream_finish(p->call);
    if (!p->head) {
        park(p);
        return 0;
    }
    struct upstream_call *paused = p->call;
    answer_head(p, p->head);
    upstream_pause(paused, false);
    return 0;
}
