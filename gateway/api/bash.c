/* /v1/bash: commands with separate stdout and stderr, read by offset. */
#include "api/bash.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "api/app.h"
#include "api/wait.h"
#include "base/mem.h"
#include "core/config.h"
#include "core/history.h"
#include "http/envelope.h"

#define EXEC_BODY      (8 * MIB)
#define MAX_COMMAND    (4 * MIB)
#define MAX_INPUT      (1 * MIB)
#define INLINE_CEILING (64 * MIB) /* of one stream in one answer, whatever the client asks */
#define OUTPUT_CEILING (4 * MIB)  /* of one stream in one /output answer */
#define MAX_SECONDS    86400
#define KILL_WAIT_MS   2500
#define SIGNAL_WAIT_MS 300

/* ---- answers ---- */

static void write_exit_code(struct jsonw *w, const struct command *c)
{
    if (c->exited)
        jsonw_kint(w, "exit_code", c->exit.code);
    else
        jsonw_knull(w, "exit_code");
}

/* One stream as text; while the command runs, an unfinished character waits for later. */
static void write_stream(struct jsonw *w, const char *name, struct outlog *log, size_t max,
                         bool more_may_come, uint64_t *ret_offset)
{
    cleanup_bytes struct bytes text = BYTES_INIT(INLINE_CEILING + 256);
    uint64_t skipped;
    bool cut;
    if (max == 0 || max > INLINE_CEILING)
        max = INLINE_CEILING;
    if (log->length <= max) {
        outlog_read_text(log, 0, max, more_may_come, &text, ret_offset, &skipped);
    } else {
        outlog_excerpt(log, max, &text, &cut);
        *ret_offset = log->length;
    }
    jsonw_kbytes(w, name, &text);
}

static void hint_memory(struct exchange *ex, const struct command *c)
{
    if (c->exited && c->exit.out_of_memory && c->status == COMMAND_COMPLETED)
        reply_hint(ex, "memory ran out and the kernel ended a process of this command");
}

static void reply_exec(struct exchange *ex, const char *session_id, struct command *c)
{
    const struct bash_exec_input *in = exchange_input(ex);
    uint64_t offset = 0, error_offset = 0;
    bool open = !command_ended(c);
    if (open)
        store_flush_if_pending(app_of(ex)->store); /* told to run: known to have run */
    struct jsonw *w = reply_begin(ex, open ? "Command is running" : "Command executed");
    jsonw_object(w);
    jsonw_kstr(w, "session_id", session_id);
    jsonw_kstr(w, "command_id", c->id);
    jsonw_ktext(w, "command", c->text, c->text_length);
    jsonw_kstr(w, "status", command_status_names[c->status]);
    if (in->async_mode) {
        jsonw_knull(w, "stdout");
        jsonw_knull(w, "stderr");
    } else {
        size_t max = (size_t)in->max_output_length;
        write_stream(w, "stdout", &c->out, max, open, &offset);
        write_stream(w, "stderr", &c->errors, max, open, &error_offset);
    }
    write_exit_code(w, c);
    jsonw_kint(w, "offset", (int64_t)offset);
    jsonw_kint(w, "stderr_offset", (int64_t)error_offset);
    jsonw_object_end(w);
    hint_memory(ex, c);
    reply_end(ex);
}

/* Park until `enough`, at most `ms`. */
static int wait_for(struct exchange *ex, const char *session_id, struct command *c, uint64_t ms,
                    bool (*enough)(struct wait *), void (*reply)(struct wait *), struct err *err)
{
    struct wait *wait = arena_alloc(exchange_arena(ex), sizeof *wait);
    if (!wait)
        return err_memory(err);
    *wait = (struct wait){.ex = ex, .subject = c, .enough = enough, .reply = reply};
    (void)snprintf(wait->session_id, sizeof wait->session_id, "%s", session_id);
    return wait_start(wait, &c->observers, ms, err);
}

static bool enough_ended(struct wait *wait)
{
    return command_ended(wait->subject);
}

/* ---- exec ---- */

static void exec_reply(struct wait *wait)
{
    const struct command *c = wait->subject;
    if (c->exited)
        exchange_audit_exit(wait->ex, c->exit.code);
    reply_exec(wait->ex, wait->session_id, wait->subject);
}

