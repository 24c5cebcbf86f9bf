/* The calls of one session: the queue, the time limit, and what became of them. */
#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "core/history.h"
#include "core/node_sessions_internal.h"

#define MESSAGE_CEILING (60 * MIB)
/* After its time a call is answered by the process itself; a child it waits for is interrupted
 * next; then all is killed. */
#define INTERRUPT_MS 60
#define KILL_MS      60

enum { STAGE_RUN, STAGE_INTERRUPTED };

struct code_logs {
    struct outlog out, errors;
    char *paths[2];
};

struct node_call {
    struct code_job job; /* first: they are one to whoever asked */
    struct node_call *next;
    struct node_call_spec spec; /* texts are in the job's arena */
    int64_t id;
    struct code_logs *logs;
    struct arena *told; /* of the answer's text */
};

/* ---- what is printed ---- */

static void logs_free(struct code_logs *logs)
{
    if (!logs)
        return;
    if (logs->paths[0])
        outlog_done(&logs->out);
    if (logs->paths[1])
        outlog_done(&logs->errors);
    free(logs->paths[0]);
    free(logs->paths[1]);
    free(logs);
}

static struct code_logs *logs_new(const char *dir)
{
    static const char *const suffixes[] = {"out", "err"};
    char name[IDENT_SIZE];
    struct code_logs *logs = calloc(1, sizeof *logs);
    ident_random(name, "");
    for (int i = 0; logs && i < 2; i++) {
        if (asprintf(&logs->paths[i], "%s/%s.%s", dir, name, suffixes[i]) < 0) {
            logs->paths[i] = NULL;
            logs_free(logs);
            return NULL;
        }
        outlog_init(i ? &logs->errors : &logs->out, logs->paths[i], CODE_OUTPUT_CEILING);
    }
    return logs;
}

/* From now on output belongs to `logs`, which may be NULL. */
static void redirect(struct node_session *s, struct code_logs *logs)
{
    if (s->worker)
        node_worker_set_output(s->worker, logs ? &logs->out : NULL, logs ? &logs->errors : NULL);
    s->logs = logs;
}

/* ---- one call ---- */

static void call_free(struct code_job *job)
{
    struct node_call *call = (struct node_call *)(void *)job;
    logs_free(call->logs);
    arena_free(call->told);
    arena_free(job->arena);
    free(call);
}

static struct text copy(struct arena *arena, struct text text, bool *failed)
{
    if (!text.p)
        return text;
    text.p = arena_copy(arena, text.p, text.n);
    *failed |= !text.p;
    return text;
}

static int call_new(struct node_session *s, const struct node_call_spec *spec,
                    struct node_call **ret_call, struct err *err)
{
    bool failed = false;
    struct node_call *call = calloc(1, sizeof *call);
    struct arena *arena = arena_new();
    if (!call || !arena) {
        free(call);
        arena_free(arena);
        return err_memory(err);
    }
    call->job = (struct code_job){.arena = arena, .jobs = s->table->jobs, .free = call_free};
    call->spec.timeout_ms = spec->timeout_ms;
    call->spec.code = copy(arena, spec->code, &failed);
    call->spec.stdin_text = copy(arena, spec->stdin_text, &failed);
    call->spec.cwd = copy(arena, spec->cwd, &failed);
    struct text_pair *files = arena_alloc(arena, (spec->files.n + 1) * sizeof *files);
    for (size_t i = 0; files && i < spec->files.n; i++)
        files[i] = (struct text_pair){copy(arena, spec->files.items[i].name, &failed),
                                      copy(arena, spec->files.items[i].value, &failed)};
    call->spec.files = (struct text_map){files, spec->files.n};
    if (!files || failed) {
        call_free(&call->job);
        return err_memory(err);
    }
    *ret_call = call;
    return 0;
}

static void start_next(struct node_session *s);

/* The call under way is over. Its worker, if any is left, has nothing to do. */
static void finish(struct node_session *s, enum code_status status, int exit_code,
                   const struct code_told *told, const char *note)
{
    struct node_call *call = s->current;
    struct code_outcome *o = &call->job.outcome;
    s->current = NULL;
    s->last_used_at = history_now();
    s->used_clock = loop_clock();
    timer_stop(s->timer);
    redirect(s, logs_new(s->table->output_dir));
    o->status = status;
    o->exit_code = exit_code;
    o->count = s->count;
    if (told)
        o->told = *told;
    if (note)
        o->note = arena_copy(call->job.arena, note, strlen(note));
    code_job_end(&call->job);
}

