/* The calls of one session: the queue, the time limit, and what became of them. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/log.h"
#include "core/code_run.h"
#include "core/history.h"
#include "core/jupyter_sessions_internal.h"

#define CONTENT_MAX (40 * MIB)
/* After its time code is interrupted; it is answered when it has stopped, or after this. */
#define INTERRUPT_MS 200
/* Code that goes on after that has so long until its kernel is killed. */
#define LATE_MS 3000
/* A kernel that answered and yet never says that it is idle has lost that message. */
#define IDLE_MS 2000

enum { STAGE_START, STAGE_RUN, STAGE_INTERRUPTED, STAGE_ANSWERED, STAGE_LATE };

/* ---- one call ---- */

static void call_free(struct code_job *job)
{
    struct jupyter_call *call = (struct jupyter_call *)(void *)job;
    kernel_outputs_done(&call->outputs);
    arena_free(job->arena);
    free(call);
}

static int call_new(struct jupyter_session *s, const struct jupyter_call_spec *spec,
                    struct jupyter_call **ret_call, struct err *err)
{
    struct jupyter_call *call = calloc(1, sizeof *call);
    struct arena *arena = arena_new();
    if (!call || !arena) {
        free(call);
        arena_free(arena);
        return err_memory(err);
    }
    call->job = (struct code_job){.arena = arena, .jobs = s->table->jobs, .free = call_free};
    call->job.outcome.count = INT_ABSENT;
    call->timeout_ms = spec->timeout_ms;
    call->code = (struct text){arena_copy(arena, spec->code.p, spec->code.n), spec->code.n};
    if (spec->cwd.p)
        call->cwd = (struct text){arena_copy(arena, spec->cwd.p, spec->cwd.n), spec->cwd.n};
    if (!call->code.p || (spec->cwd.p && !call->cwd.p)) {
        call_free(&call->job);
        return err_memory(err);
    }
    *ret_call = call;
    return 0;
}

static void start_next(struct jupyter_session *s);

/* The call under way is over; the kernel may still be at it. */
static void finish(struct jupyter_session *s, enum code_status status, int exit_code,
                   const char *note)
{
    struct jupyter_call *call = s->current;
    struct code_outcome *o = &call->job.outcome;
    s->current = NULL;
    s->last_used_at = history_now();
    s->used_clock = loop_clock();
    timer_stop(s->timer);
    o->status = status;
    o->exit_code = exit_code;
    if (note)
        o->note = arena_copy(call->job.arena, note, strlen(note));
    code_job_end(&call->job);
}

/* The session's kernel is no more; the next call hears of it. */
static void lose_kernel(struct jupyter_session *s, const char *why)
{
    kernel_close(s->kernel, false);
    s->kernel = NULL;
    s->late[0] = '\0';
    (void)snprintf(s->lost, sizeof s->lost, "%s", why);
}

static void fail_current(struct jupyter_session *s, const char *ename, const char *why,
                         const char *note)
{
    kernel_outputs_fail(&s->current->outputs, ename, why);
    finish(s, CODE_ERROR, 1, note);
}

/* ---- what the kernel says ---- */

/* A session of one call has had it. */
static void go_on(struct jupyter_session *s)
{
    start_next(s);
    if (s->once && !s->current && !s->queue)
        jupyter_session_end(s, "");
}

static void settle(struct jupyter_session *s)
{
    struct jupyter_call *call = s->current;
    if (!call->answered)
        return;
    if (!call->idle) {
        s->stage = s->stage == STAGE_RUN ? STAGE_ANSWERED : s->stage;
        timer_set(s->timer, IDLE_MS);
        return;
    }
    if (s->stage == STAGE_INTERRUPTED)
        finish(s, CODE_TIMEOUT, CODE_TIMEOUT_EXIT,
               "the time limit passed: the code was interrupted; the session and its state are "
               "kept");
    else
        finish(s, call->failed ? CODE_ERROR : CODE_OK, call->failed, call->job.outcome.note);
    go_on(s);
}

static void take_reply(struct jupyter_call *call, const struct kernel_message *m)
{
    cleanup_bytes struct bytes status = BYTES_INIT(64);
    (void)kernel_string(m->content, "status", &status);
    const char *text = bytes_text(&status);
    call->answered = true;
    call->failed = !text || strcmp(text, "ok") != 0;
    call->job.outcome.count = kernel_int(m->content, "execution_count");
}

static bool says_idle(const struct kernel_message *m)
{
    cleanup_bytes struct bytes state = BYTES_INIT(64);
    if (!kernel_text_is(m->type, "status") || !kernel_string(m->content, "execution_state", &state))
        return false;
    const char *text = bytes_text(&state);
    return text && strcmp(text, "idle") == 0;
}

/* Code that had passed its time has come to its end after all. */
static void end_late(struct jupyter_session *s)
{
    s->late[0] = '\0';
    timer_stop(s->timer);
    start_next(s);
}

