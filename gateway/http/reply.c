/* Setting a reply. Nothing is sent here: exchange.c does that when the exchange is not parked. */
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "http/exchange_internal.h"

static struct reply_header *next_header(struct exchange *ex)
{
    struct reply *r = &ex->reply;
    if (r->header_count == r->header_room) {
        size_t room = r->header_room ? r->header_room * 2 : 8;
        struct reply_header *more = arena_alloc(ex->arena, room * sizeof *more);
        if (!more)
            return NULL;
        if (r->header_count)
            memcpy(more, r->headers, r->header_count * sizeof *more);
        r->headers = more;
        r->header_room = room;
    }
    return &r->headers[r->header_count];
}

void exchange_add_header(struct exchange *ex, const char *name, const char *value)
{
    struct reply *r = &ex->reply;
    const char *copy = arena_copy(ex->arena, value, strlen(value));
    struct reply_header *next = next_header(ex);
    if (!copy || !next || r->header_count == MAX_REPLY_HEADERS || strpbrk(value, "\r\n")) {
        log_warn("reply header %s dropped", name);
        return;
    }
    *next = (struct reply_header){name, copy};
    r->header_count++;
}

static struct reply *begin(struct exchange *ex, enum reply_kind kind, unsigned status,
                           const char *type)
{
    struct reply *r = &ex->reply;
    r->kind = kind;
    r->status = status;
    r->type = type;
    return r;
}

void exchange_reply(struct exchange *ex, unsigned status, const char *type, struct bytes *body)
{
    struct reply *r = begin(ex, REPLY_BYTES, status, type);
    bytes_done(&r->bytes);
    r->bytes = *body;
    *body = bytes_with_limit(body->limit);
}

void exchange_reply_static(struct exchange *ex, unsigned status, const char *type, const char *text,
                           size_t n)
{
    struct reply *r = begin(ex, REPLY_STATIC, status, type);
    r->text = text;
    r->text_length = n;
}

void exchange_reply_file(struct exchange *ex, unsigned status, const char *type, int fd,
                         uint64_t offset, uint64_t length)
{
    struct reply *r = begin(ex, REPLY_FILE, status, type);
    if (r->fd >= 0)
        (void)close(r->fd);
    r->fd = fd;
    r->offset = offset;
    r->length = length;
}

void exchange_reply_stream(struct exchange *ex, unsigned status, const char *type,
                           const struct stream_hooks *hooks)
{
    struct reply *r = begin(ex, REPLY_STREAM, status, type);
    r->bytes = bytes_with_limit(STREAM_CEILING);
    r->hooks = *hooks;
}

void exchange_reply_upgrade(struct exchange *ex,
                            void (*fn)(void *arg, struct upgraded *up, int fd, const char *extra,
                                       size_t n),
                            void *arg)
{
    struct reply *r = begin(ex, REPLY_UPGRADE, 101, NULL);
    r->upgrade = fn;
    r->upgrade_arg = arg;
}

bool exchange_replied(const struct exchange *ex)
{
    return ex->reply.kind != REPLY_NONE;
}

unsigned exchange_status(const struct exchange *ex)
{
    return ex->reply.status;
}

void exchange_close_after(struct exchange *ex)
{
    ex->reply.close = true;
}

void exchange_stream_length(struct exchange *ex, uint64_t length)
{
    ex->reply.sized = true;
    ex->reply.length = length;
}

size_t exchange_stream_room(const struct exchange *ex)
{
    const struct reply *r = &ex->reply;
    return r->stream_ended ? 0 : r->bytes.limit - r->bytes.len;
}

size_t exchange_stream_held(const struct exchange *ex)
{
    return ex->reply.bytes.len;
}

static void go_on(struct exchange *ex)
{
    struct reply *r = &ex->reply;
    if (!r->stream_waiting)
        return;
    r->stream_waiting = false;
    park_unlink(ex);
    exchange_resume(ex);
}

void exchange_stream_write(struct exchange *ex, const char *data, size_t n)
{
    if (ex->reply.stream_ended)
        return;
    if (bytes_add(&ex->reply.bytes, data, n) < 0)
        log_warn("stream reply over its ceiling: %s", ex->path.p);
    go_on(ex);
}

void exchange_stream_ready(struct exchange *ex)
{
    go_on(ex);
}

void exchange_stream_end(struct exchange *ex)
{
    ex->reply.stream_ended = true;
    go_on(ex);
}

/* A client whose only sign of the end is the close of the connection is shown a reset instead:
 * that is what disconnecting a TCP socket sends. */
void exchange_stream_break(struct exchange *ex)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    int fd = ex->http10 && !ex->reply.sized ? exchange_socket(ex) : -1;
    if (fd >= 0)
        (void)connect(fd, &nobody, sizeof nobody);
    ex->reply.stream_broken = true;
    exchange_stream_end(ex);
}
