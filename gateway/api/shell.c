/* /v1/shell: terminal sessions over REST. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/shell.h"

#include "api/app.h"
#include "api/wait.h"
#include "base/mem.h"
#include "core/config.h"
#include "core/history.h"
#include "core/scrollback.h"
#include "core/shell_sessions.h"
#include "core/terminal_text.h"
#include "http/envelope.h"

#define EXEC_BODY       (8 * MIB)
#define MAX_COMMAND     (4 * MIB)
#define WRITE_CEILING   (1 * MIB)
#define TRUNCATE_BYTES  30000      /* the incumbent's limit */
#define INLINE_CEILING  (64 * MIB) /* of one answer */
#define CONSOLE_CEILING (1 * MIB)  /* longer output is not said twice */
#define KILL_WAIT_MS    2000
#define WAIT_SECONDS    60

/* ---- answers ---- */

static void write_code(struct jsonw *w, const char *name, const struct shell_run *run)
{
    if (run && shell_run_ended(run) && run->has_code)
        jsonw_kint(w, name, run->exit_code);
    else
        jsonw_knull(w, name);
}

static void read_output(struct shell_run *run, size_t max, struct bytes *text)
{
    uint64_t next, skipped;
    bool cut;
    if (max && run->out.length > max)
        outlog_excerpt(&run->out, max, text, &cut);
    else
        outlog_read_text(&run->out, 0, INLINE_CEILING, !shell_run_ended(run), text, &next,
                         &skipped);
}

static void write_record(struct jsonw *w, const struct shell_run *run, const struct bytes *text)
{
    jsonw_object(w);
    jsonw_kstr(w, "ps1", run->prompt ? run->prompt : "$");
    jsonw_ktext(w, "command", run->text, run->text_length);
    jsonw_kbytes(w, "output", text);
    jsonw_object_end(w);
}

/* What exec and view say of a run, besides output and console. */
static void write_run(struct jsonw *w, const struct shell_run *run, enum run_status status)
{
    jsonw_ktext(w, "command", run->text, run->text_length);
    jsonw_kstr(w, "status", run_status_names[status]);
    write_code(w, "exit_code", run);
}

static void write_output(struct jsonw *w, const struct bytes *text)
{
    jsonw_kbytes(w, "output", text);
}

/* ---- exec ---- */

struct exec_input {
    struct text id, exec_dir, command;
    bool async_mode, strict, preserve_symlinks, truncate;
    double timeout, hard_timeout;
    int64_t no_change_timeout;
};

/* A caller waiting for a run's end. */
struct exec_wait {
    struct wait wait;
    uint64_t soft_due, no_change_ms; /* loop_clock(); 0: none */
};

static void reply_exec(struct exchange *ex, const char *session_id, struct shell_run *run,
                       enum run_status status)
{
    const struct exec_input *in = exchange_input(ex);
    static const char *const messages[] = {
        "Command is running", "Command executed", "No new output for a while: the command goes on",
        "Command ended by its hard timeout", "Command terminated"};
    cleanup_bytes struct bytes text = BYTES_INIT(INLINE_CEILING + 256);
    if (!shell_run_ended(run))
        store_flush_if_pending(app_of(ex)->store); /* told to run: known to have run */
    struct jsonw *w = reply_begin(ex, messages[status]);
    read_output(run, in->truncate ? TRUNCATE_BYTES : 0, &text);
    jsonw_object(w);
    jsonw_kstr(w, "session_id", session_id);
    write_run(w, run, status);
    write_output(w, &text);
    jsonw_key(w, "console");
    if (text.len > CONSOLE_CEILING) {
        jsonw_null(w);
    } else {
        jsonw_array(w);
        write_record(w, run, &text);
        jsonw_array_end(w);
    }
    jsonw_object_end(w);
    reply_end(ex);
}

static bool exec_enough(struct wait *wait)
{
    return shell_run_ended(wait->subject);
}

static void exec_over(struct wait *wait)
{
    struct shell_run *run = wait->subject;
    run->attended--;
}