/* The session's process is no more; the next call hears of it. */
static void lose_worker(struct node_session *s, const char *why)
{
    node_worker_close(s->worker);
    s->worker = NULL;
    s->move = true; /* a new one begins in the workspace */
    (void)snprintf(s->lost, sizeof s->lost, "%s", why);
}

/* ---- what the process says ---- */

static void take_answer(struct node_session *s, const struct code_told *told)
{
    enum code_status status =
        told->status == CHOICE_ABSENT ? CODE_ERROR : (enum code_status)told->status;
    static const int codes[] = {
        [CODE_OK] = 0, [CODE_ERROR] = 1, [CODE_TIMEOUT] = CODE_TIMEOUT_EXIT};
    char *cwd = told->cwd.n ? strdup(told->cwd.p) : NULL;
    if (cwd && !s->move) {
        free(s->cwd);
        s->cwd = cwd;
    } else {
        free(cwd);
    }
    finish(s, status, codes[status], told,
           status == CODE_TIMEOUT ? "the time limit passed: the code was interrupted; the session "
                                    "and its state are kept"
                                  : s->current->job.outcome.note);
}

/* Code can write frames of its own: what is not the answer leaves nothing behind. */
static int on_said(void *arg, const char *json, size_t n)
{
    struct node_session *s = arg;
    struct node_call *call = s->current;
    struct code_told told = {.id = 0};
    struct err err = ERR_INIT;
    struct arena *arena = arena_new();
    if (!arena || code_told_decode(arena, json, n, &told, &err) < 0) {
        bool no_memory = !arena || err.kind == ERR_MEMORY;
        arena_free(arena);
        return no_memory ? -1 : 0; /* its time limit ends the call */
    }
    if (told.id == 0 && told.version.p)
        s->major = (int)strtol(told.version.p, NULL, 10);
    if (!call || told.id == 0 || told.id != call->id) {
        arena_free(arena);
        return 0;
    }
    call->told = arena;
    take_answer(s, &told);
    start_next(s);
    return 0;
}

static void on_ended(void *arg, struct exit_status status)
{
    struct node_session *s = arg;
    char why[128];
    struct code_told told = {.status = CHOICE_ABSENT};
    if (status.signaled)
        (void)snprintf(why, sizeof why, "the session's process was ended by signal %d%s",
                       status.signal, status.out_of_memory ? ": out of memory" : "");
    else
        (void)snprintf(why, sizeof why, "the session's process ended with exit code %d",
                       status.code);
    struct node_call *call = s->current;
    lose_worker(s, why);
    if (!call)
        return;
    told.ename = (struct text){"ProcessExit", strlen("ProcessExit")};
    told.evalue.p = arena_copy(call->job.arena, why, strlen(why));
    told.evalue.n = told.evalue.p ? strlen(why) : 0;
    const char *note =
        arena_printf(call->job.arena, "%s: its state is gone, the next call starts a new one", why);
    s->lost[0] = '\0'; /* told already */
    finish(s, status.code == 0 ? CODE_OK : CODE_ERROR, status.code, &told, note);
    start_next(s);
}

/* ---- its time ---- */

static void on_time(void *arg)
{
    struct node_session *s = arg;
    if (s->stage == STAGE_RUN) {
        s->stage = STAGE_INTERRUPTED;
        node_worker_interrupt(s->worker);
        timer_set(s->timer, KILL_MS);
        return;
    }
    lose_worker(s, "");
    finish(s, CODE_TIMEOUT, CODE_TIMEOUT_EXIT, NULL,
           "the time limit passed and the code could not be interrupted: the session's process was "
           "killed, its state is gone, the next call starts a new one");
    start_next(s);
}

/* ---- the queue ---- */

static void write_call(const struct node_session *s, const struct node_call *call,
                       struct bytes *out)
{
    struct jsonw w = jsonw_on(out);
    jsonw_object(&w);
    jsonw_kint(&w, "id", call->id);
    jsonw_ktext(&w, "code", call->spec.code.p, call->spec.code.n);
    jsonw_kint(&w, "deadline", (int64_t)(loop_clock() + call->spec.timeout_ms));
    if (s->move)
        jsonw_kstr(&w, "cwd", s->cwd);
    if (call->spec.files.n) {
        jsonw_key(&w, "files");
        code_files_write(&w, &call->spec.files);
    }
    jsonw_object_end(&w);
}

