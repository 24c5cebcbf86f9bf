/* /v1/jupyter: code in Jupyter kernels, in sessions that keep their state or without. */
#include <string.h>

#include "api/app.h"
#include "api/code.h"
#include "api/wait.h"
#include "base/mem.h"
#include "core/history.h"
#include "core/jupyter_sessions.h"
#include "http/envelope.h"

/* ---- answers ---- */

struct jupyter_wait {
    struct wait wait;
    const struct jupyter_input *in;
    const char *language; /* NULL: the shape of /v1/jupyter */
    const char *kernel_name;
    bool named; /* the caller gets to know the session */
};

static void write_outputs(struct jsonw *w, const struct jupyter_call *call)
{
    jsonw_key(w, "outputs");
    jsonw_array(w);
    kernel_outputs_write(&call->outputs, w);
    jsonw_array_end(w);
}

static void write_count(struct jsonw *w, const struct jupyter_call *call)
{
    if (call->job.outcome.count != INT_ABSENT)
        jsonw_kint(w, "execution_count", call->job.outcome.count);
    else
        jsonw_knull(w, "execution_count");
}

static void write_notebook_shape(struct jsonw *w, const struct jupyter_wait *jw,
                                 const struct jupyter_call *call)
{
    jsonw_object(w);
    jsonw_kstr(w, "kernel_name", jw->kernel_name);
    /* Empty where there is none: the older SDK takes no null here. */
    jsonw_kstr(w, "session_id", jw->named ? jw->wait.session_id : "");
    jsonw_kstr(w, "status", code_status_names[call->job.outcome.status]);
    write_count(w, call);
    write_outputs(w, call);
    jsonw_ktext(w, "code", jw->in->code.p, jw->in->code.n);
    jsonw_kstr(w, "msg_id", call->id[0] ? call->id : NULL);
    jsonw_object_end(w);
}

static void write_code_shape(struct jsonw *w, const struct jupyter_wait *jw,
                             const struct jupyter_call *call)
{
    const char *trace = kernel_outputs_traceback(&call->outputs);
    jsonw_object(w);
    jsonw_kstr(w, "language", jw->language);
    jsonw_kstr(w, "status", code_status_names[call->job.outcome.status]);
    write_outputs(w, call);
    jsonw_ktext(w, "code", jw->in->code.p, jw->in->code.n);
    kernel_outputs_write_stream(&call->outputs, "stdout", w);
    kernel_outputs_write_stream(&call->outputs, "stderr", w);
    jsonw_kint(w, "exit_code", call->job.outcome.exit_code);
    if (trace) {
        jsonw_key(w, "traceback");
        jsonw_raw(w, trace);
    }
    jsonw_kstr(w, "session_id", jw->wait.session_id);
    jsonw_object_end(w);
}

static void reply(struct wait *wait)
{
    static const char *const messages[] = {[CODE_OK] = "Code executed",
                                           [CODE_ERROR] = "Code executed, and failed",
                                           [CODE_TIMEOUT] = "Code execution timed out"};
    const struct jupyter_wait *jw = (const struct jupyter_wait *)(const void *)wait;
    const struct jupyter_call *call = wait->subject;
    struct jsonw *w = reply_begin(wait->ex, messages[call->job.outcome.status]);
    exchange_audit_exit(wait->ex, call->job.outcome.exit_code);
    if (jw->language)
        write_code_shape(w, jw, call);
    else
        write_notebook_shape(w, jw, call);
    if (call->job.outcome.note)
        reply_hint(wait->ex, call->job.outcome.note);
    else if (call->outputs.cut)
        reply_hint(wait->ex, "some of the output is left out: it is more than is kept");
    reply_end(wait->ex);
}

static bool enough(struct wait *wait)
{
    const struct jupyter_call *call = wait->subject;
    return call->job.ended;
}

static void over(struct wait *wait)
{
    struct jupyter_call *call = wait->subject;
    code_job_release(&call->job);
}

/* ---- execute ---- */

/* The kernel a session is to have. */
static int find_spec(struct exchange *ex, struct text name, const struct kernel_spec **ret_spec,
                     struct err *err)
{
    struct kernel_specs *specs = arena_alloc(exchange_arena(ex), sizeof *specs);
    if (!specs)
        return err_memory(err);
    if (kernel_specs_read(app_of(ex)->config, exchange_arena(ex), specs, err) < 0)
        return -1;
    return kernel_spec_find(specs, name, ret_spec, err);
}

static int check_kernel(const struct jupyter_session *s, struct text name, struct err *err)
{
    if (!name.n || strcmp(name.p, s->spec.name) == 0 ||
        (s->spec.alias && strcmp(name.p, s->spec.alias) == 0))
        return 0;
    return err_field(err, "kernel_name", "field 'kernel_name': session '%s' has a kernel '%s'",
                     s->id, s->spec.name);
}

