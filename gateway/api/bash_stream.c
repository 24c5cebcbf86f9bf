/* A running bash command as server-sent events. */
#include "api/bash.h"

#include <string.h>

#include "api/app.h"
#include "base/jsonw.h"
#include "base/mem.h"

#define CHUNK        (32 * KIB)
#define HEARTBEAT_MS 15000

struct live {
    struct observer observer;
    struct exchange *ex;
    struct command *command;
    struct timer *timer;
    char session_id[IDENT_SIZE];
    uint64_t offset, error_offset;
};

static void let_go(struct live *live)
{
    observer_remove(&live->observer);
    timer_close(live->timer);
    live->timer = NULL;
}

static void send_event(struct live *live, const char *name, const struct bytes *json)
{
    cleanup_bytes struct bytes event = BYTES_INIT(CHUNK * 8);
    (void)bytes_printf(&event, "event: %s\ndata: ", name);
    (void)bytes_add(&event, json->data, json->len);
    (void)bytes_adds(&event, "\n\n");
    exchange_stream_write(live->ex, event.data, event.len);
}

/* One event's worth of a stream. False when there is nothing (more) to send now. */
static bool send_output(struct live *live, const char *name, struct outlog *log, uint64_t *offset)
{
    cleanup_bytes struct bytes text = BYTES_INIT(CHUNK), json = BYTES_INIT(CHUNK * 7);
    uint64_t next, skipped;
    /* Escaped text may be six times as long. */
    if (exchange_stream_room(live->ex) < CHUNK * 7)
        return false;
    outlog_read_text(log, *offset, CHUNK, !command_ended(live->command), &text, &next, &skipped);
    if (text.len == 0)
        return false;
    struct jsonw w = jsonw_on(&json);
    *offset = next;
    jsonw_object(&w);
    jsonw_ktext(&w, "data", text.data, text.len);
    jsonw_kint(&w, "offset", (int64_t)next);
    jsonw_object_end(&w);
    send_event(live, name, &json);
    return true;
}

static void send_start(struct live *live)
{
    cleanup_bytes struct bytes json = BYTES_INIT(4 * KIB);
    struct jsonw w = jsonw_on(&json);
    store_flush_if_pending(app_of(live->ex)->store); /* told to run: known to have run */
    jsonw_object(&w);
    jsonw_kstr(&w, "session_id", live->session_id);
    jsonw_kstr(&w, "command_id", live->command->id);
    jsonw_object_end(&w);
    send_event(live, "start", &json);
}

static void send_exit(struct live *live)
{
    cleanup_bytes struct bytes json = BYTES_INIT(4 * KIB);
    struct jsonw w = jsonw_on(&json);
    const struct command *c = live->command;
    jsonw_object(&w);
    jsonw_kstr(&w, "status", command_status_names[c->status]);
    if (c->exited)
        jsonw_kint(&w, "exit_code", c->exit.code);
    else
        jsonw_knull(&w, "exit_code");
    if (c->exited)
        exchange_audit_exit(live->ex, c->exit.code);
    jsonw_kint(&w, "offset", (int64_t)live->offset);
    jsonw_kint(&w, "stderr_offset", (int64_t)live->error_offset);
    jsonw_object_end(&w);
    send_event(live, "exit", &json);
    let_go(live);
    exchange_stream_end(live->ex);
}

static void pump(struct live *live)
{
    struct command *c = live->command;
    bool any = true;
    while (any) {
        any = send_output(live, "stdout", &c->out, &live->offset);
        any |= send_output(live, "stderr", &c->errors, &live->error_offset);
    }
    if (command_ended(c) && live->offset >= c->out.length && live->error_offset >= c->errors.length)
        send_exit(live);
}

static void on_news(void *arg)
{
    pump(arg);
}

static void on_gone(void *arg)
{
    let_go(arg);
}

/* A comment now and then keeps idle proxies from closing the stream. */
static void on_heartbeat(void *arg)
{
    struct live *live = arg;
    static const char comment[] = ": still running\n\n";
    if (exchange_stream_room(live->ex) > sizeof comment)
        exchange_stream_write(live->ex, comment, sizeof comment - 1);
    timer_set(live->timer, HEARTBEAT_MS);
}

int bash_stream(struct exchange *ex, const char *session_id, struct command *command,
                struct err *err)
{
    struct live *live = arena_alloc(exchange_arena(ex), sizeof *live);
    if (!live)
        return err_memory(err);
    *live = (struct live){.ex = ex, .command = command, .observer = {.fn = on_news, .arg = live}};
    (void)snprintf(live->session_id, sizeof live->session_id, "%s", session_id);
    if (timer_open(app_of(ex)->loop, on_heartbeat, live, &live->timer, err) < 0)
        return -1;
    timer_set(live->timer, HEARTBEAT_MS);
    const struct stream_hooks hooks = {.on_room = on_news, .on_gone = on_gone, .arg = live};
    exchange_add_header(ex, "Cache-Control", "no-store");
    exchange_add_header(ex, "X-Accel-Buffering", "no");
    exchange_reply_stream(ex, 200, "text/event-stream", &hooks);
    observers_add(&command->observers, &live->observer);
    send_start(live);
    return 0;
}