static void on_message(void *arg, enum kernel_channel channel, const struct kernel_message *m)
{
    struct jupyter_session *s = arg;
    struct jupyter_call *call = s->current;
    bool ours = call && call->id[0] && kernel_text_is(m->parent, call->id);
    if (channel == KERNEL_IOPUB && !says_idle(m)) {
        kernel_outputs_take(call ? &call->outputs : &s->between, m);
    } else if (channel == KERNEL_IOPUB && s->late[0] && kernel_text_is(m->parent, s->late)) {
        end_late(s);
    } else if (ours && channel == KERNEL_IOPUB) {
        call->idle = true;
        settle(s);
    } else if (ours && channel == KERNEL_SHELL && kernel_text_is(m->type, "execute_reply")) {
        take_reply(call, m);
        settle(s);
    }
}

static void on_ended(void *arg, const char *why)
{
    struct jupyter_session *s = arg;
    struct jupyter_call *call = s->current;
    bool late = s->late[0] != '\0';
    lose_kernel(s, why);
    if (!call) {
        if (late)
            end_late(s);
        return;
    }
    s->lost[0] = '\0'; /* told here and now */
    const char *note =
        arena_printf(call->job.arena, "%s: its state is gone, the next call starts a new one", why);
    if (s->stage == STAGE_INTERRUPTED)
        finish(s, CODE_TIMEOUT, CODE_TIMEOUT_EXIT, note);
    else
        fail_current(s, "DeadKernelError", why, note);
    go_on(s);
}

/* ---- its time ---- */

static void on_overdue(struct jupyter_session *s)
{
    struct jupyter_call *call = s->current;
    (void)snprintf(s->late, sizeof s->late, "%s", call->id);
    s->stage = STAGE_LATE;
    finish(s, CODE_TIMEOUT, CODE_TIMEOUT_EXIT,
           "the time limit passed, and the code has not stopped at the interrupt: unless it does "
           "within three seconds, the session's kernel is killed and its state is gone");
    timer_set(s->timer, LATE_MS);
    if (s->once)
        jupyter_session_end(s, "");
}

static void on_time(void *arg)
{
    struct jupyter_session *s = arg;
    switch (s->stage) {
    case STAGE_START:
        lose_kernel(s, "");
        fail_current(s, "KernelStartError", "the kernel did not start in time", NULL);
        go_on(s);
        break;
    case STAGE_RUN:
        s->stage = STAGE_INTERRUPTED;
        kernel_interrupt(s->kernel);
        timer_set(s->timer, INTERRUPT_MS);
        break;
    case STAGE_INTERRUPTED:
        on_overdue(s);
        break;
    case STAGE_ANSWERED:
        s->current->idle = true;
        s->current->outputs.cut = true;
        settle(s);
        break;
    default:
        lose_kernel(s, "the session's kernel was killed after code had passed its time limit");
        start_next(s);
        break;
    }
}

/* ---- the queue ---- */

static void write_execute(struct bytes *out, struct text code, bool silent)
{
    struct jsonw w = jsonw_on(out);
    jsonw_object(&w);
    jsonw_ktext(&w, "code", code.p, code.n);
    jsonw_kbool(&w, "silent", silent);
    jsonw_kbool(&w, "store_history", !silent);
    jsonw_key(&w, "user_expressions");
    jsonw_object(&w);
    jsonw_object_end(&w);
    jsonw_kbool(&w, "allow_stdin", false);
    jsonw_kbool(&w, "stop_on_error", false);
    jsonw_object_end(&w);
}

static int execute(struct kernel *kernel, struct text code, bool silent, char id[IDENT_SIZE],
                   struct err *err)
{
    cleanup_bytes struct bytes content = BYTES_INIT(CONTENT_MAX);
    write_execute(&content, code, silent);
    if (content.failed)
        return err_set(err, ERR_TOO_LARGE, "the code is too large");
    return kernel_send(kernel, KERNEL_SHELL, "execute_request",
                       (struct text){content.data, content.len}, id, err);
}

/* What jsonw makes of a text is a string of Python as well. */
static int move(struct jupyter_session *s, struct err *err)
{
    cleanup_bytes struct bytes code = BYTES_INIT(64 * KIB);
    char id[IDENT_SIZE];
    struct jsonw w = jsonw_on(&code);
    (void)bytes_adds(&code, "__import__('os').chdir(");
    jsonw_str(&w, s->cwd);
    (void)bytes_adds(&code, ")");
    s->move = false;
    return execute(s->kernel, (struct text){code.data, code.len}, true, id, err);
}

/* The kernel is ready: the code's time begins. */
static int begin(struct jupyter_session *s, struct err *err)
{
    struct jupyter_call *call = s->current;
    if (s->move && move(s, err) < 0)
        return -1;
    /* What was shown since the last call is told with this one. */
    call->outputs = s->between;
    s->between = (struct kernel_outputs){.items = NULL};
    if (execute(s->kernel, call->code, false, call->id, err) < 0)
        return -1;
    s->stage = STAGE_RUN;
    timer_set(s->timer, call->timeout_ms);
    return 0;
}