/* Finds or makes; *ret_made tells which. */
static int get_session(struct exchange *ex, const struct jupyter_input *in, bool once,
                       struct jupyter_session **ret_session, bool *ret_made, struct err *err)
{
    struct jupyter_sessions *table = app_of(ex)->jupyter;
    struct jupyter_session_spec spec = {.id = in->session_id, .cwd = in->cwd, .once = once};
    *ret_session = in->session_id.n ? jupyter_session_find(table, in->session_id.p) : NULL;
    *ret_made = !*ret_session;
    if (*ret_session)
        return check_kernel(*ret_session, in->kernel_name, err);
    if (find_spec(ex, in->kernel_name, &spec.spec, err) < 0)
        return -1;
    return jupyter_session_make(table, &spec, ret_session, err);
}

int jupyter_execute(struct exchange *ex, const struct jupyter_input *in, const char *language,
                    bool stateful, struct err *err)
{
    struct jupyter_wait *jw = arena_alloc(exchange_arena(ex), sizeof *jw);
    struct jupyter_input *kept = arena_alloc(exchange_arena(ex), sizeof *kept);
    struct jupyter_session *s;
    struct jupyter_call *call;
    bool made, named = stateful || in->session_id.n > 0;
    if (!jw || !kept)
        return err_memory(err);
    *kept = *in;
    if (code_cwd_check(in->cwd, err) < 0 || get_session(ex, in, !named, &s, &made, err) < 0)
        return -1;
    jw->wait = (struct wait){.ex = ex, .enough = enough, .reply = reply, .over = over};
    jw->in = kept;
    jw->language = language;
    jw->named = named;
    jw->kernel_name = arena_copy(exchange_arena(ex), s->spec.name, strlen(s->spec.name));
    (void)snprintf(jw->wait.session_id, sizeof jw->wait.session_id, "%s", s->id);
    const struct jupyter_call_spec spec = {in->code, in->cwd, (uint64_t)in->timeout * 1000};
    if (jupyter_session_call(s, &spec, &call, err) < 0)
        return -1;
    jw->wait.subject = call;
    return wait_start(&jw->wait, &call->job.observers, WAIT_FOREVER_MS, err);
}

static int execute(struct exchange *ex, struct err *err)
{
    return jupyter_execute(ex, exchange_input(ex), NULL, false, err);
}

/* ---- info ---- */

static void write_names(struct jsonw *w, const struct kernel_specs *specs)
{
    jsonw_key(w, "available_kernels");
    jsonw_array(w);
    for (size_t i = 0; i < specs->n; i++) {
        const char *alias = specs->items[i].alias;
        jsonw_str(w, specs->items[i].name);
        if (alias && strcmp(alias, specs->items[i].name) != 0)
            jsonw_str(w, alias);
    }
    jsonw_array_end(w);
}

static int info(struct exchange *ex, struct err *err)
{
    const struct config *config = app_of(ex)->config;
    struct kernel_specs *specs = arena_alloc(exchange_arena(ex), sizeof *specs);
    const struct kernel_spec *fallback = NULL;
    struct err why;
    if (!specs)
        return err_memory(err);
    if (kernel_specs_read(config, exchange_arena(ex), specs, err) < 0)
        return -1;
    bool there = kernel_spec_find(specs, (struct text){0}, &fallback, &why) == 0;
    struct jsonw *w = reply_begin(ex, "Kernels listed");
    jsonw_object(w);
    jsonw_kstr(w, "default_kernel", there ? fallback->name : KERNEL_DEFAULT);
    write_names(w, specs);
    jsonw_kint(w, "active_sessions", (int64_t)jupyter_sessions_all(app_of(ex)->jupyter)->count);
    jsonw_kint(w, "session_timeout_seconds", config->jupyter_idle_seconds);
    jsonw_kint(w, "max_sessions", config->max_jupyter_sessions);
    jsonw_kstr(w, "description",
               "Jupyter kernels: with a session_id variables stay from call to call, without one "
               "each call gets a fresh kernel");
    jsonw_kstr(w, "kernel_detection",
               "kernel.json files of the sandbox's environment, the user "
               "and the system");
    jsonw_object_end(w);
    if (!there)
        reply_hint(ex, arena_copy(exchange_arena(ex), why.text, strlen(why.text)));
    reply_end(ex);
    return 0;
}

/* ---- sessions ---- */

static void write_session(struct jsonw *w, const struct jupyter_session *s)
{
    jsonw_object(w);
    jsonw_kstr(w, "kernel_name", s->spec.name);
    jsonw_knumber(w, "last_used", (double)s->last_used_at / 1000);
    jsonw_kint(w, "age_seconds", (history_now() - s->created_at) / 1000);
    jsonw_kstr(w, "cwd", s->cwd);
    jsonw_kstr(w, "state", s->current || s->late[0] ? "busy" : "idle");
    jsonw_object_end(w);
}

static int list_sessions(struct exchange *ex, struct err *err)
{
    struct map_walk walk = {0};
    const struct jupyter_session *s;
    (void)err;
    struct jsonw *w = reply_begin(ex, "Sessions listed");
    jsonw_object(w);
    jsonw_key(w, "sessions");
    jsonw_object(w);
    while ((s = map_next(jupyter_sessions_all(app_of(ex)->jupyter), &walk))) {
        if (s->once)
            continue;
        jsonw_key(w, s->id);
        write_session(w, s);
    }
    jsonw_object_end(w);
    jsonw_object_end(w);
    reply_end(ex);
    return 0;
}

