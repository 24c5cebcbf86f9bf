#include "core/history.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"

int64_t history_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void history_time(int64_t ms, char out[TIME_TEXT])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    char head[24];
    (void)gmtime_r(&seconds, &utc);
    (void)strftime(head, sizeof head, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(out, TIME_TEXT, "%s.%03dZ", head, (int)(ms % 1000));
}

void history_session(struct store *store, const struct session_record *r)
{
    struct value v[] = {V_TEXT(r->kind), V_TEXT(r->id), V_TEXT(r->working_dir),
                        V_INT(r->created_at), V_INT(r->last_used_at)};
    store_write(store,
                "INSERT INTO sessions (kind, id, working_dir, created_at, last_used_at)"
                " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (kind, id) DO UPDATE SET"
                " working_dir = ?3, created_at = ?4, last_used_at = ?5, closed_at = NULL,"
                " close_reason = NULL",
                v, COUNT_OF(v));
}

void history_session_closed(struct store *store, const char *kind, const char *id,
                            const char *reason)
{
    struct value v[] = {V_TEXT(kind), V_TEXT(id), V_INT(history_now()), V_TEXT(reason)};
    store_write(store,
                "UPDATE sessions SET closed_at = ?3, close_reason = ?4 WHERE kind = ?1 AND id = ?2",
                v, COUNT_OF(v));
}

void history_command(struct store *store, const struct command_record *r)
{
    struct value v[] = {V_TEXT(r->id),      V_TEXT(r->kind),   V_TEXT(r->session_id),
                        V_TEXT(r->command), V_TEXT(r->status), V_INT(r->started_at)};
    store_write(store,
                "INSERT INTO commands (id, kind, session_id, command, status, started_at, seq)"
                " VALUES (?1, ?2, ?3, substr(?4, 1, 65536), ?5, ?6,"
                " (SELECT coalesce(max(seq), 0) + 1 FROM commands))",
                v, COUNT_OF(v));
}

void history_command_ended(struct store *store, const struct command_record *r)
{
    struct value code =
        r->exit_code == INT_ABSENT ? (struct value){.type = VALUE_NULL} : V_INT(r->exit_code);
    struct value v[] = {
        V_TEXT(r->id),       V_TEXT(r->status),          code,
        V_INT(r->ended_at),  V_BLOB(r->out.p, r->out.n), V_BLOB(r->errors.p, r->errors.n),
        V_INT(r->out_bytes), V_INT(r->errors_bytes)};
    store_write_now(store,
                    "UPDATE commands SET status = ?2, exit_code = ?3, ended_at = ?4, stdout = ?5,"
                    " stderr = ?6, stdout_bytes = ?7, stderr_bytes = ?8 WHERE id = ?1",
                    v, COUNT_OF(v));
}

/* Now, and again and again as more is written. */
static int trim(struct store *store, const char *sql, int64_t limit, struct err *err)
{
    struct value v = V_INT(limit);
    store_write(store, sql, &v, 1);
    return store_trim(store, sql, &v, 1, err);
}

#define NOW_MS "(CAST(strftime('%s', 'now') AS INTEGER) * 1000)"

int history_settle(struct store *store, const struct config *config, struct err *err)
{
    int64_t keep_ms = config->history_days * 86400000;
    int64_t now = history_now();
    struct value at = V_INT(now), oldest = V_INT(now - keep_ms);
    store_write(store,
                "UPDATE commands SET ended_at = ?1, status ="
                " CASE kind WHEN 'bash' THEN 'killed' ELSE 'terminated' END WHERE ended_at IS NULL",
                &at, 1);
    store_write(store,
                "UPDATE sessions SET closed_at = ?1, close_reason = 'the gateway stopped'"
                " WHERE kind = 'shell' AND closed_at IS NULL",
                &at, 1);
    store_write(store, "DELETE FROM sessions WHERE last_used_at < ?1", &oldest, 1);
    if (trim(store, "DELETE FROM commands WHERE started_at < " NOW_MS " - ?1", keep_ms, err) < 0 ||
        trim(store, "DELETE FROM sessions WHERE closed_at < " NOW_MS " - ?1", keep_ms, err) < 0 ||
        trim(store,
             "DELETE FROM commands WHERE ended_at IS NOT NULL AND started_at <="
             " (SELECT started_at FROM commands ORDER BY started_at DESC LIMIT 1 OFFSET ?1)",
             config->history_entries, err) < 0 ||
        trim(store,
             "DELETE FROM sessions WHERE closed_at <= (SELECT closed_at FROM sessions"
             " WHERE closed_at IS NOT NULL ORDER BY closed_at DESC LIMIT 1 OFFSET ?1)",
             config->history_entries, err) < 0)
        return -1;
    store_flush(store);
    return 0;
}

struct session_walk {
    void (*each)(void *, const struct session_record *);
    void *arg;
    const char *kind;
};

static int session_row(void *arg, const struct row *row)
{
    const struct session_walk *walk = arg;
    struct session_record r = {walk->kind, row_text(row, 0, NULL), row_text(row, 1, NULL),
                               row_int(row, 2), row_int(row, 3)};
    walk->each(walk->arg, &r);
    return 0;
}

