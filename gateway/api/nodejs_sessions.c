/* /v1/nodejs/sessions: what sessions there are. */
#include <string.h>

#include "api/app.h"
#include "api/code.h"
#include "core/history.h"
#include "core/node_runtime.h"
#include "http/envelope.h"

static void write_session(struct jsonw *w, const struct node_session *s)
{
    jsonw_object(w);
    jsonw_kstr(w, "session_id", s->id);
    jsonw_kstr(w, "cwd", s->cwd);
    jsonw_knumber(w, "created_at", (double)s->created_at / 1000);
    jsonw_knumber(w, "last_used", (double)s->last_used_at / 1000);
    jsonw_kint(w, "max_idle_time", s->max_idle);
    jsonw_kint(w, "age_seconds", (history_now() - s->created_at) / 1000);
    jsonw_kstr(w, "state", s->current ? "busy" : "idle");
    jsonw_object_end(w);
}

/* The version the query names, 0 for none: a session of another one is not meant. */
static int wanted(struct exchange *ex, int *ret_major, struct err *err)
{
    const char *version = exchange_query_value(ex, "version");
    struct text text = {version, version ? strlen(version) : 0};
    return node_parse_version(text, ret_major, err);
}

static bool is_wanted(const struct node_session *s, int major)
{
    return !major || !s->major || s->major == major;
}

static int find(struct exchange *ex, struct node_session **ret_session, struct err *err)
{
    const char *id = exchange_param(ex, "session_id");
    int major;
    if (wanted(ex, &major, err) < 0)
        return -1;
    struct node_session *s = node_session_find(app_of(ex)->node, id);
    if (!s || !is_wanted(s, major))
        return err_set(err, ERR_NOT_FOUND, "there is no session '%s'", id);
    *ret_session = s;
    return 0;
}

static int list_sessions(struct exchange *ex, struct err *err)
{
    struct map_walk walk = {0};
    const struct node_session *s;
    int major;
    if (wanted(ex, &major, err) < 0)
        return -1;
    struct jsonw *w = reply_begin(ex, "Sessions listed");
    jsonw_object(w);
    jsonw_key(w, "sessions");
    jsonw_object(w);
    while ((s = map_next(node_sessions_all(app_of(ex)->node), &walk))) {
        if (!is_wanted(s, major))
            continue;
        jsonw_key(w, s->id);
        write_session(w, s);
    }
    jsonw_object_end(w);
    jsonw_object_end(w);
    reply_end(ex);
    return 0;
}

static int get_session(struct exchange *ex, struct err *err)
{
    struct node_session *s;
    if (find(ex, &s, err) < 0)
        return -1;
    struct jsonw *w = reply_begin(ex, "Session found");
    jsonw_object(w);
    jsonw_key(w, "session");
    write_session(w, s);
    jsonw_object_end(w);
    reply_end(ex);
    return 0;
}

struct session_input {
    struct text session_id, cwd;
    int64_t max_idle_time;
};

static int create(struct exchange *ex, void *arg, const char *node, int major, struct err *err)
{
    const struct session_input *in = arg;
    struct node_sessions *table = app_of(ex)->node;
    struct node_session_spec spec = {in->session_id, in->cwd, node, major, in->max_idle_time};
    struct node_session *s;
    bool made;
    if (node_session_get(table, &spec, &s, &made, err) < 0)
        return -1;
    node_keep_spare(table, node);
    exchange_audit_session(ex, s->id);
    struct jsonw *w = reply_begin(ex, made ? "Session created" : "Session was there already");
    jsonw_object(w);
    jsonw_kstr(w, "session_id", s->id);
    jsonw_kbool(w, "created", made);
    jsonw_kstr(w, "message", made ? "created" : "was there already");
    jsonw_key(w, "session");
    write_session(w, s);
    jsonw_object_end(w);
    reply_end(ex);
    return 0;
}