static bool wants_stream(const struct exchange *ex)
{
    const char *accept = exchange_header(ex, "Accept");
    return accept && strstr(accept, "text/event-stream");
}

static int exec(struct exchange *ex, struct err *err)
{
    const struct bash_exec_input *in = exchange_input(ex);
    struct bash_session *s;
    struct command *c;
    struct bash_exec request = {in->session_id, in->command, in->exec_dir, in->env,
                                in->hard_timeout};
    if (bash_sessions_exec(app_of(ex)->bash, &request, &s, &c, err) < 0)
        return -1;
    exchange_audit_session(ex, s->id);
    if (wants_stream(ex))
        return bash_stream(ex, s->id, c, err);
    return wait_for(ex, s->id, c, in->async_mode ? 0 : wait_ms(in->timeout), enough_ended,
                    exec_reply, err);
}

/* ---- output ---- */

struct output_input {
    struct text session_id, command_id;
    int64_t offset, stderr_offset;
    bool wait;
    double wait_timeout;
};

static void read_stream(struct jsonw *w, const char *name, struct outlog *log, uint64_t offset,
                        bool more_may_come, uint64_t *ret_next, uint64_t *skipped)
{
    cleanup_bytes struct bytes text = BYTES_INIT(OUTPUT_CEILING);
    uint64_t left_out;
    outlog_read_text(log, offset, OUTPUT_CEILING, more_may_come, &text, ret_next, &left_out);
    jsonw_kbytes(w, name, &text);
    *skipped += left_out;
}

static void output_reply(struct wait *wait)
{
    const struct output_input *in = exchange_input(wait->ex);
    struct command *c = wait->subject;
    uint64_t offset, error_offset, skipped = 0;
    bool open = !command_ended(c);
    struct jsonw *w = reply_begin(wait->ex, "Output retrieved");
    jsonw_object(w);
    jsonw_kstr(w, "session_id", wait->session_id);
    read_stream(w, "stdout", &c->out, (uint64_t)in->offset, open, &offset, &skipped);
    read_stream(w, "stderr", &c->errors, (uint64_t)in->stderr_offset, open, &error_offset,
                &skipped);
    jsonw_kint(w, "offset", (int64_t)offset);
    jsonw_kint(w, "stderr_offset", (int64_t)error_offset);
    jsonw_key(w, "command");
    jsonw_object(w);
    jsonw_kstr(w, "command_id", c->id);
    jsonw_ktext(w, "command", c->text, c->text_length);
    jsonw_kstr(w, "status", command_status_names[c->status]);
    write_exit_code(w, c);
    jsonw_object_end(w);
    jsonw_object_end(w);
    hint_memory(wait->ex, c);
    if (skipped)
        reply_hint(wait->ex,
                   arena_printf(exchange_arena(wait->ex), "%llu bytes of the middle were not kept",
                                (unsigned long long)skipped));
    reply_end(wait->ex);
}

static bool enough_output(struct wait *wait)
{
    const struct output_input *in = exchange_input(wait->ex);
    const struct command *c = wait->subject;
    return command_ended(c) || c->out.length > (uint64_t)in->offset ||
           c->errors.length > (uint64_t)in->stderr_offset;
}

/* From the database: what ended before a restart, or long ago. Offsets count from the start of the
 * stream; what is kept there is its end. */
static void remembered_stream(struct jsonw *w, const char *name, struct text kept, int64_t total,
                              int64_t offset)
{
    int64_t first = total - (int64_t)kept.n;
    int64_t skip = offset > first ? offset - first : 0;
    if (skip > (int64_t)kept.n)
        skip = (int64_t)kept.n;
    jsonw_ktext(w, name, kept.p + skip, kept.n - (size_t)skip);
}

static void remembered_output(void *arg, const struct command_record *r)
{
    struct exchange *ex = arg;
    const struct output_input *in = exchange_input(ex);
    struct jsonw *w = reply_begin(ex, "Output retrieved");
    jsonw_object(w);
    jsonw_kstr(w, "session_id", r->session_id);
    remembered_stream(w, "stdout", r->out, r->out_bytes, in->offset);
    remembered_stream(w, "stderr", r->errors, r->errors_bytes, in->stderr_offset);
    jsonw_kint(w, "offset", r->out_bytes);
    jsonw_kint(w, "stderr_offset", r->errors_bytes);
    jsonw_key(w, "command");
    jsonw_object(w);
    jsonw_kstr(w, "command_id", r->id);
    jsonw_kstr(w, "command", r->command);
    jsonw_kstr(w, "status", r->status);
    if (r->exit_code == INT_ABSENT)
        jsonw_knull(w, "exit_code");
    else
        jsonw_kint(w, "exit_code", r->exit_code);
    jsonw_object_end(w);
    jsonw_object_end(w);
    reply_end(ex);
}

