/* /v1/nodejs: JavaScript, in a process of its own or in a session that keeps its state. */
#include <string.h>

#include "api/app.h"
#include "api/code.h"
#include "base/mem.h"
#include "core/config.h"
#include "core/node_runtime.h"
#include "http/envelope.h"

/* ---- execute ---- */

static int run_once(struct exchange *ex, const struct nodejs_input *in, const char *node,
                    struct code_request *rq, struct err *err)
{
    struct code_job *job;
    if (code_cwd_check(in->cwd, err) < 0)
        return -1;
    struct code_run_spec spec = {
        .program = node,
        .runner = NODE_RUNNER,
        .code = in->code,
        .stdin_text = in->stdin_text,
        .files = in->files,
        .cwd = in->cwd.p,
        .timeout_ms = (uint64_t)in->timeout * 1000,
    };
    if (code_run_start(app_of(ex)->code_runs, &spec, &job, err) < 0)
        return -1;
    return code_answer(ex, rq, job, err);
}

static int run_in_session(struct exchange *ex, const struct nodejs_input *in, const char *node,
                          int major, struct code_request *rq, struct err *err)
{
    struct node_session *s;
    struct code_job *job;
    bool made;
    struct node_session_spec spec = {in->session_id, in->cwd, node, major, NODE_MAX_IDLE};
    struct node_call_spec call = {in->code, in->stdin_text, in->cwd, in->files,
                                  (uint64_t)in->timeout * 1000};
    if (node_session_get(app_of(ex)->node, &spec, &s, &made, err) < 0)
        return -1;
    (void)snprintf(rq->session_id, sizeof rq->session_id, "%s", s->id);
    if (node_session_call(s, &call, &job, err) < 0)
        return -1;
    return code_answer(ex, rq, job, err);
}

/* What is to be run, while its interpreter is looked for. In the exchange's arena. */
struct plan {
    const struct nodejs_input *in;
    struct code_request request;
};

static int start(struct exchange *ex, void *arg, const char *node, int major, struct err *err)
{
    struct plan *plan = arg;
    const struct nodejs_input *in = plan->in;
    if (in->stateful || in->session_id.n)
        return run_in_session(ex, in, node, major, &plan->request, err);
    return run_once(ex, in, node, &plan->request, err);
}

int nodejs_execute(struct exchange *ex, const struct nodejs_input *in, bool nodejs, struct err *err)
{
    if (code_files_check(&in->files, err) < 0)
        return -1;
    struct plan *plan = arena_alloc(exchange_arena(ex), sizeof *plan);
    if (!plan)
        return err_memory(err);
    plan->in = in;
    plan->request =
        (struct code_request){.language = "javascript", .code = in->code, .nodejs = nodejs};
    return nodejs_choose(ex, in->version, start, plan, err);
}

static int execute(struct exchange *ex, struct err *err)
{
    return nodejs_execute(ex, exchange_input(ex), true, err);
}

/* ---- info ---- */

static void write_packages(struct jsonw *w, const char *name, const struct package_list *list)
{
    jsonw_key(w, name);
    jsonw_array(w);
    for (size_t i = 0; i < list->n; i++) {
        jsonw_object(w);
        jsonw_kstr(w, "name", list->items[i].name);
        jsonw_kstr(w, "version", list->items[i].version);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void write_versions(struct jsonw *w, const struct node_info *info)
{
    char name[16];
    jsonw_key(w, "available_versions");
    jsonw_array(w);
    for (size_t i = 0; i < info->major_count; i++) {
        (void)snprintf(name, sizeof name, "node%d", info->majors[i]);
        jsonw_str(w, name);
    }
    jsonw_array_end(w);
    (void)snprintf(name, sizeof name, "node%d", info->major_count ? info->majors[0] : 0);
    jsonw_kstr(w, "current_version", info->major_count ? name : NULL);
}

static int info(struct exchange *ex, struct err *err)
{
    struct app *app = app_of(ex);
    struct node_info info = {.node_version = "", .npm_version = ""};
    struct err why = ERR_INIT;
    bool there = node_info_read(app->toolbox, app->config, exchange_arena(ex), &info, &why) == 0;
    if (!there && why.kind != ERR_UNAVAILABLE) {
        *err = why;
        return -1;
    }
    struct jsonw *w = reply_begin(ex, there ? "Node.js is ready" : why.text);
    jsonw_object(w);
    jsonw_kstr(w, "node_version", info.node_version);
    jsonw_kstr(w, "npm_version", info.npm_version);
    jsonw_key(w, "supported_languages");
    jsonw_raw(w, "[\"javascript\"]");
    jsonw_kstr(w, "description",
               "JavaScript by Node.js: single runs, and sessions that keep their state");
    jsonw_kstr(w, "runtime_directory", app->config->workspace);
    jsonw_kstr(w, "global_npm_directory", info.global_folder);
    write_packages(w, "runtime_packages", &info.local);
    write_packages(w, "global_packages", &info.global);
    jsonw_kstr(w, "error", there ? NULL : why.text);
    write_versions(w, &info);
    jsonw_object_end(w);
    reply_end(ex);
    return 0;
}

/* ---- rows ---- */

#define TEXT_AT(type, member) FIELD_TEXT, offsetof(type, member)

static const struct field execute_fields[] = {
    {"code", TEXT_AT(struct nodejs_input, code), .required = true, .max = CODE_MAX,
     .doc = "JavaScript; await works at the top level, import and require both."},
    {"timeout", FIELD_INT, offsetof(struct nodejs_input, timeout), .min = CODE_MIN_SECONDS,
     .max = CODE_MAX_SECONDS, .fallback = "30", .doc = "Seconds the code may take."},
    {"stdin", TEXT_AT(struct nodejs_input, stdin_text), .max = CODE_STDIN,
     .doc = "Its standard input."},
    {"files", FIELD_TEXT_MAP, offsetof(struct nodejs_input, files), .max = NODE_FILES,
     .doc = "Files to write first, by their names below the working directory."},
    {"stateful", FIELD_BOOL, offsetof(struct nodejs_input, stateful), .fallback = "false",
     .doc = "Run in a session, where variables, functions and imports stay."},
    {"session_id", TEXT_AT(struct nodejs_input, session_id), .max = IDENT_MAX,
     .doc = "The session to run in; an unknown one is made. Implies stateful."},
    {"cwd", FIELD_PATH, offsetof(struct nodejs_input, cwd),
     .doc = "Working directory; a session stays there. Without it a single run gets a fresh "
            "directory, which is removed afterwards, and a session begins in the workspace."},
    {"version", TEXT_AT(struct nodejs_input, version), .max = 40,
     .doc = "The Node.js to use, as \"node20\" or \"20\"; it must be installed."},
    FIELDS_END};

const struct route nodejs_routes[] = {
    {"POST", "/v1/nodejs/execute", SCOPE_EXEC, ROUTE_INLINE, execute,
     INPUT(execute_fields, struct nodejs_input), BODY_JSON, CODE_BODY,
     .audit = {.action = "nodejs.execute", .subject = "code", .session = "session_id"},
     .tag = "nodejs", .summary = "Run JavaScript, in a process of its own or in a session."},
    {"GET", "/v1/nodejs/info", SCOPE_READ, ROUTE_BLOCKING, info, .tag = "nodejs",
     .summary = "The Node.js versions and packages there are."},
    ROUTES_END,
};
