/* /v1/shell/sessions and the address of the terminal page. */
#include <string.h>

#include "api/app.h"
#include "api/shell.h"
#include "base/mem.h"
#include "core/config.h"
#include "core/history.h"
#include "core/shell_sessions.h"
#include "http/envelope.h"

struct create_input {
    struct text id, exec_dir;
    int64_t no_change_timeout;
    bool preserve_symlinks;
};

static int create_session(struct exchange *ex, struct err *err)
{
    const struct create_input *in = exchange_input(ex);
    struct shell_session *s;
    struct text dir;
    bool made;
    if (shell_find_dir(ex, in->exec_dir, true, in->preserve_symlinks, &dir, err) < 0 ||
        shell_session_get(app_of(ex)->shells, in->id, dir, &s, &made, err) < 0)
        return -1;
    exchange_audit_session(ex, s->id);
    if (in->no_change_timeout != INT_ABSENT)
        s->no_change_seconds = in->no_change_timeout;
    store_flush_if_pending(app_of(ex)->store);
    struct jsonw *w = reply_begin(ex, made ? "Session created" : "Session exists");
    jsonw_object(w);
    jsonw_kstr(w, "session_id", s->id);
    jsonw_kstr(w, "working_dir", made && dir.p ? dir.p : shell_working_dir(s->shell));
    jsonw_object_end(w);
    reply_end(ex);
    return 0;
}

struct update_input {
    struct text id;
    int64_t no_change_timeout;
};

static int update_session(struct exchange *ex, struct err *err)
{
    const struct update_input *in = exchange_input(ex);
    struct shell_session *s;
    if (shell_find(ex, in->id, &s, err) < 0)
        return -1;
    if (in->no_change_timeout != INT_ABSENT)
        s->no_change_seconds = in->no_change_timeout;
    reply_message(ex, "Session updated");
    return 0;
}

static void write_session(struct jsonw *w, const struct shell_session *s, int64_t now)
{
    char created[TIME_TEXT], used[TIME_TEXT];
    const struct shell_run *run = shell_run_now(s->shell);
    history_time(s->created_at, created);
    history_time(s->last_used_at, used);
    jsonw_object(w);
    jsonw_kstr(w, "working_dir", shell_working_dir(s->shell));
    jsonw_kstr(w, "created_at", created);
    jsonw_kstr(w, "last_used_at", used);
    jsonw_kint(w, "age_seconds", (now - s->created_at) / 1000);
    jsonw_kstr(w, "status",
               !shell_alive(s->shell) ? "terminated"
               : shell_busy(s->shell) ? "running"
                                      : "idle");
    jsonw_kstr(w, "current_command", run && !shell_run_ended(run) ? run->text : NULL);
    jsonw_kint(w, "viewers", (int64_t)shell_viewer_count(s->shell));
    jsonw_object_end(w);
}

static int list_sessions(struct exchange *ex, struct err *err)
{
    struct map_walk walk = {0};
    const struct shell_session *s;
    int64_t now = history_now();
    (void)err;
    struct jsonw *w = reply_begin(ex, "Sessions listed");
    jsonw_object(w);
    jsonw_key(w, "sessions");
    jsonw_object(w);
    while ((s = map_next(shell_sessions_all(app_of(ex)->shells), &walk))) {
        jsonw_key(w, s->id);
        write_session(w, s, now);
    }
    jsonw_object_end(w);
    jsonw_object_end(w);
    reply_end(ex);
    return 0;
}

static int session_stats(struct exchange *ex, struct err *err)
{
    struct app *app = app_of(ex);
    int64_t total = (int64_t)shell_sessions_all(app->shells)->count;
    int64_t busy = (int64_t)shell_sessions_busy(app->shells);
    int64_t max = app->config->max_shell_sessions;
    (void)err;
    struct jsonw *w = reply_begin(ex, "Session statistics");
    jsonw_object(w);
    jsonw_kint(w, "total_sessions", total);
    jsonw_kint(w, "active_sessions", busy);
    jsonw_kint(w, "idle_sessions", total - busy);
    jsonw_kint(w, "max_sessions", max);
    jsonw_kint(w, "session_timeout", app->config->session_idle_seconds);
    jsonw_knumber(w, "usage_ratio", (double)total / (double)max);
    jsonw_object_end(w);
    reply_end(ex);
    return 0;
}