static int create_session(struct exchange *ex, struct err *err)
{
    const struct jupyter_input *in = exchange_input(ex);
    struct jupyter_session *s;
    bool made;
    if (get_session(ex, in, false, &s, &made, err) < 0)
        return -1;
    jupyter_session_warm(s);
    exchange_audit_session(ex, s->id);
    const char *message = made ? "Session created" : "Session was there already";
    struct jsonw *w = reply_begin(ex, message);
    jsonw_object(w);
    jsonw_kstr(w, "session_id", s->id);
    jsonw_kstr(w, "kernel_name", s->spec.name);
    jsonw_kstr(w, "message", message);
    jsonw_object_end(w);
    reply_end(ex);
    return 0;
}

static int delete_session(struct exchange *ex, struct err *err)
{
    const char *id = exchange_param(ex, "session_id");
    struct jupyter_session *s = jupyter_session_find(app_of(ex)->jupyter, id);
    if (!s || s->once)
        return err_set(err, ERR_NOT_FOUND, "there is no session '%s'", id);
    jupyter_session_end(s, "the session was deleted");
    reply_message(ex, "Session deleted");
    return 0;
}

static int delete_sessions(struct exchange *ex, struct err *err)
{
    struct map_walk walk = {0};
    struct jupyter_session *s;
    (void)err;
    while ((s = map_next(jupyter_sessions_all(app_of(ex)->jupyter), &walk))) {
        if (s->once)
            continue;
        jupyter_session_end(s, "the session was deleted");
        walk = (struct map_walk){0};
    }
    reply_message(ex, "Sessions deleted");
    return 0;
}

/* ---- rows ---- */

#define TEXT_AT(member) FIELD_TEXT, offsetof(struct jupyter_input, member)

#define KERNEL_FIELD                                                                               \
    {                                                                                              \
        "kernel_name", TEXT_AT(kernel_name),                                                       \
            .max = IDENT_MAX,                                                                      \
            .doc = "One of the kernels /v1/jupyter/info lists; python3 when not given."            \
    }

static const struct field execute_fields[] = {
    {"code", TEXT_AT(code), .required = true, .max = CODE_MAX, .doc = "The code."},
    {"timeout", FIELD_INT, offsetof(struct jupyter_input, timeout), .min = CODE_MIN_SECONDS,
     .max = CODE_MAX_SECONDS, .fallback = "30",
     .doc = "Seconds the code may take; then it is interrupted."},
    KERNEL_FIELD,
    {"session_id", TEXT_AT(session_id), .max = IDENT_MAX,
     .doc = "The session to run in; an unknown one is made. Without one a fresh kernel runs the "
            "code and ends."},
    {"cwd", FIELD_PATH, offsetof(struct jupyter_input, cwd),
     .doc = "Working directory; a session stays there. At first it is the workspace."},
    FIELDS_END};

static const struct field create_fields[] = {{"session_id", TEXT_AT(session_id), .max = IDENT_MAX,
                                              .doc = "Its name; without one it gets a new one."},
                                             KERNEL_FIELD,
                                             {"cwd", FIELD_PATH,
                                              offsetof(struct jupyter_input, cwd),
                                              .doc = "Where it begins; without it the workspace."},
                                             FIELDS_END};

const struct route jupyter_routes[] = {
    {"POST", "/v1/jupyter/execute", SCOPE_EXEC, ROUTE_INLINE, execute,
     INPUT(execute_fields, struct jupyter_input), BODY_JSON, CODE_BODY,
     .audit = {.action = "jupyter.execute", .subject = "code", .session = "session_id"},
     .tag = "jupyter", .summary = "Run code in a Jupyter kernel; outputs come as in a notebook."},
    {"GET", "/v1/jupyter/info", SCOPE_READ, ROUTE_INLINE, info, .tag = "jupyter",
     .summary = "The kernels there are, and the limits."},
    {"GET", "/v1/jupyter/sessions", SCOPE_READ, ROUTE_INLINE, list_sessions, .tag = "jupyter",
     .summary = "List the sessions."},
    {"DELETE", "/v1/jupyter/sessions", SCOPE_EXEC, ROUTE_INLINE, delete_sessions,
     .audit = {.action = "jupyter.close"}, .tag = "jupyter",
     .summary = "End all sessions and their kernels."},
    {"POST", "/v1/jupyter/sessions/create", SCOPE_EXEC, ROUTE_INLINE, create_session,
     INPUT(create_fields, struct jupyter_input), BODY_JSON, 64 * KIB,
     .audit = {.action = "jupyter.create", .session = "session_id"}, .tag = "jupyter",
     .summary = "Make a session, or find the one of that name; its kernel starts at once."},
    {"DELETE", "/v1/jupyter/sessions/{session_id}", SCOPE_EXEC, ROUTE_INLINE, delete_session,
     .audit = {.action = "jupyter.close", .session = "session_id"}, .tag = "jupyter",
     .summary = "End a session and its kernel."},
    ROUTES_END,
};
