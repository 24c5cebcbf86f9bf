/* core/code_job.h: code that was handed in to be run: what it printed, how it ended, who waits.
 *
 * Whoever runs it calls code_job_end() once; whoever asked for it calls code_job_release() once.
 * After both, it is freed on a later turn of the loop, so that both may still look at it where they
 * stand. Loop thread only. */
#ifndef SANDGATE_CORE_CODE_JOB_H
#define SANDGATE_CORE_CODE_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/observers.h"
#include "core/outlog.h"
#include "io/loop.h"

/* Kept, and answered, of one stream; the middle of more is dropped. */
#define CODE_OUTPUT_CEILING (8 * MIB)
/* What a shell says of a command that ran out of time (timeout(1)). */
#define CODE_TIMEOUT_EXIT 124

enum code_status { CODE_OK, CODE_ERROR, CODE_TIMEOUT };
extern const char *const code_status_names[];

/* What a runner tells in JSON; text is bounded by the runner and by its frame or file. */
struct code_told {
    int64_t id; /* of the call, where there are several */
    int status; /* enum code_status, or CHOICE_ABSENT */
    struct text value, ename, evalue, cwd, version;
    struct text_list traceback;
};

struct code_outcome {
    enum code_status status;
    int exit_code;
    int64_t count; /* calls of the session so far; INT_ABSENT without a session */
    struct code_told told;
    const char *note; /* what else the caller should know, or NULL */
};

struct code_jobs;

struct code_job {
    struct arena *arena;         /* of all text */
    struct outlog *out, *errors; /* borrowed from whoever runs it; NULL until it began */
    struct code_outcome outcome; /* once ended */
    struct observers observers;  /* told of the end */
    bool ended, released, buried;
    struct code_jobs *jobs;
    void (*free)(struct code_job *job);
    struct code_job *next_dead;
};

int code_jobs_open(struct loop *loop, struct code_jobs **ret_jobs, struct err *err) MUST_CHECK;
/* Frees what waits to be freed. NULL is fine. */
void code_jobs_close(struct code_jobs *jobs);

void code_job_end(struct code_job *job);
void code_job_release(struct code_job *job);

/* Decode what a runner told into `arena`. */
int code_told_decode(struct arena *arena, const char *json, size_t n, struct code_told *ret_told,
                     struct err *err) MUST_CHECK;

#endif