int history_open_sessions(struct store *store, const char *kind,
                          void (*each)(void *arg, const struct session_record *record), void *arg,
                          struct err *err)
{
    struct session_walk walk = {each, arg, kind};
    struct value v = V_TEXT(kind);
    return store_read(store,
                      "SELECT id, working_dir, created_at, last_used_at FROM sessions"
                      " WHERE kind = ?1 AND closed_at IS NULL ORDER BY created_at",
                      &v, 1, session_row, &walk, err);
}

static int reason_row(void *arg, const struct row *row)
{
    (void)snprintf(arg, 128, "%s", row_text(row, 0, NULL));
    return 1;
}

int history_find_session(struct store *store, const char *kind, const char *id,
                         char ret_reason[128], struct err *err)
{
    struct value v[] = {V_TEXT(kind), V_TEXT(id)};
    char reason[128] = "\n";
    if (store_read(store, "SELECT close_reason FROM sessions WHERE kind = ?1 AND id = ?2", v, 2,
                   reason_row, reason, err) < 0)
        return -1;
    if (reason[0] == '\n')
        return err_set(err, ERR_NOT_FOUND, "there is no session '%s'", id);
    memcpy(ret_reason, reason, sizeof reason);
    return 0;
}

struct command_walk {
    void (*each)(void *, const struct command_record *);
    void *arg;
    const char *kind, *session_id;
    bool found;
};

static int command_row(void *arg, const struct row *row)
{
    struct command_walk *walk = arg;
    struct command_record r = {.kind = walk->kind, .session_id = walk->session_id};
    r.id = row_text(row, 0, NULL);
    r.command = row_text(row, 1, NULL);
    r.status = row_text(row, 2, NULL);
    r.exit_code = row_is_null(row, 3) ? INT_ABSENT : row_int(row, 3);
    r.started_at = row_int(row, 4);
    r.ended_at = row_int(row, 5);
    r.out.p = row_text(row, 6, &r.out.n);
    r.errors.p = row_text(row, 7, &r.errors.n);
    r.out_bytes = row_int(row, 8);
    r.errors_bytes = row_int(row, 9);
    walk->found = true;
    walk->each(walk->arg, &r);
    return 1;
}

#define COMMAND_COLUMNS                                                                            \
    "SELECT id, command, status, exit_code, started_at, ended_at, stdout, stderr, stdout_bytes,"   \
    " stderr_bytes FROM commands"

int history_find_command(struct store *store, const char *kind, const char *session_id,
                         const char *command_id,
                         void (*each)(void *arg, const struct command_record *record), void *arg,
                         struct err *err)
{
    struct command_walk walk = {each, arg, kind, session_id, false};
    struct value v[] = {V_TEXT(kind), V_TEXT(session_id), V_TEXT(command_id)};
    int r = store_read(store,
                       COMMAND_COLUMNS
                       " WHERE kind = ?1 AND session_id = ?2 AND"
                       " (?3 IS NULL OR id = ?3) ORDER BY seq DESC, started_at DESC LIMIT 1",
                       v, COUNT_OF(v), command_row, &walk, err);
    return r < 0 ? r : walk.found ? 0 : 1;
}

static void write_time(struct jsonw *w, const char *name, const struct row *row, int column)
{
    char text[TIME_TEXT];
    if (row_is_null(row, column)) {
        jsonw_knull(w, name);
        return;
    }
    history_time(row_int(row, column), text);
    jsonw_kstr(w, name, text);
}

static int list_row(void *arg, const struct row *row)
{
    struct jsonw *w = arg;
    size_t n;
    const char *command = row_text(row, 1, &n);
    jsonw_object(w);
    jsonw_kstr(w, "command_id", row_text(row, 0, NULL));
    jsonw_ktext(w, "command", command, n);
    jsonw_kstr(w, "status", row_text(row, 2, NULL));
    if (row_is_null(row, 3))
        jsonw_knull(w, "exit_code");
    else
        jsonw_kint(w, "exit_code", row_int(row, 3));
    write_time(w, "started_at", row, 4);
    write_time(w, "ended_at", row, 5);
    jsonw_kint(w, "stdout_bytes", row_int(row, 6));
    jsonw_kint(w, "stderr_bytes", row_int(row, 7));
    jsonw_object_end(w);
    return 0;
}

int history_commands(struct store *store, const char *kind, const char *session_id, int64_t limit,
                     struct jsonw *w, struct err *err)
{
    struct value v[] = {V_TEXT(kind), V_TEXT(session_id), V_INT(limit)};
    jsonw_array(w);
    int r = store_read(store,
                       "SELECT id, command, status, exit_code, started_at, ended_at, stdout_bytes,"
                       " stderr_bytes FROM commands WHERE kind = ?1 AND session_id = ?2"
                       " ORDER BY seq DESC, started_at DESC, id LIMIT ?3",
                       v, COUNT_OF(v), list_row, w, err);
    jsonw_array_end(w);
    return r;
}
