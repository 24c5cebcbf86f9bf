#include "core/code_job.h"

#include <stdlib.h>

const char *const code_status_names[] = {"ok", "error", "timeout", NULL};

#define MAX_LINES 256
#define MAX_TEXT  ((int64_t)(2 * MIB))

struct code_jobs {
    struct timer *burial;
    struct code_job *dead;
};

static void bury_all(void *arg)
{
    struct code_jobs *jobs = arg;
    while (jobs->dead) {
        struct code_job *job = jobs->dead;
        jobs->dead = job->next_dead;
        job->free(job);
    }
}

int code_jobs_open(struct loop *loop, struct code_jobs **ret_jobs, struct err *err)
{
    struct code_jobs *jobs = calloc(1, sizeof *jobs);
    if (!jobs)
        return err_memory(err);
    if (timer_open(loop, bury_all, jobs, &jobs->burial, err) < 0) {
        free(jobs);
        return -1;
    }
    *ret_jobs = jobs;
    return 0;
}

void code_jobs_close(struct code_jobs *jobs)
{
    if (!jobs)
        return;
    bury_all(jobs);
    timer_close(jobs->burial);
    free(jobs);
}

static void bury_if_over(struct code_job *job)
{
    struct code_jobs *jobs = job->jobs;
    if (!job->ended || !job->released || job->buried)
        return;
    job->buried = true;
    job->next_dead = jobs->dead;
    jobs->dead = job;
    timer_set(jobs->burial, 0);
}

void code_job_end(struct code_job *job)
{
    if (job->ended)
        return;
    job->ended = true;
    observers_tell(&job->observers);
    bury_if_over(job);
}

void code_job_release(struct code_job *job)
{
    job->released = true;
    bury_if_over(job);
}

#define TEXT_AT(member) FIELD_TEXT, offsetof(struct code_told, member)

static const struct field told_fields[] = {
    {"id", FIELD_INT, offsetof(struct code_told, id), .fallback = "0"},
    {"status", FIELD_CHOICE, offsetof(struct code_told, status), .choices = code_status_names},
    {"value", TEXT_AT(value), .max = MAX_TEXT},
    {"ename", TEXT_AT(ename), .max = MAX_TEXT},
    {"evalue", TEXT_AT(evalue), .max = MAX_TEXT},
    {"traceback", FIELD_TEXT_LIST, offsetof(struct code_told, traceback), .max = MAX_LINES},
    {"cwd", TEXT_AT(cwd), .max = 4096},
    {"version", TEXT_AT(version), .max = 64},
    FIELDS_END};

int code_told_decode(struct arena *arena, const char *json, size_t n, struct code_told *ret_told,
                     struct err *err)
{
    cleanup_bytes struct bytes unknown = BYTES_INIT(1 * KIB);
    return json_decode(arena, json, n, told_fields, ret_told, sizeof *ret_told, &unknown, err);
}