/* A process that is to be spoken to, and where it shall be. */
static int prepare(struct node_session *s, struct node_call *call, struct err *err)
{
    const struct node_worker_hooks hooks = {on_said, on_ended, s};
    if (call->spec.cwd.p && node_session_set_cwd(s, call->spec.cwd, err) < 0)
        return -1;
    if (s->worker)
        return 0;
    if (node_take_worker(s, &hooks, err) < 0)
        return -1;
    s->move = true;
    if (s->lost[0])
        call->job.outcome.note = arena_printf(
            call->job.arena,
            "%s since the last call: its state is gone, this call began in a new one", s->lost);
    s->lost[0] = '\0';
    return 0;
}

static int ask(struct node_session *s, struct node_call *call, struct err *err)
{
    cleanup_bytes struct bytes json = BYTES_INIT(MESSAGE_CEILING);
    if (prepare(s, call, err) < 0)
        return -1;
    write_call(s, call, &json);
    if (json.failed)
        return err_set(err, ERR_TOO_LARGE, "the code and its files are too large");
    /* What was printed since the last call is told with this one. */
    call->logs = s->logs ? s->logs : logs_new(s->table->output_dir);
    if (!call->logs)
        return err_memory(err);
    redirect(s, call->logs);
    call->job.out = &call->logs->out;
    call->job.errors = &call->logs->errors;
    if (node_worker_ask(s->worker, call->spec.stdin_text, &json, err) < 0)
        return -1;
    s->move = false;
    s->stage = STAGE_RUN;
    timer_set(s->timer, call->spec.timeout_ms + INTERRUPT_MS);
    return 0;
}

static void fail_current(struct node_session *s, const char *why)
{
    struct node_call *call = s->current;
    struct code_told told = {.status = CHOICE_ABSENT};
    told.ename = (struct text){"SessionError", strlen("SessionError")};
    told.evalue.p = arena_copy(call->job.arena, why, strlen(why));
    told.evalue.n = told.evalue.p ? strlen(why) : 0;
    finish(s, CODE_ERROR, 128 + SIGKILL, &told, why);
}

static void start_next(struct node_session *s)
{
    struct err err;
    while (!s->current && s->queue && !s->table->stopping) {
        struct node_call *call = s->queue;
        s->queue = call->next;
        if (!s->queue)
            s->queue_end = &s->queue;
        s->queued--;
        /* Whoever asked has left before its turn. */
        if (call->job.released) {
            code_job_end(&call->job);
            continue;
        }
        s->current = call;
        call->id = ++s->count;
        if (ask(s, call, &err) < 0)
            fail_current(s, err.text);
    }
    if (!s->current)
        node_keep_spare(s->table, s->node);
}

int node_session_call(struct node_session *s, const struct node_call_spec *spec,
                      struct code_job **ret_job, struct err *err)
{
    struct node_call *call = NULL;
    if (s->table->stopping)
        return err_set(err, ERR_UNAVAILABLE, "the gateway is stopping");
    if (s->queued >= NODE_MAX_QUEUED)
        return err_set(err, ERR_LIMIT, "%zu calls wait in this session, which is the limit",
                       s->queued);
    if (call_new(s, spec, &call, err) < 0)
        return -1;
    s->last_used_at = history_now();
    s->used_clock = loop_clock();
    *s->queue_end = call;
    s->queue_end = &call->next;
    s->queued++;
    *ret_job = &call->job;
    if (!s->current)
        start_next(s);
    return 0;
}

int node_calls_open(struct node_session *s, struct err *err)
{
    s->queue_end = &s->queue;
    return timer_open(s->table->loop, on_time, s, &s->timer, err);
}

void node_calls_close(struct node_session *s, const char *reason)
{
    node_worker_close(s->worker);
    s->worker = NULL;
    if (s->current)
        fail_current(s, reason);
    while (s->queue) {
        s->current = s->queue;
        s->queue = s->queue->next;
        fail_current(s, reason);
    }
    s->queue_end = &s->queue;
    s->queued = 0;
    timer_close(s->timer);
    s->timer = NULL;
    logs_free(s->logs);
    s->logs = NULL;
}