static int delete_all(struct exchange *ex, struct err *err)
{
    (void)err;
    shell_sessions_stop(app_of(ex)->shells, "closed by a client");
    store_flush_if_pending(app_of(ex)->store);
    reply_message(ex, "All sessions closed");
    return 0;
}

static int delete_session(struct exchange *ex, struct err *err)
{
    struct text id = {exchange_param(ex, "session_id"), 0};
    struct shell_session *s;
    if (shell_find(ex, id, &s, err) < 0)
        return -1;
    shell_session_end(s, "closed by a client");
    store_flush_if_pending(app_of(ex)->store);
    reply_message(ex, "Session closed");
    return 0;
}

/* The address of the terminal page as this client reaches us. */
static int terminal_url(struct exchange *ex, struct err *err)
{
    struct shell_session *s;
    bool made;
    struct text none = {0};
    if (shell_session_get(app_of(ex)->shells, none, none, &s, &made, err) < 0)
        return -1;
    exchange_audit_session(ex, s->id);
    const char *scheme = exchange_header(ex, "X-Forwarded-Proto");
    const char *host = exchange_header(ex, "X-Forwarded-Host");
    const char *prefix = exchange_header(ex, "X-Forwarded-Prefix");
    if (!host)
        host = exchange_header(ex, "Host");
    const char *url =
        arena_printf(exchange_arena(ex), "%s://%s%s/terminal?session_id=%s",
                     scheme && strcmp(scheme, "https") == 0 ? "https" : "http",
                     host ? host : "localhost", prefix && prefix[0] == '/' ? prefix : "", s->id);
    jsonw_str(reply_begin(ex, "Terminal ready"), url);
    reply_end(ex);
    return 0;
}

/* ---- rows ---- */

static const struct field create_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct create_input, id), .max = IDENT_MAX,
     .doc = "Its name; without one it gets a new one."},
    {"exec_dir", FIELD_PATH, offsetof(struct create_input, exec_dir),
     .doc = "Where the shell starts."},
    {"no_change_timeout", FIELD_INT, offsetof(struct create_input, no_change_timeout), .min = 1,
     .max = SHELL_MAX_SECONDS, .doc = "The session's default; 120 if not given."},
    {"preserve_symlinks", FIELD_BOOL, offsetof(struct create_input, preserve_symlinks),
     .fallback = "false", .doc = "Keep symbolic links in exec_dir's path."},
    FIELDS_END};

static const struct field update_fields[] = {
    SHELL_ID_ROW(struct update_input),
    {"no_change_timeout", FIELD_INT, offsetof(struct update_input, no_change_timeout), .min = 1,
     .max = SHELL_MAX_SECONDS, .doc = "The session's new default."},
    FIELDS_END};

const struct route shell_session_routes[] = {
    {"POST", "/v1/shell/sessions/create", SCOPE_EXEC, ROUTE_INLINE, create_session,
     INPUT(create_fields, struct create_input), BODY_JSON, 64 * KIB,
     .audit = {.action = "shell.create", .session = "id"}, .tag = "shell",
     .summary = "Make a session, or find the one of that name."},
    {"POST", "/v1/shell/sessions/update", SCOPE_EXEC, ROUTE_INLINE, update_session,
     INPUT(update_fields, struct update_input), BODY_JSON, 64 * KIB,
     .audit = {.action = "shell.update", .session = "id"}, .tag = "shell",
     .summary = "Change a session's settings."},
    {"GET", "/v1/shell/terminal-url", SCOPE_EXEC, ROUTE_INLINE, terminal_url,
     .audit = {.action = "shell.create"}, .tag = "shell",
     .summary = "Make a session and tell the address of its terminal page."},
    {"GET", "/v1/shell/sessions/stats", SCOPE_READ, ROUTE_INLINE, session_stats, .tag = "shell",
     .summary = "How many sessions there are."},
    {"GET", "/v1/shell/sessions", SCOPE_READ, ROUTE_INLINE, list_sessions, .tag = "shell",
     .summary = "List the sessions."},
    {"DELETE", "/v1/shell/sessions", SCOPE_EXEC, ROUTE_INLINE, delete_all,
     .audit = {.action = "shell.close"}, .tag = "shell", .summary = "End all sessions."},
    {"DELETE", "/v1/shell/sessions/{session_id}", SCOPE_EXEC, ROUTE_INLINE, delete_session,
     .audit = {.action = "shell.close", .session = "session_id"}, .tag = "shell",
     .summary = "End a session and everything in its terminal."},
    ROUTES_END,
};
