/* /v1/shell/ws: a session on somebody's screen. JSON text messages, the incumbent's shapes:
 *
 *   to the client    {"type":"session_id","data":ID}  {"type":"ready","data":"Terminal ready",…}
 *                    {"type":"output","data":TEXT}    {"type":"ping","timestamp":MS,"data":MS}
 *                    {"type":"exit","data":{"exit_code":N,"signal":N|null}}
 *                    {"type":"error","data":TEXT}     {"type":"pong","timestamp":MS}
 *   from the client  {"type":"input","data":TEXT}     {"type":"resize","data":{"cols":N,"rows":N}}
 *                    {"type":"pong",…}                {"type":"ping"}
 *                    {"type":"pause"}                 {"type":"resume"}   (this viewer only)
 */
#include <string.h>

#include "api/app.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "core/history.h"
#include "core/pty.h"
#include "core/shell_sessions.h"
#include "http/ws.h"

/* Output per message; JSON may escape a byte to six. */
#define OUTPUT_CHUNK    (32 * KIB)
#define MESSAGE_CEILING (OUTPUT_CHUNK * 6 + 1 * KIB)
#define PING_MS         30000
/* Small messages waiting to be sent: beyond this the client is not reading. */
#define CONTROL_CEILING (64 * KIB)

struct terminal {
    struct app *app;
    struct ws *ws;
    struct viewer viewer;
    char session_id[IDENT_SIZE];
    struct pty_size size; /* 0: not asked for */
    struct timer *ping;
    struct bytes control; /* complete messages, each with its length before it */
    struct bytes held;    /* bytes of an unfinished character */
    struct bytes json;
    bool ready_sent, paused, ended, closing;
    const char *dropped; /* why, when the session let go of this viewer */
    uint64_t replay_end;
    struct exit_status exit;
};

/* ---- messages ---- */

static void queue_control(struct terminal *t, const struct bytes *json)
{
    uint32_t n = (uint32_t)json->len;
    if (t->control.len + n + sizeof n > CONTROL_CEILING) {
        ws_close(t->ws, 1008, "messages are not being read");
        return;
    }
    if (json->failed || bytes_reserve(&t->control, n + sizeof n) < 0) {
        bytes_clear(&t->control);
        ws_close(t->ws, 1011, "out of memory");
        return;
    }
    (void)bytes_add(&t->control, &n, sizeof n);
    (void)bytes_add(&t->control, json->data, n);
    ws_want_write(t->ws);
}

static struct jsonw begin(struct terminal *t, const char *type)
{
    bytes_clear(&t->json);
    struct jsonw w = jsonw_on(&t->json);
    jsonw_object(&w);
    jsonw_kstr(&w, "type", type);
    return w;
}

static void queue_text(struct terminal *t, const char *type, const char *data)
{
    struct jsonw w = begin(t, type);
    jsonw_kstr(&w, "data", data);
    jsonw_object_end(&w);
    queue_control(t, &t->json);
}

static void queue_time(struct terminal *t, const char *type)
{
    int64_t now = history_now();
    struct jsonw w = begin(t, type);
    jsonw_kint(&w, "timestamp", now);
    jsonw_kint(&w, "data", now);
    jsonw_object_end(&w);
    queue_control(t, &t->json);
}

static void queue_ready(struct terminal *t)
{
    struct jsonw w = begin(t, "ready");
    jsonw_kstr(&w, "data", "Terminal ready");
    jsonw_kbool(&w, "flow", true);
    jsonw_object_end(&w);
    queue_control(t, &t->json);
    t->ready_sent = true;
}

static void queue_exit(struct terminal *t)
{
    struct jsonw w = begin(t, "exit");
    jsonw_key(&w, "data");
    jsonw_object(&w);
    jsonw_kint(&w, "exit_code", t->exit.code);
    if (t->exit.signaled)
        jsonw_kint(&w, "signal", t->exit.signal);
    else
        jsonw_knull(&w, "signal");
    jsonw_object_end(&w);
    jsonw_object_end(&w);
    queue_control(t, &t->json);
}

/* ---- sending ---- */

static int send_control(struct terminal *t)
{
    uint32_t n;
    memcpy(&n, t->control.data, sizeof n);
    int r = ws_send(t->ws, t->control.data + sizeof n, n);
    bytes_consume(&t->control, sizeof n + n);
    return r;
}

static int send_output(struct terminal *t)
{
    cleanup_bytes struct bytes text = BYTES_INIT(OUTPUT_CHUNK + 8);
    (void)bytes_add(&text, t->held.data, t->held.len);
    bytes_clear(&t->held);
    viewer_read(&t->viewer, OUTPUT_CHUNK, &text);
    size_t held = utf8_held_back(text.data, text.len);
    (void)bytes_add(&t->held, text.data + text.len - held, held);
    text.len -= held;
    if (!text.len)
        return 0;
    struct jsonw w = begin(t, "output");
    jsonw_kbytes(&w, "data", &text);
    jsonw_object_end(&w);
    if (t->json.failed) {
        ws_close(t->ws, 1011, "out of memory");
        return -1;
    }
    return ws_send(t->ws, t->json.data, t->json.len);
}