static int create_session(struct exchange *ex, struct err *err)
{
    const char *version = exchange_query_value(ex, "version");
    struct text text = {version, version ? strlen(version) : 0};
    return nodejs_choose(ex, text, create, (void *)(uintptr_t)exchange_input(ex), err);
}

static int update_session(struct exchange *ex, struct err *err)
{
    const struct session_input *in = exchange_input(ex);
    struct node_session *s;
    if (find(ex, &s, err) < 0 || (in->cwd.p && node_session_set_cwd(s, in->cwd, err) < 0))
        return -1;
    if (in->max_idle_time != INT_ABSENT)
        node_session_set_idle(s, in->max_idle_time);
    struct jsonw *w = reply_begin(ex, "Session updated");
    jsonw_object(w);
    jsonw_kbool(w, "updated", in->cwd.p || in->max_idle_time != INT_ABSENT);
    jsonw_key(w, "session");
    write_session(w, s);
    jsonw_object_end(w);
    reply_end(ex);
    return 0;
}

static int delete_session(struct exchange *ex, struct err *err)
{
    struct node_session *s;
    if (find(ex, &s, err) < 0)
        return -1;
    node_session_end(s, "the session was deleted");
    struct jsonw *w = reply_begin(ex, "Session deleted");
    jsonw_object(w);
    jsonw_kbool(w, "deleted", true);
    jsonw_object_end(w);
    reply_end(ex);
    return 0;
}

/* ---- rows ---- */

#define TEXT_AT(member) FIELD_TEXT, offsetof(struct session_input, member)
#define IDLE_AT         FIELD_INT, offsetof(struct session_input, max_idle_time)

static const struct field create_fields[] = {
    {"session_id", TEXT_AT(session_id), .max = IDENT_MAX,
     .doc = "Its name; without one it gets a new one."},
    {"cwd", FIELD_PATH, offsetof(struct session_input, cwd),
     .doc = "Where it begins; without it the workspace."},
    {"max_idle_time", IDLE_AT, .min = NODE_MIN_IDLE, .max = NODE_MAX_IDLE,
     .fallback = NODE_MAX_IDLE_TEXT, .doc = "Seconds without a call after which it ends."},
    FIELDS_END};

static const struct field update_fields[] = {
    {"max_idle_time", IDLE_AT, .min = NODE_MIN_IDLE, .max = NODE_MAX_IDLE,
     .doc = "Seconds without a call after which it ends."},
    {"cwd", FIELD_PATH, offsetof(struct session_input, cwd), .doc = "Where the next call runs."},
    FIELDS_END};

#define ONE "/v1/nodejs/sessions/{session_id}"

const struct route nodejs_session_routes[] = {
    {"POST", "/v1/nodejs/sessions", SCOPE_EXEC, ROUTE_INLINE, create_session,
     INPUT(create_fields, struct session_input), BODY_JSON, 64 * KIB,
     .audit = {.action = "nodejs.create", .session = "session_id"}, .tag = "nodejs",
     .summary = "Make a session, or find the one of that name; ?version= chooses the Node.js."},
    {"GET", "/v1/nodejs/sessions", SCOPE_READ, ROUTE_INLINE, list_sessions, .tag = "nodejs",
     .summary = "List the sessions; ?version= those of one Node.js."},
    {"GET", ONE, SCOPE_READ, ROUTE_INLINE, get_session, .tag = "nodejs", .summary = "One session."},
    {"PATCH", ONE, SCOPE_EXEC, ROUTE_INLINE, update_session,
     INPUT(update_fields, struct session_input), BODY_JSON, 64 * KIB,
     .audit = {.action = "nodejs.update", .session = "session_id"}, .tag = "nodejs",
     .summary = "Change the directory or the idle time of a session."},
    {"DELETE", ONE, SCOPE_EXEC, ROUTE_INLINE, delete_session,
     .audit = {.action = "nodejs.close", .session = "session_id"}, .tag = "nodejs",
     .summary = "End a session and its process."},
    ROUTES_END,
};
