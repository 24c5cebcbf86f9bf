#include "http/exchange.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "http/envelope.h"
#include "http/exchange_mhd.h"

/* Of a stream, sent at once. */
#define STREAM_BLOCK (128 * KIB)

static uint64_t clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- birth and death ---- */

void exchange_on_connection(void *cls, struct MHD_Connection *con, void **conn,
                            enum MHD_ConnectionNotificationCode code)
{
    struct server *server = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *conn =
            conn_new(&server->patience,
                     MHD_get_connection_info(con, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
        return;
    }
    conn_free(&server->patience, *conn);
    *conn = NULL;
}

static struct arena *take_arena(struct server *server)
{
    if (server->spare_arena_count == 0)
        return arena_new();
    return server->spare_arenas[--server->spare_arena_count];
}

static void give_back(struct server *server, struct arena *arena)
{
    if (server->spare_arena_count == SPARE_ARENAS) {
        arena_free(arena);
        return;
    }
    arena_clear(arena);
    server->spare_arenas[server->spare_arena_count++] = arena;
}

void *exchange_on_target(void *cls, const char *target, struct MHD_Connection *con)
{
    struct server *server = cls;
    struct arena *arena = take_arena(server);
    struct exchange *ex = arena ? arena_alloc(arena, sizeof *ex) : NULL;
    if (!ex) {
        arena_free(arena);
        return NULL;
    }
    ex->arena = arena;
    ex->magic = EXCHANGE_MAGIC;
    ex->server = server;
    ex->con = con;
    ex->conn = MHD_get_connection_info(con, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    conn_request_line(&server->patience, ex->conn);
    ex->reply.fd = -1;
    ex->declared = -1;
    ex->started_ns = clock_ns();
    ex->unknown = bytes_with_limit(4 * KIB);
    ex->out = bytes_with_limit(REPLY_CEILING);
    ex->writer = jsonw_on(&ex->out);
    ex->raw_target = target;
    int parsed = request_parse_target(ex, target);
    ex->bad_target = parsed < 0;
    ex->undecoded = parsed > 0;
    server->under_way++;
    return ex;
}

static void exchange_free(struct exchange *ex)
{
    park_unlink(ex);
    if (ex->reply.fd >= 0)
        (void)close(ex->reply.fd);
    bytes_done(&ex->reply.bytes);
    bytes_done(&ex->body);
    bytes_done(&ex->unknown);
    bytes_done(&ex->out);
    ex->magic = 0;
    give_back(ex->server, ex->arena);
}

/* The exchange is over, perhaps before the reply was complete, or the body, or the handler's turn.
 */
static void tell_gone(struct exchange *ex)
{
    request_drop_sink(ex);
    struct reply *r = &ex->reply;
    if (r->kind == REPLY_STREAM && !r->stream_ended && r->hooks.on_gone) {
        r->stream_ended = true;
        r->hooks.on_gone(r->hooks.arg);
    }
}

void exchange_on_completed(void *cls, struct MHD_Connection *con, void **con_cls,
                           enum MHD_RequestTerminationCode code)
{
    struct server *server = cls;
    struct exchange *ex = *con_cls;
    (void)con;
    if (!ex)
        return;
    *con_cls = NULL;
    server->moved = true;
    bool delivered = code == MHD_REQUEST_TERMINATED_COMPLETED_OK;
    if (ex->reply.kind != REPLY_UPGRADE)
        conn_enter(&server->patience, ex->conn, CONN_WAITING);
    park_stop_lingering(ex);
    park_left(ex);
    tell_gone(ex);
    server->hooks.done(server->hooks.arg, ex, delivered);
    server->under_way--;
    exchange_free(ex);
}

/* ---- the head ---- */

static enum MHD_Result take_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                   size_t name_n, const char *value, size_t value_n)
{
    struct exchange *ex = cls;
    (void)kind;
    if (ex->header_count == MAX_HEADERS) {
        ex->too_many_headers = true;
        return MHD_NO;
    }
    /* MHD keeps name and value in the connection's pool, NUL-terminated, until the reply is sent.
     */
    ex->headers[ex->header_count++] =
        (struct header){{name, name_n}, {value ? value : "", value ? value_n : 0}};
    return MHD_YES;
}

static bool take_head(struct exchange *ex, const char *method, const char *version)
{
    int count = MHD_get_connection_values(ex->con, MHD_HEADER_KIND, NULL, NULL);
    size_t room = count > 0 && count < MAX_HEADERS ? (size_t)count : MAX_HEADERS;
    ex->headers = arena_alloc(ex->arena, room * sizeof *ex->headers);
    ex->method = (struct text){arena_copy(ex->arena, method, strlen(method)), strlen(method)};
    ex->http10 = strcmp(version, "HTTP/1.0") == 0;
    if (!ex->headers || !ex->method.p || !ex->target.p || !ex->path.p || ex->no_memory)
        return false;
    (void)MHD_get_connection_values_n(ex->con, MHD_HEADER_KIND, take_header, ex);
#if MHD_VERSION < 0x00097600
    const union MHD_ConnectionInfo *size =
        MHD_get_connection_info(ex->con, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    ex->misread = !ex->too_many_headers &&
                  (!size || !request_read_as_written(ex, version, method + size->header_size));
#endif
    const char *length = exchange_header(ex, "Content-Length");
    if (length && parse_i64(length, strlen(length), &ex->declared) < 0)
        ex->declared = -1;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(ex->con, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info)
        request_set_peer(ex, info->client_addr);
    return true;
}

/* ---- sending the reply ---- */

static enum MHD_Result suspend(struct exchange *ex)
{
    park_stop_lingering(ex);
    ex->suspended = true;
    ex->server->suspended++;
    conn_pause(ex->conn, true);
    MHD_suspend_connection(ex->con);
    return MHD_YES;
}

static ssize_t pull_stream(void *cls, uint64_t at, char *to, size_t room)
{
    struct exchange *ex = cls;
    struct reply *r = &ex->reply;
    (void)at;
    if (r->bytes.len == 0 && !r->stream_ended && r->hooks.pull) {
        size_t n = r->hooks.pull(r->hooks.arg, to, room);
        ex->server->moved |= n > 0;
        if (n)
            return (ssize_t)n;
    }
    if (r->bytes.len == 0 && !r->stream_ended && r->hooks.on_room)
        r->hooks.on_room(r->hooks.arg);
    if (r->bytes.len == 0) {
        if (r->stream_ended)
            return r->stream_broken ? MHD_CONTENT_READER_END_WITH_ERROR
                                    : MHD_CONTENT_READER_END_OF_STREAM;
        r->stream_waiting = true;
        if (!park_lingers(ex)) {
            (void)suspend(ex);
            park_link(ex);
        }
        return 0;
    }
    ex->server->moved = true;
    size_t n = r->bytes.len < room ? r->bytes.len : room;
    memcpy(to, r->bytes.data, n);
    bytes_consume(&r->bytes, n);
    return (ssize_t)n;
}

static void on_upgrade(void *cls, struct MHD_Connection *con, void *con_cls, const char *extra,
                       size_t extra_size, MHD_socket fd, struct MHD_UpgradeResponseHandle *handle)
{
    struct exchange *ex = con_cls;
    struct upgraded *up = calloc(1, sizeof *up);
    (void)cls;
    (void)con;
    if (!up) {
        (void)MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
        return;
    }
    *up = (struct upgraded){.handle = handle,
                            .server = ex->server,
                            .next = ex->server->upgraded,
                            .link = &ex->server->upgraded};
    if (up->next)
        up->next->link = &up->next;
    *up->link = up;
    send_at_once(fd); /* MHD held small segments back while it wrote the head */
    notice_dead_peer(fd);
    ex->reply.upgrade(ex->reply.upgrade_arg, up, fd, extra, extra_size);
}

void upgraded_close(struct upgraded *up)
{
    *up->link = up->next;
    if (up->next)
        up->next->link = up->link;
    up->server->kick = true;
    (void)MHD_upgrade_action(up->handle, MHD_UPGRADE_ACTION_CLOSE);
    free(up);
}

static struct MHD_Response *make_response(struct exchange *ex)
{
    struct reply *r = &ex->reply;
    struct MHD_Response *response = NULL;
    size_t n;
    char *data;
    switch (r->kind) {
    case REPLY_BYTES:
        data = bytes_take(&r->bytes, &n);
        if (!data)
            return NULL;
        response = MHD_create_response_from_buffer(n, data, MHD_RESPMEM_MUST_FREE);
        if (!response)
            free(data);
        return response;
    case REPLY_STATIC:
        return MHD_create_response_from_buffer(r->text_length, (void *)(uintptr_t)r->text,
                                               MHD_RESPMEM_PERSISTENT);
    case REPLY_FILE:
        response = MHD_create_response_from_fd_at_offset64(r->length, r->fd, r->offset);
        if (response)
            r->fd = -1;
        return response;
    case REPLY_STREAM:
        n = r->sized && r->length < STREAM_BLOCK ? (size_t)r->length + 1 : STREAM_BLOCK;
        return MHD_create_response_from_callback(r->sized ? r->length : MHD_SIZE_UNKNOWN, n,
                                                 pull_stream, ex, NULL);
    case REPLY_UPGRADE:
        return MHD_create_response_for_upgrade(on_upgrade, NULL);
    case REPLY_NONE:
        break;
    }
    return NULL;
}

static void add_headers(struct MHD_Response *response, const struct reply *r, bool http10)
{
    if (r->type)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, r->type);
    for (size_t i = 0; i < r->header_count; i++)
        (void)MHD_add_response_header(response, r->headers[i].name, r->headers[i].value);
    if (r->close || (http10 && r->kind == REPLY_STREAM && !r->sized))
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

/* What is not chunked and has no length ends with the connection; a HEAD's answer would else bear
 * the last chunk of a body that is not there. */
static void leave_unframed(struct MHD_Response *response)
{
    (void)MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
}

static enum MHD_Result send_reply(struct exchange *ex)
{
    struct reply *r = &ex->reply;
    /* A HEAD or 304 reply of unknown size would put body bytes on the wire. */
    bool bodyless = r->status == 304 || r->status == 204;
    bool unframed = r->kind == REPLY_STREAM && !r->sized && strcmp(ex->method.p, "HEAD") == 0;
    r->close |= unframed;
    if (bodyless && r->kind != REPLY_UPGRADE) {
        r->kind = REPLY_STATIC;
        r->text = "";
        r->text_length = 0;
    }
    struct MHD_Response *response = make_response(ex);
    ex->phase = PHASE_SENT;
    conn_enter(&ex->server->patience, ex->conn, request_conn_state(ex));
    if (!response)
        return MHD_NO;
    if (unframed)
        leave_unframed(response);
    add_headers(response, r, ex->http10);
    enum MHD_Result queued = MHD_queue_response(ex->con, r->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* ---- MHD's access handler ---- */

static void refuse_now(struct exchange *ex, unsigned status, bool close)
{
    static const char text[] = "{\"success\":false,\"message\":\"out of memory\",\"data\":null}";
    ex->reply.close |= close;
    exchange_reply_static(ex, status, "application/json", text, sizeof text - 1);
}

static enum MHD_Result run(struct exchange *ex)
{
    struct server *server = ex->server;
    if (ex->phase != PHASE_RUN) {
        ex->phase = PHASE_RUN;
        server->moved = true;
        conn_enter(&server->patience, ex->conn, CONN_WORKING);
        server->hooks.run(server->hooks.arg, ex);
    }
    /* In this order: while parked, a worker may be writing the reply. */
    if (ex->parked)
        return park_lingers(ex) ? MHD_YES : suspend(ex);
    park_stop_lingering(ex);
    if (!exchange_replied(ex)) {
        struct err err;
        (void)err_set(&err, ERR_INTERNAL, "the handler gave no answer");
        reply_error(ex, &err);
    }
    return send_reply(ex);
}

static enum MHD_Result on_head(struct exchange *ex, const char *method, const char *version)
{
    if (!take_head(ex, method, version)) {
        refuse_now(ex, 503, true);
        return send_reply(ex);
    }
    ex->phase = request_phase_after_head(ex, ex->server->hooks.head(ex->server->hooks.arg, ex));
    conn_enter(&ex->server->patience, ex->conn, request_conn_state(ex));
    return ex->phase == PHASE_RUN ? send_reply(ex) : MHD_YES;
}

static enum MHD_Result on_body(struct exchange *ex, const char *data, size_t *n)
{
    struct err err = ERR_INIT;
    int r = 0;
    conn_received(ex->conn, *n);
    if (ex->phase == PHASE_BODY)
        r = bytes_add(&ex->body, data, *n);
    else if (ex->phase == PHASE_SINK)
        r = ex->sink->data(ex, data, *n, &err);
    /* The same bytes come again; but at the end nobody waits for a slow disk. */
    if (r == 1 && (ex->server->stopping || ex->left))
        return MHD_NO;
    if (r == 1) {
        park_link(ex);
        return suspend(ex);
    }
    if (r < 0) {
        /* A reply in mid-body is not possible: the pipeline makes one, the rest is dropped. */
        request_drop_sink(ex);
        ex->phase = PHASE_DRAIN;
        if (ex->body.failed)
            (void)err_set(&err, ERR_TOO_LARGE, "the body is larger than %zu bytes", ex->body.limit);
        if (!exchange_replied(ex))
            reply_error(ex, &err);
    }
    if (ex->phase == PHASE_DRAIN && (ex->drained += *n) > DRAIN_CEILING)
        return MHD_NO;
    *n = 0;
    return MHD_YES;
}

enum MHD_Result exchange_on_request(void *cls, struct MHD_Connection *con, const char *url,
                                    const char *method, const char *version, const char *data,
                                    size_t *n, void **con_cls)
{
    struct exchange *ex = *con_cls;
    (void)cls;
    (void)con;
    (void)url;
    if (!ex || ex->magic != EXCHANGE_MAGIC)
        return MHD_NO;
    if (ex->phase != PHASE_RUN)
        ex->server->moved = true;
    if (ex->phase == PHASE_HEAD)
        return on_head(ex, method, version);
    if (request_awaits(ex))
        return suspend(ex);
    if (*n > 0)
        return on_body(ex, data, n);
    if (ex->phase == PHASE_DRAIN)
        return send_reply(ex);
    if (ex->phase == PHASE_SENT)
        return MHD_YES;
    return run(ex);
}

/* ---- for those who park it ---- */

void exchange_resume(struct exchange *ex)
{
    if (ex->linger_until)
        ex->server->kick = true;
    park_stop_lingering(ex);
    if (!ex->suspended)
        return;
    ex->suspended = false;
    ex->server->suspended--;
    conn_pause(ex->conn, false);
    MHD_resume_connection(ex->con);
    ex->server->kick = true;
}

int exchange_socket(const struct exchange *ex)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(ex->con, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}
