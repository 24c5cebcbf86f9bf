#include "http/ws.h"

#include <errno.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "http/handshake.h"
#include "http/tunnel.h"
#include "http/upstream.h"

#define FRAME_ROOM       65536
#define HANDLES_CLOSE_MS 20

struct ws_context {
    struct lws_context *lws;
    struct lws_vhost *vhost;
    struct loop *loop;
    struct ws *joining; /* the one whose socket is being adopted */
};

struct ws {
    struct ws_context *context;
    struct lws *wsi;
    struct ws_hooks hooks;
    void *arg;
    int pair[2];
    char key[64];
    struct bytes message; /* of fragments */
    bool binary;
    int close_code; /* 0: open */
    char close_reason[120];
    bool connecting, failed; /* as a client: within ws_connect(); and it went wrong there */
    struct timer *deadline;  /* of a client's connect */
    unsigned char *frame;    /* LWS_PRE and the last message sent */
    size_t frame_size;
    struct ws **tie; /* as a server, until the upgrade: in the exchange's arena, the way to here */
};

static void ws_free(struct ws *ws)
{
    for (int i = 0; i < 2; i++)
        if (ws->pair[i] >= 0)
            (void)close(ws->pair[i]);
    timer_close(ws->deadline);
    bytes_done(&ws->message);
    free(ws->frame);
    free(ws);
}

static void ws_gone(struct ws *ws)
{
    ws->wsi = NULL;
    ws->failed = true;
    if (ws->connecting)
        return; /* ws_connect() tells it */
    if (ws->hooks.closed)
        ws->hooks.closed(ws->arg);
    ws_free(ws);
}

/* ---- libwebsockets' side ---- */

static int on_receive(struct ws *ws, const char *data, size_t n)
{
    if (lws_is_first_fragment(ws->wsi)) {
        bytes_clear(&ws->message);
        ws->binary = lws_frame_is_binary(ws->wsi) != 0;
    }
    if (bytes_add(&ws->message, data, n) < 0) {
        ws_close(ws, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "message too large");
        return 0;
    }
    if (!lws_is_final_fragment(ws->wsi) || ws->close_code)
        return 0;
    const char *text = bytes_text(&ws->message);
    if (text && ws->hooks.message)
        ws->hooks.message(ws->arg, text, ws->message.len, ws->binary);
    if (ws->message.cap > FRAME_ROOM)
        bytes_done(&ws->message);
    else
        bytes_clear(&ws->message);
    return 0;
}

static int on_writable(struct ws *ws)
{
    if (!ws->close_code) {
        if (ws->hooks.writable)
            ws->hooks.writable(ws->arg);
        return 0;
    }
    lws_close_reason(ws->wsi, (enum lws_close_status)ws->close_code,
                     (unsigned char *)ws->close_reason, strlen(ws->close_reason));
    return -1;
}

static void on_established(struct ws *ws)
{
    timer_close(ws->deadline);
    ws->deadline = NULL;
    if (ws->hooks.opened)
        ws->hooks.opened(ws->arg, ws);
}

static int on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n)
{
    struct ws *ws = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    (void)user;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        if (ws)
            on_established(ws);
        break;
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return ws ? on_receive(ws, in, n) : -1;
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return ws ? on_writable(ws) : -1;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_WSI_DESTROY:
        if (ws) {
            lws_set_opaque_user_data(wsi, NULL);
            ws_gone(ws);
        }
        break;
    default:
        break;
    }
    return 0;
}

static const struct lws_protocols protocols[] = {
    {"sandgate", on_lws, 0, FRAME_ROOM, 0, NULL, FRAME_ROOM},
    {NULL, NULL, 0, 0, 0, NULL, 0},
};

static void lws_log(int level, const char *line)
{
    (void)level;
    log_debug("ws: %.*s", (int)strcspn(line, "\n"), line);
}