static void exec_reply(struct wait *wait)
{
    struct shell_run *run = wait->subject;
    enum run_status status = run->status;
    if (status == RUN_RUNNING && wait->outcome)
        status = RUN_NO_CHANGE;
    if (shell_run_ended(run) && run->has_code)
        exchange_audit_exit(wait->ex, run->exit_code);
    reply_exec(wait->ex, wait->session_id, run, status);
}

/* Until the soft timeout or the end of patience with silence, whichever is first. */
static uint64_t next_look(const struct exec_wait *w, const struct shell_run *run, uint64_t now)
{
    uint64_t ms = WAIT_FOREVER_MS;
    if (w->soft_due)
        ms = w->soft_due > now ? w->soft_due - now : 0;
    if (w->no_change_ms) {
        uint64_t due = run->changed_at + w->no_change_ms;
        uint64_t left = due > now ? due - now : 0;
        ms = left < ms ? left : ms;
    }
    return ms;
}

static bool exec_expired(struct wait *wait, uint64_t *ret_ms)
{
    struct exec_wait *w = (struct exec_wait *)wait;
    const struct shell_run *run = wait->subject;
    uint64_t now = loop_clock();
    *ret_ms = next_look(w, run, now);
    if (*ret_ms)
        return false;
    wait->outcome = !(w->soft_due && w->soft_due <= now);
    return true;
}

static int wait_for_run(struct exchange *ex, const struct shell_session *s, struct shell_run *run,
                        struct err *err)
{
    const struct exec_input *in = exchange_input(ex);
    struct exec_wait *w = arena_alloc(exchange_arena(ex), sizeof *w);
    if (!w)
        return err_memory(err);
    int64_t no_change =
        in->no_change_timeout == INT_ABSENT ? s->no_change_seconds : in->no_change_timeout;
    uint64_t now = loop_clock();
    *w = (struct exec_wait){
        .wait = {.ex = ex,
                 .subject = run,
                 .enough = exec_enough,
                 .reply = exec_reply,
                 .expired = exec_expired,
                 .over = exec_over},
        .soft_due = isnan(in->timeout) ? 0 : now + wait_ms(in->timeout),
        .no_change_ms = (uint64_t)no_change * 1000,
    };
    (void)snprintf(w->wait.session_id, sizeof w->wait.session_id, "%s", s->id);
    run->attended++;
    uint64_t ms = next_look(w, run, now);
    return wait_start(&w->wait, &run->observers, ms ? ms : 1, err);
}

int shell_find_dir(struct exchange *ex, struct text given, bool strict, bool keep_symlinks,
                   struct text *ret_dir, struct err *err)
{
    struct stat st;
    char real[PATH_MAX];
    *ret_dir = (struct text){0};
    if (!given.p)
        return 0;
    if (stat(given.p, &st) < 0 || !S_ISDIR(st.st_mode)) {
        if (strict)
            return err_field(err, "exec_dir", "field 'exec_dir': %s is not a directory", given.p);
        reply_hint(ex, "exec_dir is not a directory: the session's own was used");
        return 0;
    }
    const char *dir = keep_symlinks ? given.p : realpath(given.p, real);
    if (!dir)
        dir = given.p;
    *ret_dir = (struct text){arena_copy(exchange_arena(ex), dir, strlen(dir)), strlen(dir)};
    return ret_dir->p ? 0 : err_memory(err);
}

static int exec(struct exchange *ex, struct err *err)
{
    const struct exec_input *in = exchange_input(ex);
    struct app *app = app_of(ex);
    struct shell_session *s;
    struct shell_run *run;
    struct text dir;
    bool made;
    if (shell_find_dir(ex, in->exec_dir, in->strict, in->preserve_symlinks, &dir, err) < 0 ||
        shell_session_get(app->shells, in->id, dir, &s, &made, err) < 0)
        return -1;
    if (dir.p && (!made || in->preserve_symlinks) &&
        shell_set_dir(s->shell, dir.p, in->preserve_symlinks, err) < 0)
        return -1;
    uint64_t hard = isnan(in->hard_timeout) ? 0 : wait_ms(in->hard_timeout) + 1;
    if (shell_exec(s->shell, in->command, hard, &run, err) < 0)
        return -1;
    shell_session_touch(s);
    exchange_audit_session(ex, s->id);
    if (!in->async_mode)
        return wait_for_run(ex, s, run, err);
    reply_exec(ex, s->id, run, run->status);
    return 0;
}

