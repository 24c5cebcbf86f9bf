/* Waiting for code that runs, and telling what became of it. */
#include <string.h>

#include "api/code.h"
#include "api/wait.h"
#include "base/mem.h"
#include "http/envelope.h"

struct code_wait {
    struct wait wait;
    const struct code_request *request;
};

/* ---- outputs, in the shapes of a notebook ---- */

static void write_stream(struct jsonw *w, const char *name, const struct bytes *text)
{
    if (!text->len)
        return;
    jsonw_object(w);
    jsonw_kstr(w, "output_type", "stream");
    jsonw_kstr(w, "name", name);
    jsonw_ktext(w, "text", text->data, text->len);
    jsonw_object_end(w);
}

static void write_value(struct jsonw *w, const struct code_outcome *o)
{
    if (!o->told.value.p)
        return;
    jsonw_object(w);
    jsonw_kstr(w, "output_type", "execute_result");
    jsonw_key(w, "data");
    jsonw_object(w);
    jsonw_ktext(w, "text/plain", o->told.value.p, o->told.value.n);
    jsonw_object_end(w);
    jsonw_key(w, "metadata");
    jsonw_object(w);
    jsonw_object_end(w);
    jsonw_object_end(w);
}

static void write_traceback(struct jsonw *w, const struct code_told *told)
{
    jsonw_key(w, "traceback");
    jsonw_array(w);
    for (size_t i = 0; i < told->traceback.n; i++)
        jsonw_text(w, told->traceback.items[i].p, told->traceback.items[i].n);
    jsonw_array_end(w);
}

static void write_error(struct jsonw *w, const struct code_told *told)
{
    if (!told->ename.p)
        return;
    jsonw_object(w);
    jsonw_kstr(w, "output_type", "error");
    jsonw_ktext(w, "ename", told->ename.p, told->ename.n);
    jsonw_ktext(w, "evalue", told->evalue.p ? told->evalue.p : "", told->evalue.n);
    write_traceback(w, told);
    jsonw_object_end(w);
}

/* ---- the answer ---- */

/* False when some of the middle is missing. */
static bool read_log(struct outlog *log, struct bytes *text)
{
    bool cut = false;
    if (log)
        outlog_excerpt(log, CODE_OUTPUT_CEILING, text, &cut);
    return !cut;
}

static void write_body(struct jsonw *w, const struct code_request *rq, const struct code_job *job,
                       const struct bytes *out, const struct bytes *errors)
{
    const struct code_outcome *o = &job->outcome;
    jsonw_object(w);
    jsonw_kstr(w, "language", rq->language);
    jsonw_kstr(w, "status", code_status_names[o->status]);
    if (rq->nodejs && o->count != INT_ABSENT)
        jsonw_kint(w, "execution_count", o->count);
    jsonw_key(w, "outputs");
    jsonw_array(w);
    write_stream(w, "stdout", out);
    write_stream(w, "stderr", errors);
    write_value(w, o);
    write_error(w, &o->told);
    jsonw_array_end(w);
    jsonw_ktext(w, "code", rq->code.p, rq->code.n);
    jsonw_kbytes(w, "stdout", out);
    jsonw_kbytes(w, "stderr", errors);
    jsonw_kint(w, "exit_code", o->exit_code);
    if (!rq->nodejs && o->told.ename.p)
        write_traceback(w, &o->told);
    jsonw_kstr(w, "session_id", rq->session_id[0] ? rq->session_id : NULL);
    jsonw_object_end(w);
}

static void reply(struct wait *wait)
{
    static const char *const messages[] = {[CODE_OK] = "Code executed",
                                           [CODE_ERROR] = "Code executed, and failed",
                                           [CODE_TIMEOUT] = "Code execution timed out"};
    const struct code_wait *cw = (const struct code_wait *)(const void *)wait;
    const struct code_job *job = wait->subject;
    cleanup_bytes struct bytes out = BYTES_INIT(CODE_OUTPUT_CEILING + 4 * KIB);
    cleanup_bytes struct bytes errors = BYTES_INIT(CODE_OUTPUT_CEILING + 4 * KIB);
    bool whole = read_log(job->out, &out);
    whole &= read_log(job->errors, &errors);
    struct jsonw *w = reply_begin(wait->ex, messages[job->outcome.status]);
    write_body(w, cw->request, job, &out, &errors);
    exchange_audit_exit(wait->ex, job->outcome.exit_code);
    if (job->outcome.note)
        reply_hint(wait->ex, job->outcome.note);
    else if (!whole)
        reply_hint(wait->ex, "the middle of the output is left out");
    reply_end(wait->ex);
}

static bool enough(struct wait *wait)
{
    const struct code_job *job = wait->subject;
    return job->ended;
}

static void over(struct wait *wait)
{
    code_job_release(wait->subject);
}

int code_answer(struct exchange *ex, const struct code_request *request, struct code_job *job,
                struct err *err)
{
    struct code_wait *cw = arena_alloc(exchange_arena(ex), sizeof *cw);
    if (!cw) {
        code_job_release(job);
        return err_memory(err);
    }
    cw->request = request;
    cw->wait =
        (struct wait){.ex = ex, .subject = job, .enough = enough, .reply = reply, .over = over};
    return wait_start(&cw->wait, &job->observers, WAIT_FOREVER_MS, err);
}