static void no_output(struct exchange *ex, const char *session_id)
{
    struct jsonw *w = reply_begin(ex, "No command was run in this session yet");
    jsonw_object(w);
    jsonw_kstr(w, "session_id", session_id);
    jsonw_kstr(w, "stdout", "");
    jsonw_kstr(w, "stderr", "");
    jsonw_kint(w, "offset", 0);
    jsonw_kint(w, "stderr_offset", 0);
    jsonw_knull(w, "command");
    jsonw_object_end(w);
    reply_end(ex);
}

static int output(struct exchange *ex, struct err *err)
{
    const struct output_input *in = exchange_input(ex);
    struct app *app = app_of(ex);
    const struct bash_session *s = bash_session_find(app->bash, in->session_id.p);
    struct command *c = s ? bash_session_command(s, in->command_id.p) : NULL;
    if (c)
        return wait_for(ex, s->id, c, in->wait ? wait_ms(in->wait_timeout) : 0, enough_output,
                        output_reply, err);
    store_flush_if_pending(app->store);
    int r = history_find_command(app->store, "bash", in->session_id.p, in->command_id.p,
                                 remembered_output, ex, err);
    if (r <= 0)
        return r;
    if (in->command_id.p)
        return err_set(err, ERR_NOT_FOUND, "there is no command '%s' in session '%s'",
                       in->command_id.p, in->session_id.p);
    char reason[128];
    if (!s && history_find_session(app->store, "bash", in->session_id.p, reason, err) < 0)
        return -1;
    no_output(ex, in->session_id.p);
    return 0;
}

/* ---- write and kill ---- */

struct write_input {
    struct text session_id, command_id, input;
    bool eof;
};

static int find(struct exchange *ex, struct text id, struct bash_session **ret_session,
                struct err *err)
{
    *ret_session = bash_session_find(app_of(ex)->bash, id.p);
    return *ret_session ? 0 : err_set(err, ERR_NOT_FOUND, "there is no session '%s'", id.p);
}

static int write_input(struct exchange *ex, struct err *err)
{
    const struct write_input *in = exchange_input(ex);
    struct bash_session *s;
    if (find(ex, in->session_id, &s, err) < 0)
        return -1;
    struct command *c = bash_session_command(s, in->command_id.p);
    if (!c)
        return err_set(err, ERR_NOT_FOUND, "there is no such command in session '%s'", s->id);
    if (command_ended(c))
        return err_set(err, ERR_CONFLICT, "the command has ended (%s)",
                       command_status_names[c->status]);
    if (command_write(c, in->input.p, in->input.n, in->eof, err) < 0)
        return -1;
    reply_message(ex, "Input written");
    return 0;
}

static const char *const signal_names[] = {"SIGTERM", "SIGKILL", "SIGINT",  "SIGHUP",
                                           "SIGQUIT", "SIGUSR1", "SIGUSR2", NULL};