/* ---- view, wait, write, kill ---- */

struct id_input {
    struct text id;
};

int shell_find(struct exchange *ex, struct text id, struct shell_session **ret_session,
               struct err *err)
{
    *ret_session = shell_session_find(app_of(ex)->shells, id.p);
    return *ret_session ? 0 : err_set(err, ERR_NOT_FOUND, "there is no session '%s'", id.p);
}

/* The terminal as text: what a person would see, without colours and cursor movements. */
static void read_terminal(const struct shell_session *s, struct bytes *text)
{
    cleanup_bytes struct bytes raw = BYTES_INIT(SCROLLBACK_CEILING);
    shell_scrollback(s->shell, SCROLLBACK_CEILING, &raw);
    terminal_text(raw.data, raw.len, text);
}

static void write_view_console(struct jsonw *w, const struct shell_session *s,
                               struct shell_run *now)
{
    jsonw_key(w, "console");
    jsonw_array(w);
    for (struct shell_run *run = shell_runs_past(s->shell); run; run = run->next) {
        cleanup_bytes struct bytes text = BYTES_INIT(CONSOLE_CEILING);
        read_output(run, TRUNCATE_BYTES, &text);
        write_record(w, run, &text);
    }
    if (now && !shell_run_ended(now)) {
        cleanup_bytes struct bytes text = BYTES_INIT(CONSOLE_CEILING);
        read_output(now, TRUNCATE_BYTES, &text);
        write_record(w, now, &text);
    }
    jsonw_array_end(w);
}

/* From the database: a session that is gone. */
static void remembered_view(void *arg, const struct command_record *r)
{
    struct exchange *ex = arg;
    struct jsonw *w = reply_begin(ex, "The session has ended; this is its last command");
    jsonw_object(w);
    jsonw_ktext(w, "output", r->out.p, r->out.n);
    jsonw_kstr(w, "session_id", r->session_id);
    jsonw_key(w, "console");
    jsonw_array(w);
    jsonw_array_end(w);
    jsonw_kstr(w, "status", r->status);
    jsonw_kstr(w, "command", r->command);
    if (r->exit_code == INT_ABSENT)
        jsonw_knull(w, "exit_code");
    else
        jsonw_kint(w, "exit_code", r->exit_code);
    jsonw_object_end(w);
    reply_end(ex);
}

static int view_gone(struct exchange *ex, const char *id, struct err *err)
{
    struct app *app = app_of(ex);
    store_flush_if_pending(app->store);
    int r = history_find_command(app->store, "shell", id, NULL, remembered_view, ex, err);
    return r <= 0 ? r : err_set(err, ERR_NOT_FOUND, "there is no session '%s'", id);
}

static int view(struct exchange *ex, struct err *err)
{
    const struct id_input *in = exchange_input(ex);
    struct shell_session *s = shell_session_find(app_of(ex)->shells, in->id.p);
    if (!s)
        return view_gone(ex, in->id.p, err);
    struct shell_run *run = shell_run_now(s->shell);
    cleanup_bytes struct bytes text = BYTES_INIT(INLINE_CEILING + 256);
    read_terminal(s, &text);
    struct jsonw *w = reply_begin(ex, "Session viewed");
    jsonw_object(w);
    jsonw_kstr(w, "session_id", s->id);
    write_output(w, &text);
    write_view_console(w, s, run);
    if (run) {
        write_run(w, run, run->status);
    } else {
        jsonw_knull(w, "command");
        jsonw_kstr(w, "status", run_status_names[RUN_COMPLETED]);
        jsonw_knull(w, "exit_code");
    }
    jsonw_object_end(w);
    reply_end(ex);
    return 0;
}

static void reply_status(struct exchange *ex, const char *message, enum run_status status)
{
    struct jsonw *w = reply_begin(ex, message);
    jsonw_object(w);
    jsonw_kstr(w, "status", run_status_names[status]);
    jsonw_object_end(w);
    reply_end(ex);
}

