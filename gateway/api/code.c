/* /v1/code: code in any of the languages of one table. */
#include "api/code.h"

#include <string.h>

#include "api/app.h"
#include "base/mem.h"
#include "core/config.h"
#include "core/toolbox.h"
#include "http/envelope.h"

/* All versions together may take this long. */
#define VERSIONS_MS 4000

struct code_input {
    int language; /* index into `languages` */
    struct text code, cwd, session_id;
    int64_t timeout;
    bool stateful;
};

struct language {
    const char *name, *description;
    const char *program; /* looked up along the PATH; tells its version with --version */
    int (*execute)(struct exchange *ex, const struct language *language,
                   const struct code_input *in, struct err *err);
    const char *runner;   /* for execute_once(); NULL: the program takes the code as a file */
    const char *sessions; /* what to say to who asks for a session; NULL: there are some */
};

/* ---- ways to run ---- */

static int64_t seconds(const struct code_input *in)
{
    return in->timeout == INT_ABSENT ? CODE_SECONDS : in->timeout;
}

static int execute_once(struct exchange *ex, const struct language *language,
                        const struct code_input *in, struct err *err)
{
    struct app *app = app_of(ex);
    struct code_request *rq = arena_alloc(exchange_arena(ex), sizeof *rq);
    struct code_job *job;
    if (!rq)
        return err_memory(err);
    *rq = (struct code_request){.language = language->name, .code = in->code};
    struct code_run_spec spec = {
        .program = toolbox_find(app->toolbox, exchange_arena(ex), language->program),
        .runner = language->runner,
        .code = in->code,
        .cwd = in->cwd.p ? in->cwd.p : app->config->workspace,
        .timeout_ms = (uint64_t)seconds(in) * 1000,
    };
    if (!spec.program)
        return err_set(err, ERR_UNAVAILABLE, "%s is not installed", language->program);
    if (code_cwd_check(in->cwd, err) < 0 || code_run_start(app->code_runs, &spec, &job, err) < 0)
        return -1;
    return code_answer(ex, rq, job, err);
}

static int execute_javascript(struct exchange *ex, const struct language *language,
                              const struct code_input *in, struct err *err)
{
    (void)language;
    struct nodejs_input *node = arena_alloc(exchange_arena(ex), sizeof *node);
    if (!node)
        return err_memory(err);
    *node = (struct nodejs_input){.code = in->code,
                                  .session_id = in->session_id,
                                  .cwd = in->cwd,
                                  .timeout = seconds(in),
                                  .stateful = in->stateful};
    return nodejs_execute(ex, node, false, err);
}

/* A process of its own takes a third of the time that a kernel takes to start, and any number of
 * them may run: only sessions have kernels. */
static int execute_python(struct exchange *ex, const struct language *language,
                          const struct code_input *in, struct err *err)
{
    if (!in->stateful && !in->session_id.n)
        return execute_once(ex, language, in, err);
    const struct jupyter_input jupyter = {
        .code = in->code, .session_id = in->session_id, .cwd = in->cwd, .timeout = seconds(in)};
    return jupyter_execute(ex, &jupyter, language->name, true, err);
}

/* ---- the languages ---- */

/* One row each, in the order of `language_names`. */
static const char *const language_names[] = {"python", "javascript", "bash", NULL};
static const struct language languages[] = {
    {"python", "Python 3, also in sessions (Jupyter kernels) that keep their state", "python3",
     execute_python, "python/run.py", NULL},
    {"javascript", "JavaScript by Node.js, also in sessions that keep their state", "node",
     execute_javascript, NULL, NULL},
    {"bash", "bash, a new process for each call", "bash", execute_once, NULL,
     "bash runs without sessions here; /v1/shell/exec keeps the state of a shell"},
};

static int execute(struct exchange *ex, struct err *err)
{
    const struct code_input *in = exchange_input(ex);
    const struct language *language = &languages[in->language];
    if (language->sessions && (in->stateful || in->session_id.n))
        return err_field(err, in->stateful ? "stateful" : "session_id", "field '%s': %s",
                         in->stateful ? "stateful" : "session_id", language->sessions);
    return language->execute(ex, language, in, err);
}

/* ---- info ---- */

static void write_language(struct jsonw *w, struct exchange *ex, const struct language *l,
                           uint64_t deadline)
{
    struct toolbox *toolbox = app_of(ex)->toolbox;
    struct stat st;
    size_t at = 0;
    const char *path = toolbox_next(toolbox, exchange_arena(ex), l->program, &at, &st);
    const char *version =
        path ? toolbox_version(toolbox, exchange_arena(ex), path, &st, "--version", deadline)
             : NULL;
    jsonw_object(w);
    jsonw_kstr(w, "language", l->name);
    jsonw_kstr(w, "description", l->description);
    jsonw_kstr(w, "runtime_version", version);
    jsonw_kint(w, "default_timeout", CODE_SECONDS);
    jsonw_kint(w, "max_timeout", CODE_MAX_SECONDS);
    jsonw_key(w, "details");
    jsonw_object(w);
    jsonw_kstr(w, "program", path);
    jsonw_kbool(w, "available", path != NULL);
    jsonw_kbool(w, "stateful", !l->sessions);
    jsonw_object_end(w);
    jsonw_object_end(w);
}

static int info(struct exchange *ex, struct err *err)
{
    uint64_t deadline = loop_clock() + VERSIONS_MS;
    (void)err;
    struct jsonw *w = reply_begin(ex, "Languages listed");
    jsonw_object(w);
    jsonw_key(w, "languages");
    jsonw_array(w);
    for (size_t i = 0; i < COUNT_OF(languages); i++)
        write_language(w, ex, &languages[i], deadline);
    jsonw_array_end(w);
    jsonw_object_end(w);
    reply_end(ex);
    return 0;
}

/* ---- rows ---- */

#define TEXT_AT(member) FIELD_TEXT, offsetof(struct code_input, member)

static const struct field execute_fields[] = {
    {"language", FIELD_CHOICE, offsetof(struct code_input, language), .required = true,
     .choices = language_names, .doc = "What the code is written in."},
    {"code", TEXT_AT(code), .required = true, .max = CODE_MAX, .doc = "The code."},
    {"timeout", FIELD_INT, offsetof(struct code_input, timeout), .min = CODE_MIN_SECONDS,
     .max = CODE_MAX_SECONDS, .doc = "Seconds the code may take; 30 when not given."},
    {"cwd", FIELD_PATH, offsetof(struct code_input, cwd), .doc = "Working directory."},
    {"stateful", FIELD_BOOL, offsetof(struct code_input, stateful), .fallback = "false",
     .doc = "Run in a session, where variables stay."},
    {"session_id", TEXT_AT(session_id), .max = IDENT_MAX,
     .doc = "The session to run in; an unknown one is made. Implies stateful."},
    FIELDS_END};

const struct route code_routes[] = {
    {"POST", "/v1/code/execute", SCOPE_EXEC, ROUTE_INLINE, execute,
     INPUT(execute_fields, struct code_input), BODY_JSON, CODE_BODY,
     .audit = {.action = "code.execute", .subject = "code", .session = "session_id"}, .tag = "code",
     .summary = "Run code in any of the languages that /v1/code/info lists."},
    {"GET", "/v1/code/info", SCOPE_READ, ROUTE_BLOCKING, info, .tag = "code",
     .summary = "The languages code can be run in."},
    ROUTES_END,
};