static const int signal_numbers[] = {SIGTERM, SIGKILL, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

struct kill_input {
    struct text session_id;
    int signal;
};

static void kill_reply(struct wait *wait)
{
    reply_message(wait->ex, command_ended(wait->subject) ? "Command ended" : "Signal sent");
}

static int kill_command(struct exchange *ex, struct err *err)
{
    const struct kill_input *in = exchange_input(ex);
    struct bash_session *s;
    if (find(ex, in->session_id, &s, err) < 0)
        return -1;
    struct command *c = s->current;
    if (!c) {
        reply_message(ex, "No command is running");
        return 0;
    }
    int number = signal_numbers[in->signal];
    command_signal(c, number);
    bool ends = number == SIGTERM || number == SIGKILL;
    return wait_for(ex, s->id, c, ends ? KILL_WAIT_MS : SIGNAL_WAIT_MS, enough_ended, kill_reply,
                    err);
}

/* ---- sessions ---- */

static void write_session(struct jsonw *w, const struct bash_session *s)
{
    char created[TIME_TEXT], used[TIME_TEXT];
    history_time(s->created_at, created);
    history_time(s->last_used_at, used);
    jsonw_object(w);
    jsonw_kstr(w, "session_id", s->id);
    jsonw_kstr(w, "status", "ready");
    jsonw_kstr(w, "working_dir", s->working_dir);
    jsonw_kstr(w, "created_at", created);
    jsonw_kstr(w, "last_used_at", used);
    jsonw_kstr(w, "current_command", s->current ? s->current->text : NULL);
    jsonw_kint(w, "command_count", s->command_count);
    jsonw_object_end(w);
}

static int list_sessions(struct exchange *ex, struct err *err)
{
    struct map_walk walk = {0};
    const struct bash_session *s;
    (void)err;
    struct jsonw *w = reply_begin(ex, "Sessions listed");
    jsonw_array(w);
    while ((s = map_next(bash_sessions_all(app_of(ex)->bash), &walk)))
        write_session(w, s);
    jsonw_array_end(w);
    reply_end(ex);
    return 0;
}

struct create_input {
    struct text session_id, exec_dir, snapshot_path;
};

static int create_session(struct exchange *ex, struct err *err)
{
    const struct create_input *in = exchange_input(ex);
    struct bash_session *s;
    if (bash_session_get(app_of(ex)->bash, in->session_id, &s, err) < 0 ||
        bash_session_set_dir(s, in->exec_dir, err) < 0 ||
        bash_session_set_snapshot(s, in->snapshot_path, err) < 0)
        return -1;
    exchange_audit_session(ex, s->id);
    store_flush_if_pending(app_of(ex)->store);
    write_session(reply_begin(ex, "Session ready"), s);
    reply_end(ex);
    return 0;
}

static int close_session(struct exchange *ex, struct err *err)
{
    struct text id = {exchange_param(ex, "session_id"), 0};
    struct bash_session *s;
    if (find(ex, id, &s, err) < 0)
        return -1;
    bash_session_end(s, "closed by a client");
    store_flush_if_pending(app_of(ex)->store);
    reply_message(ex, "Session closed");
    return 0;
}

/* ---- rows ---- */

#define TEXT_AT(type, member) FIELD_TEXT, offsetof(type, member)

static const struct field exec_fields[] = {
    {"command", TEXT_AT(struct bash_exec_input, command), .required = true, .max = MAX_COMMAND,
     .doc = "What bash shall run."},
    {"session_id", TEXT_AT(struct bash_exec_input, session_id), .max = IDENT_MAX,
     .doc = "The session to run in; an unknown one is made, none makes one with a new name."},
    {"exec_dir", FIELD_PATH, offsetof(struct bash_exec_input, exec_dir),
     .doc = "Working directory; becomes the session's default."},
    {"env", FIELD_TEXT_MAP, offsetof(struct bash_exec_input, env), .max = 512,
     .doc = "Further environment variables for this command; null takes one away."},
    {"async_mode", FIELD_BOOL, offsetof(struct bash_exec_input, async_mode), .fallback = "false",
     .doc = "Answer at once and leave the command running."},
    {"timeout", FIELD_NUMBER, offsetof(struct bash_exec_input, timeout), .max = MAX_SECONDS,
     .doc = "Seconds to wait for the end; then the answer says running and the command goes on."},
    {"hard_timeout", FIELD_NUMBER, offsetof(struct bash_exec_input, hard_timeout),
     .max = MAX_SECONDS, .doc = "Seconds after which the command is ended (timed_out)."},
    {"max_output_length", FIELD_INT, offsetof(struct bash_exec_input, max_output_length),
     .max = INT64_C(1) << 40, .fallback = "50000",
     .doc = "Bytes of each stream in the answer; the middle of more is left out. 0: no limit."},
    FIELDS_END};

static const struct field output_fields[] = {
    {"session_id", TEXT_AT(struct output_input, session_id), .required = true, .max = IDENT_MAX,
     .doc = "The session."},
    {"command_id", TEXT_AT(struct output_input, command_id), .max = IDENT_MAX,
     .doc = "The command; without it the running one, else the newest."},
    {"offset", FIELD_INT, offsetof(struct output_input, offset), .max = INT64_C(1) << 50,
     .fallback = "0", .doc = "Byte of stdout to read from."},
    {"stderr_offset", FIELD_INT, offsetof(struct output_input, stderr_offset),
     .max = INT64_C(1) << 50, .fallback = "0", .doc = "Byte of stderr to read from."},
    {"wait", FIELD_BOOL, offsetof(struct output_input, wait), .fallback = "false",
     .doc = "Wait for new output or the end."},
    {"wait_timeout", FIELD_NUMBER, offsetof(struct output_input, wait_timeout), .max = MAX_SECONDS,
     .fallback = "30", .doc = "Seconds to wait at most."},
    FIELDS_END};

static const struct field write_fields[] = {
    {"session_id", TEXT_AT(struct write_input, session_id), .required = true, .max = IDENT_MAX,
     .doc = "The session."},
    {"command_id", TEXT_AT(struct write_input, command_id), .max = IDENT_MAX,
     .doc = "The command; without it the running one."},
    {"input", TEXT_AT(struct write_input, input), .required = true, .max = MAX_INPUT,
     .doc = "Bytes for the standard input of the command."},
    {"eof", FIELD_BOOL, offsetof(struct write_input, eof), .fallback = "false",
     .doc = "Close the standard input after this."},
    FIELDS_END};

static const struct field kill_fields[] = {
    {"session_id", TEXT_AT(struct kill_input, session_id), .required = true, .max = IDENT_MAX,
     .doc = "The session whose running command gets the signal."},
    {"signal", FIELD_CHOICE, offsetof(struct kill_input, signal), .choices = signal_names,
     .fallback = "\"SIGTERM\"",
     .doc = "SIGTERM is followed by SIGKILL after two seconds; the whole process group gets it."},
    FIELDS_END};

static const struct field create_fields[] = {
    {"session_id", TEXT_AT(struct create_input, session_id), .max = IDENT_MAX,
     .doc = "Its name; without one it gets a new one."},
    {"exec_dir", FIELD_PATH, offsetof(struct create_input, exec_dir),
     .doc = "Its default working directory."},
    {"snapshot_path", FIELD_PATH, offsetof(struct create_input, snapshot_path),
     .doc = "A shell script to source before each command."},
    FIELDS_END};

const struct route bash_routes[] = {
    {"POST", "/v1/bash/exec", SCOPE_EXEC, ROUTE_INLINE, exec,
     INPUT(exec_fields, struct bash_exec_input), BODY_JSON, EXEC_BODY,
     .audit = {.action = "bash.exec", .subject = "command", .session = "session_id"}, .tag = "bash",
     .summary = "Run a command with separate stdout and stderr. With Accept: text/event-stream "
                "the output is streamed as it comes."},
    {"POST", "/v1/bash/output", SCOPE_READ, ROUTE_INLINE, output,
     INPUT(output_fields, struct output_input), BODY_JSON, 64 * KIB, .tag = "bash",
     .summary = "Read a command's output from an offset on, waiting for more if asked."},
    {"POST", "/v1/bash/write", SCOPE_EXEC, ROUTE_INLINE, write_input,
     INPUT(write_fields, struct write_input), BODY_JSON, 8 * MIB,
     .audit = {.action = "bash.input", .session = "session_id", .fold = true}, .tag = "bash",
     .summary = "Write to the standard input of a running command."},
    {"POST", "/v1/bash/kill", SCOPE_EXEC, ROUTE_INLINE, kill_command,
     INPUT(kill_fields, struct kill_input), BODY_JSON, 64 * KIB,
     .audit = {.action = "bash.kill", .subject = "signal", .session = "session_id"}, .tag = "bash",
     .summary = "Send a signal to the running command of a session."},
    {"GET", "/v1/bash/sessions", SCOPE_READ, ROUTE_INLINE, list_sessions, .tag = "bash",
     .summary = "List the open bash sessions."},
    {"POST", "/v1/bash/sessions/create", SCOPE_EXEC, ROUTE_INLINE, create_session,
     INPUT(create_fields, struct create_input), BODY_JSON, 64 * KIB,
     .audit = {.action = "bash.create", .session = "session_id"}, .tag = "bash",
     .summary = "Make a bash session, or find the one of that name."},
    {"POST", "/v1/bash/sessions/{session_id}/close", SCOPE_EXEC, ROUTE_INLINE, close_session,
     .audit = {.action = "bash.close", .session = "session_id"}, .tag = "bash",
     .summary = "End a bash session and what runs in it."},
    ROUTES_END,
};