static void wait_reply(struct wait *wait)
{
    const struct shell_run *run = wait->subject;
    reply_status(wait->ex, shell_run_ended(run) ? "Command ended" : "Command is running",
                 run->status);
}

struct wait_input {
    struct text id;
    int64_t seconds, max_wait_seconds;
};

static int start_wait(struct exchange *ex, struct shell_run *run, uint64_t ms,
                      void (*reply)(struct wait *), struct err *err)
{
    struct wait *w = arena_alloc(exchange_arena(ex), sizeof *w);
    if (!w)
        return err_memory(err);
    *w = (struct wait){.ex = ex, .subject = run, .enough = exec_enough, .reply = reply};
    return wait_start(w, &run->observers, ms, err);
}

static int wait_for_end(struct exchange *ex, struct err *err)
{
    const struct wait_input *in = exchange_input(ex);
    struct shell_session *s;
    if (shell_find(ex, in->id, &s, err) < 0)
        return -1;
    struct shell_run *run = shell_run_now(s->shell);
    if (!run) {
        reply_status(ex, "Nothing was run in this session yet", RUN_COMPLETED);
        return 0;
    }
    int64_t seconds = in->max_wait_seconds != INT_ABSENT ? in->max_wait_seconds
                      : in->seconds != INT_ABSENT        ? in->seconds
                                                         : WAIT_SECONDS;
    return start_wait(ex, run, (uint64_t)seconds * 1000, wait_reply, err);
}

struct write_input {
    struct text id, input;
    bool press_enter;
};

static int write_input(struct exchange *ex, struct err *err)
{
    const struct write_input *in = exchange_input(ex);
    cleanup_bytes struct bytes text = BYTES_INIT(WRITE_CEILING + 1);
    struct shell_session *s;
    if (shell_find(ex, in->id, &s, err) < 0)
        return -1;
    (void)bytes_add(&text, in->input.p, in->input.n);
    if (in->press_enter)
        (void)bytes_addc(&text, shell_enter_key(s->shell));
    const char *typed = bytes_text(&text);
    if (!typed)
        return err_memory(err);
    if (text.len && shell_write(s->shell, typed, text.len, err) < 0)
        return -1;
    shell_session_touch(s);
    struct shell_run *run = shell_run_now(s->shell);
    reply_status(ex, "Input written", run ? run->status : RUN_COMPLETED);
    return 0;
}

static void kill_reply(struct wait *wait)
{
    const struct shell_run *run = wait->subject;
    struct jsonw *w = reply_begin(wait->ex, shell_run_ended(run) ? "Command terminated"
                                                                 : "The command is being ended");
    jsonw_object(w);
    jsonw_kstr(w, "status", run_status_names[run->status]);
    write_code(w, "exit_code", run);
    write_code(w, "returncode", run);
    jsonw_object_end(w);
    reply_end(wait->ex);
}

static int kill_run(struct exchange *ex, struct err *err)
{
    const struct id_input *in = exchange_input(ex);
    struct shell_session *s;
    if (shell_find(ex, in->id, &s, err) < 0)
        return -1;
    struct shell_run *run = shell_run_now(s->shell);
    shell_kill(s->shell);
    shell_session_touch(s);
    if (run)
        return start_wait(ex, run, KILL_WAIT_MS, kill_reply, err);
    struct jsonw *w = reply_begin(ex, "No command is running");
    jsonw_object(w);
    jsonw_kstr(w, "status", run_status_names[RUN_TERMINATED]);
    jsonw_knull(w, "exit_code");
    jsonw_knull(w, "returncode");
    jsonw_object_end(w);
    reply_end(ex);
    return 0;
}

/* ---- rows ---- */