static bool output_waits(const struct terminal *t)
{
    return !t->paused && viewer_has_news(&t->viewer);
}

/* Ready follows the replay; the exit follows the last output. */
static void after_output(struct terminal *t)
{
    if (!t->ready_sent && t->viewer.offset >= t->replay_end)
        queue_ready(t);
    if (t->ended && !viewer_has_news(&t->viewer)) {
        t->ended = false;
        t->closing = true;
        queue_exit(t);
    } else if (t->closing && !t->control.len) {
        ws_close(t->ws, t->dropped ? 1001 : 1000, t->dropped ? t->dropped : "the shell ended");
    }
}

static void on_writable(void *arg)
{
    struct terminal *t = arg;
    int r = 0;
    if (t->control.len)
        r = send_control(t);
    else if (output_waits(t))
        r = send_output(t);
    if (r < 0)
        return; /* closed follows */
    after_output(t);
    if (t->control.len || output_waits(t))
        ws_want_write(t->ws);
}

/* ---- the viewer ---- */

static void on_news(void *arg)
{
    struct terminal *t = arg;
    if (!t->paused)
        ws_want_write(t->ws);
}

static void on_exited(void *arg, struct exit_status status)
{
    struct terminal *t = arg;
    t->ended = true;
    t->exit = status;
    after_output(t);
    ws_want_write(t->ws);
}

/* The client hears why before the connection closes: one that does not know comes back, and makes
 * anew the session that somebody closed. */
static void on_dropped(void *arg, const char *why)
{
    struct terminal *t = arg;
    t->dropped = why;
    t->closing = true;
    queue_text(t, "error", why);
}

/* ---- what clients say ---- */

enum message_type { MSG_INPUT, MSG_RESIZE, MSG_PONG, MSG_PING, MSG_PAUSE, MSG_RESUME };
static const char *const message_types[] = {"input", "resize", "pong", "ping",
                                            "pause", "resume", NULL};

struct message {
    int type;
    struct text data;
    int64_t cols, rows;
};

#define TYPE_ROW                                                                                   \
    {                                                                                              \
        "type", FIELD_CHOICE, offsetof(struct message, type),                                      \
            .required = true, .choices = message_types, .doc = "What it is."                       \
    }

static const struct field message_fields[] = {TYPE_ROW, FIELDS_END};

static const struct field input_fields[] = {
    TYPE_ROW,
    {"data", FIELD_TEXT, offsetof(struct message, data), .required = true, .doc = "Typed text."},
    FIELDS_END};

static const struct field resize_fields[] = {
    TYPE_ROW,
    {"data.cols", FIELD_INT, offsetof(struct message, cols), .required = true, .min = PTY_MIN_SIZE,
     .max = PTY_MAX_SIZE, .doc = "Columns."},
    {"data.rows", FIELD_INT, offsetof(struct message, rows), .required = true, .min = PTY_MIN_SIZE,
     .max = PTY_MAX_SIZE, .doc = "Rows."},
    FIELDS_END};

static int decode(struct arena *arena, const char *text, size_t n, const struct field *fields,
                  struct message *ret_message, struct err *err)
{
    cleanup_bytes struct bytes unknown = BYTES_INIT(256);
    return json_decode(arena, text, n, fields, ret_message, sizeof *ret_message, &unknown, err);
}

static int take_resize(struct terminal *t, struct arena *arena, const char *text, size_t n,
                       struct err *err)
{
    struct message m;
    if (decode(arena, text, n, resize_fields, &m, err) < 0)
        return -1;
    if (t->viewer.link)
        shell_resize(t->viewer.shell,
                     (struct pty_size){(unsigned short)m.cols, (unsigned short)m.rows});
    return 0;
}

static int take_input(struct terminal *t, struct arena *arena, const char *text, size_t n,
                      struct err *err)
{
    struct message m;
    struct shell_session *s = shell_session_find(t->app->shells, t->session_id);
    if (decode(arena, text, n, input_fields, &m, err) < 0)
        return -1;
    if (viewer_input(&t->viewer, m.data.p, m.data.n, err) < 0)
        return -1;
    if (s) {
        s->last_used_at = history_now();
        s->used_clock = loop_clock();
    }
    return 0;
}