int ws_context_open(struct loop *loop, struct ws_context **ret_context, struct err *err)
{
    struct ws_context *c = calloc(1, sizeof *c);
    if (!c)
        return err_memory(err);
    void *loops[] = {loop_native(loop)};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS |
                   LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DISABLE_IPV6,
        .foreign_loops = loops,
        .pcontext = &c->lws,
        .gid = -1,
        .uid = -1,
        .pt_serv_buf_size = 8192,
        .fd_limit_per_thread = 8192,
    };
    c->loop = loop;
    lws_set_log_level(LLL_ERR | LLL_WARN, lws_log);
    c->lws = lws_create_context(&info);
    if (c->lws)
        c->vhost = lws_create_vhost(c->lws, &info);
    if (!c->vhost) {
        ws_context_close(c);
        return err_set(err, ERR_INTERNAL, "cannot start libwebsockets");
    }
    *ret_context = c;
    return 0;
}

static int finalized(void *arg)
{
    const struct ws_context *c = arg;
    return c->lws == NULL;
}

/* On a loop that is not its own, libwebsockets 4.1 destroys in two calls, with the loop closing the
 * handles in between; unless the last handle was a socket's: then the second call is made by
 * itself, and `pcontext` (our lws pointer) becomes NULL. */
void ws_context_close(struct ws_context *c)
{
    if (!c)
        return;
    if (c->lws)
        lws_context_destroy(c->lws);
    if (c->lws)
        loop_drain(c->loop, finalized, c, HANDLES_CLOSE_MS);
    if (c->lws)
        lws_context_destroy(c->lws);
    free(c);
}

struct loop *ws_loop(const struct ws_context *c)
{
    return c->loop;
}

void ws_want_write(struct ws *ws)
{
    if (ws->wsi)
        (void)lws_callback_on_writable(ws->wsi);
}

int ws_send(struct ws *ws, const char *text, size_t n)
{
    if (ws->frame_size < LWS_PRE + n) {
        unsigned char *frame = realloc(ws->frame, LWS_PRE + n);
        if (!frame) {
            ws_close(ws, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION, "out of memory");
            return -1;
        }
        ws->frame = frame;
        ws->frame_size = LWS_PRE + n;
    }
    memcpy(ws->frame + LWS_PRE, text, n);
    return lws_write(ws->wsi, ws->frame + LWS_PRE, n, LWS_WRITE_TEXT) < 0 ? -1 : 0;
}

void ws_close(struct ws *ws, int code, const char *reason)
{
    if (ws->close_code)
        return;
    ws->close_code = code;
    (void)snprintf(ws->close_reason, sizeof ws->close_reason, "%s", reason);
    ws_want_write(ws);
}

/* ---- the client's side ---- */

static void release_upgraded(void *arg)
{
    upgraded_close(arg);
}

static void release_pair(void *arg)
{
    (void)close((int)(intptr_t)arg);
}

/* libwebsockets gets a handshake of its own; its answer is dropped by the tunnel. */
static bool adopt(struct ws *ws)
{
    char request[512];
    int n = snprintf(request, sizeof request,
                     "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
                     "Sec-WebSocket-Version: 13\r\n\r\n",
                     ws->key);
    int fd = ws->pair[1];
    ws->pair[1] = -1;
    struct lws *wsi = lws_adopt_socket_vhost(ws->context->vhost, fd);
    if (!wsi)
        return false;
    ws->wsi = wsi;
    lws_set_opaque_user_data(wsi, ws);
    return send(ws->pair[0], request, (size_t)n, MSG_NOSIGNAL) == n;
}

static void on_upgraded(void *arg, struct upgraded *up, int fd, const char *extra, size_t n)
{
    struct ws *ws = arg;
    struct err err;
    int mine = ws->pair[0];
    *ws->tie = NULL;
    bool adopted = adopt(ws);
    /* From here the pair's ends belong to the tunnel and to libwebsockets. */
    struct tunnel_side client = {fd, release_upgraded, up, extra, n};
    struct tunnel_side inner = {.fd = mine, .release = release_pair, .arg = (void *)(intptr_t)mine};
    ws->pair[0] = -1;
    if (!adopted && !ws->wsi) {
        release_upgraded(up);
        release_pair((void *)(intptr_t)mine);
        ws_gone(ws);
        return;
    }
    if (tunnel_open(ws->context->loop, &client, &inner, 1, NULL, &err) < 0)
        log_warn("websocket: %s", err.text);
}