static const struct field exec_fields[] = {
    {"command", FIELD_TEXT, offsetof(struct exec_input, command), .required = true,
     .max = MAX_COMMAND, .doc = "What the session's shell shall run."},
    {"id", FIELD_TEXT, offsetof(struct exec_input, id), .max = IDENT_MAX,
     .doc = "The session; an unknown one is made, none makes one with a new name."},
    {"exec_dir", FIELD_PATH, offsetof(struct exec_input, exec_dir),
     .doc = "Directory to change to first; the session stays there."},
    {"async_mode", FIELD_BOOL, offsetof(struct exec_input, async_mode), .fallback = "false",
     .doc = "Answer at once and leave the command running."},
    {"timeout", FIELD_NUMBER, offsetof(struct exec_input, timeout), .max = SHELL_MAX_SECONDS,
     .doc = "Seconds to wait for the end; then the answer says running and the command goes on."},
    {"strict", FIELD_BOOL, offsetof(struct exec_input, strict), .fallback = "false",
     .doc = "Refuse an exec_dir that is no directory instead of passing it over."},
    {"no_change_timeout", FIELD_INT, offsetof(struct exec_input, no_change_timeout), .min = 1,
     .max = SHELL_MAX_SECONDS,
     .doc = "Seconds without new output after which the answer says no_change_timeout and the "
            "command goes on; default: the session's."},
    {"hard_timeout", FIELD_NUMBER, offsetof(struct exec_input, hard_timeout),
     .max = SHELL_MAX_SECONDS, .doc = "Seconds after which the command is ended (hard_timeout)."},
    {"preserve_symlinks", FIELD_BOOL, offsetof(struct exec_input, preserve_symlinks),
     .fallback = "false", .doc = "Keep symbolic links in exec_dir's path."},
    {"truncate", FIELD_BOOL, offsetof(struct exec_input, truncate), .fallback = "true",
     .doc = "Leave out the middle of output longer than 30000 bytes."},
    FIELDS_END};

static const struct field id_fields[] = {SHELL_ID_ROW(struct id_input), FIELDS_END};

static const struct field wait_fields[] = {
    SHELL_ID_ROW(struct wait_input),
    {"seconds", FIELD_INT, offsetof(struct wait_input, seconds), .max = SHELL_MAX_SECONDS,
     .doc = "Seconds to wait at most."},
    {"max_wait_seconds", FIELD_INT, offsetof(struct wait_input, max_wait_seconds),
     .max = SHELL_MAX_SECONDS, .doc = "The same under its newer name, which wins."},
    FIELDS_END};

static const struct field write_fields[] = {
    SHELL_ID_ROW(struct write_input),
    {"input", FIELD_TEXT, offsetof(struct write_input, input), .required = true,
     .max = WRITE_CEILING, .doc = "What to type into the terminal."},
    {"press_enter", FIELD_BOOL, offsetof(struct write_input, press_enter), .required = true,
     .doc = "Whether to press Enter after it."},
    FIELDS_END};

const struct route shell_routes[] = {
    {"POST", "/v1/shell/exec", SCOPE_EXEC, ROUTE_INLINE, exec,
     INPUT(exec_fields, struct exec_input), BODY_JSON, EXEC_BODY,
     .audit = {.action = "shell.exec", .subject = "command", .session = "id"}, .tag = "shell",
     .summary = "Run a command in a living terminal session."},
    {"POST", "/v1/shell/view", SCOPE_READ, ROUTE_INLINE, view, INPUT(id_fields, struct id_input),
     BODY_JSON, 64 * KIB, .tag = "shell",
     .summary = "The output and state of a session's current or last command."},
    {"POST", "/v1/shell/wait", SCOPE_READ, ROUTE_INLINE, wait_for_end,
     INPUT(wait_fields, struct wait_input), BODY_JSON, 64 * KIB, .tag = "shell",
     .summary = "Wait for the current command to end."},
    {"POST", "/v1/shell/write", SCOPE_EXEC, ROUTE_INLINE, write_input,
     INPUT(write_fields, struct write_input), BODY_JSON, 8 * MIB,
     .audit = {.action = "shell.input", .session = "id", .fold = true}, .tag = "shell",
     .summary = "Type into the terminal."},
    {"POST", "/v1/shell/kill", SCOPE_EXEC, ROUTE_INLINE, kill_run,
     INPUT(id_fields, struct id_input), BODY_JSON, 64 * KIB,
     .audit = {.action = "shell.kill", .session = "id"}, .tag = "shell",
     .summary = "End what runs in the session: INT, then TERM, then KILL."},
    ROUTES_END,
};