static int take(struct terminal *t, struct arena *arena, const char *text, size_t n,
                struct err *err)
{
    struct message m;
    if (decode(arena, text, n, message_fields, &m, err) < 0)
        return -1;
    switch (m.type) {
    case MSG_INPUT:
        return take_input(t, arena, text, n, err);
    case MSG_RESIZE:
        return take_resize(t, arena, text, n, err);
    case MSG_PING:
        queue_time(t, "pong");
        return 0;
    case MSG_PAUSE:
        t->paused = true;
        return 0;
    case MSG_RESUME:
        t->paused = false;
        ws_want_write(t->ws);
        return 0;
    default:
        return 0;
    }
}

static void on_message(void *arg, const char *data, size_t n, bool binary)
{
    struct terminal *t = arg;
    struct err err;
    struct arena *arena = arena_new();
    (void)binary;
    if ((arena ? take(t, arena, data, n, &err) : err_memory(&err)) < 0)
        queue_text(t, "error", err.text);
    arena_free(arena);
}

/* ---- life ---- */

static void on_ping(void *arg)
{
    struct terminal *t = arg;
    queue_time(t, "ping");
    timer_set(t->ping, PING_MS);
}

static int attach(struct terminal *t, struct err *err)
{
    struct shell_session *s;
    struct text id = {t->session_id, strlen(t->session_id)};
    if (shell_session_get_sized(t->app->shells, id, t->size, &s, err) < 0)
        return -1;
    (void)snprintf(t->session_id, sizeof t->session_id, "%s", s->id);
    if (shell_view(s->shell, &t->viewer, err) < 0)
        return -1;
    shell_session_touch(s);
    return 0;
}

static void on_opened(void *arg, struct ws *ws)
{
    struct terminal *t = arg;
    struct err err;
    t->ws = ws;
    if (attach(t, &err) < 0 || timer_open(t->app->loop, on_ping, t, &t->ping, &err) < 0) {
        queue_text(t, "error", err.text);
        ws_close(ws, 1011, err.text);
        return;
    }
    timer_set(t->ping, PING_MS);
    queue_text(t, "session_id", t->session_id);
    t->replay_end = viewer_end(&t->viewer);
    after_output(t);
    ws_want_write(ws);
}

static void terminal_free(struct terminal *t)
{
    viewer_remove(&t->viewer);
    timer_close(t->ping);
    bytes_done(&t->control);
    bytes_done(&t->held);
    bytes_done(&t->json);
    free(t);
}

static void on_closed(void *arg)
{
    terminal_free(arg);
}

struct connect_input {
    struct text session_id;
    int64_t cols, rows;
};

static int connect_terminal(struct exchange *ex, struct err *err)
{
    static const struct ws_hooks hooks = {on_opened, on_message, on_writable, on_closed};
    const struct connect_input *in = exchange_input(ex);
    if (in->session_id.n && !ident_valid(in->session_id.p, in->session_id.n))
        return err_field(err, "session_id", "field 'session_id' is not a session's name");
    struct terminal *t = calloc(1, sizeof *t);
    if (!t)
        return err_memory(err);
    t->app = app_of(ex);
    t->viewer =
        (struct viewer){.news = on_news, .exited = on_exited, .dropped = on_dropped, .arg = t};
    t->control = bytes_with_limit(CONTROL_CEILING);
    t->held = bytes_with_limit(16);
    t->json = bytes_with_limit(MESSAGE_CEILING);
    (void)snprintf(t->session_id, sizeof t->session_id, "%s",
                   in->session_id.p ? in->session_id.p : "");
    if (in->cols != INT_ABSENT && in->rows != INT_ABSENT) {
        t->size = (struct pty_size){(unsigned short)in->cols, (unsigned short)in->rows};
    }
    if (ws_accept(t->app->ws, ex, &hooks, t, err) < 0) {
        terminal_free(t);
        return -1;
    }
    return 0;
}

static const struct field connect_fields[] = {
    {"session_id", FIELD_TEXT, offsetof(struct connect_input, session_id), .max = IDENT_MAX,
     .doc = "The session to attach to; an unknown one is made, none makes a new one."},
    {"cols", FIELD_INT, offsetof(struct connect_input, cols), .min = PTY_MIN_SIZE,
     .max = PTY_MAX_SIZE, .doc = "Columns of the terminal."},
    {"rows", FIELD_INT, offsetof(struct connect_input, rows), .min = PTY_MIN_SIZE,
     .max = PTY_MAX_SIZE, .doc = "Rows of the terminal."},
    FIELDS_END};

const struct route terminal_routes[] = {
    {"GET", "/v1/shell/ws", SCOPE_EXEC, ROUTE_SOCKET, connect_terminal, .serves = "/terminal",
     INPUT(connect_fields, struct connect_input),
     .audit = {.action = "terminal.open", .session = "session_id"}, .tag = "shell",
     .summary = "A terminal as a WebSocket of JSON messages."},
    ROUTES_END,
};