/* RFC 6455 section 4.2.2, step 5.4. */
static bool accept_value(const char *key, char out[40])
{
    char text[96];
    unsigned char digest[20];
    int n = snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    (void)lws_SHA1((const unsigned char *)text, (size_t)n, digest);
    return lws_b64_encode_string((const char *)digest, sizeof digest, out, 40) > 0;
}

/* The exchange is over; without an upgrade nobody else comes for the WebSocket. */
static void on_exchange_over(void *arg)
{
    struct ws **tie = arg;
    if (*tie)
        ws_gone(*tie);
}

static int tie_to_exchange(struct ws *ws, struct exchange *ex)
{
    struct arena *arena = exchange_arena(ex);
    ws->tie = arena_alloc(arena, sizeof(struct ws *));
    if (!ws->tie || arena_defer(arena, on_exchange_over, ws->tie) < 0)
        return -1;
    *ws->tie = ws;
    return 0;
}

int ws_accept(struct ws_context *context, struct exchange *ex, const struct ws_hooks *hooks,
              void *arg, struct err *err)
{
    const char *key = NULL;
    char value[40];
    if (handshake_check(ex, &key, err) < 0)
        return -1;
    struct ws *ws = calloc(1, sizeof *ws);
    if (!ws)
        return err_memory(err);
    *ws = (struct ws){.context = context, .hooks = *hooks, .arg = arg, .pair = {-1, -1}};
    ws->message = bytes_with_limit(WS_MAX_MESSAGE);
    (void)snprintf(ws->key, sizeof ws->key, "%s", key);
    if (!accept_value(key, value) ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ws->pair) < 0) {
        ws_free(ws);
        return err_errno(err, errno, "cannot open a WebSocket");
    }
    if (tie_to_exchange(ws, ex) < 0) {
        ws_free(ws);
        return err_memory(err);
    }
    exchange_add_header(ex, "Upgrade", "websocket");
    exchange_add_header(ex, "Sec-WebSocket-Accept", value);
    exchange_reply_upgrade(ex, on_upgraded, ws);
    return 0;
}

/* ---- as a client ---- */

static void kill_soon(struct ws *ws)
{
    if (ws->wsi)
        lws_set_timeout(ws->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

static void on_deadline(void *arg)
{
    kill_soon(arg);
}

void ws_abandon(struct ws *ws)
{
    if (!ws)
        return;
    ws->hooks = (struct ws_hooks){NULL, NULL, NULL, NULL};
    kill_soon(ws);
}

static void dial(struct ws *ws, const struct ws_target *target)
{
    char unix_path[sizeof target->address->path + 1], host[UPSTREAM_HOST_SIZE];
    bool unix_socket = target->address->path[0];
    (void)snprintf(unix_path, sizeof unix_path, "+%s", target->address->path);
    upstream_host(target->address, host);
    struct lws_client_connect_info info = {
        .context = ws->context->lws,
        .vhost = ws->context->vhost,
        .address = unix_socket ? unix_path : "127.0.0.1",
        .port = unix_socket ? 0 : target->address->port,
        .path = target->path,
        .host = host,
        .local_protocol_name = protocols[0].name,
        .opaque_user_data = ws,
        .pwsi = &ws->wsi,
    };
    ws->connecting = true;
    if (!lws_client_connect_via_info(&info))
        ws->failed = true;
    ws->connecting = false;
}

int ws_connect(struct ws_context *context, const struct ws_target *target,
               const struct ws_hooks *hooks, void *arg, struct ws **ret_ws, struct err *err)
{
    struct ws *ws = calloc(1, sizeof *ws);
    if (!ws)
        return err_memory(err);
    *ws = (struct ws){.context = context, .hooks = *hooks, .arg = arg, .pair = {-1, -1}};
    ws->message = bytes_with_limit(target->max_message);
    if (timer_open(context->loop, on_deadline, ws, &ws->deadline, err) < 0) {
        ws_free(ws);
        return -1;
    }
    timer_set(ws->deadline, target->deadline_ms);
    dial(ws, target);
    if (ws->failed) {
        ws_free(ws);
        return err_set(err, ERR_UNAVAILABLE, "the service does not answer");
    }
    *ret_ws = ws;
    return 0;
}