/* The first traceback of a Python kernel takes a third of a second, which an interrupt has not got:
 * make one while nobody waits. */
void jupyter_warm_up(struct kernel *kernel, const struct kernel_spec *spec)
{
    static const char code[] =
        "def __warm_up():\n"
        "    import sys\n"
        "    try:\n"
        "        1 / 0\n"
        "    except ZeroDivisionError:\n"
        "        get_ipython().InteractiveTB.structured_traceback(*sys.exc_info())\n"
        "try:\n"
        "    __warm_up()\n"
        "finally:\n"
        "    del __warm_up\n";
    char id[IDENT_SIZE];
    struct err err;
    if (spec->python && execute(kernel, (struct text){code, sizeof code - 1}, true, id, &err) < 0)
        log_debug("jupyter: %s", err.text);
}

static void on_ready(void *arg)
{
    struct jupyter_session *s = arg;
    struct err err;
    if (!s->current) {
        jupyter_warm_up(s->kernel, &s->spec);
        return;
    }
    if (begin(s, &err) == 0)
        return;
    fail_current(s, "SessionError", err.text, NULL);
    go_on(s);
}

static int set_cwd(struct jupyter_session *s, struct text cwd, struct err *err)
{
    if (!cwd.p || strcmp(cwd.p, s->cwd) == 0) {
        s->move |= cwd.p && s->kernel;
        return 0;
    }
    if (code_cwd_check(cwd, err) < 0)
        return -1;
    if (s->kernel && !s->spec.python)
        return err_field(err, "cwd", "field 'cwd': a kernel of %s cannot be moved", s->spec.name);
    char *path = strdup(cwd.p);
    if (!path)
        return err_memory(err);
    free(s->cwd);
    s->cwd = path;
    s->move = true;
    return 0;
}

static int ensure_kernel(struct jupyter_session *s, struct err *err)
{
    const struct kernel_hooks hooks = {on_ready, on_message, on_ended, s};
    if (s->kernel)
        return 0;
    return jupyter_take_kernel(s, &hooks, err);
}

static int ask(struct jupyter_session *s, struct jupyter_call *call, struct err *err)
{
    if (set_cwd(s, call->cwd, err) < 0 || ensure_kernel(s, err) < 0)
        return -1;
    if (s->lost[0])
        call->job.outcome.note = arena_printf(
            call->job.arena,
            "%s since the last call: its state is gone, this call began in a new one", s->lost);
    s->lost[0] = '\0';
    if (kernel_ready(s->kernel))
        return begin(s, err);
    s->stage = STAGE_START;
    timer_set(s->timer, KERNEL_START_MS + 1000);
    return 0;
}

static void start_next(struct jupyter_session *s)
{
    struct err err;
    while (!s->current && !s->late[0] && s->queue && !s->table->stopping) {
        struct jupyter_call *call = s->queue;
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
        if (ask(s, call, &err) < 0)
            fail_current(s, "SessionError", err.text, err.text);
    }
    if (!s->current)
        jupyter_keep_spare(s->table, &s->spec);
}

int jupyter_session_call(struct jupyter_session *s, const struct jupyter_call_spec *spec,
                         struct jupyter_call **ret_call, struct err *err)
{
    struct jupyter_call *call = NULL;
    if (s->table->stopping)
        return err_set(err, ERR_UNAVAILABLE, "the gateway is stopping");
    if (s->queued >= JUPYTER_MAX_QUEUED)
        return err_set(err, ERR_LIMIT, "%zu calls wait in this session, which is the limit",
                       s->queued);
    if (call_new(s, spec, &call, err) < 0)
        return -1;
    s->last_used_at = history_now();
    s->used_clock = loop_clock();
    *s->queue_end = call;
    s->queue_end = &call->next;
    s->queued++;
    *ret_call = call;
    if (!s->current)
        go_on(s);
    return 0;
}

void jupyter_session_warm(struct jupyter_session *s)
{
    struct err err;
    if (ensure_kernel(s, &err) < 0)
        return;
    s->stage = STAGE_START;
}

int jupyter_calls_open(struct jupyter_session *s, struct err *err)
{
    s->queue_end = &s->queue;
    return timer_open(s->table->loop, on_time, s, &s->timer, err);
}

void jupyter_calls_close(struct jupyter_session *s, const char *reason)
{
    bool idle = !s->current && !s->late[0] && !s->once && !s->table->stopping;
    kernel_close(s->kernel, idle);
    s->kernel = NULL;
    if (s->current)
        fail_current(s, "SessionError", reason, reason);
    while (s->queue) {
        s->current = s->queue;
        s->queue = s->queue->next;
        fail_current(s, "SessionError", reason, reason);
    }
    s->queue_end = &s->queue;
    s->queued = 0;
    timer_close(s->timer);
    s->timer = NULL;
    kernel_outputs_done(&s->between);
}
