/* core/code_run.h: code run once, in a process of its own.
 *
 * Each run has a room below the state directory: what its runner reads (`input`) and tells
 * (`result`), its output logs, and, where no directory was asked for, a fresh one to run in. The
 * room goes when the run has ended. Loop thread only. */
#ifndef SANDGATE_CORE_CODE_RUN_H
#define SANDGATE_CORE_CODE_RUN_H

#include "core/code_job.h"
#include "core/config.h"
#include "core/environment.h"
#include "io/spawn.h"

#define CODE_MAX_RUNS 64

struct code_runs;

struct code_run_spec {
    const char *program; /* the interpreter, an absolute path */
    /* Below the services folder, started with the room as its argument; NULL: the program reads
     * the code itself, as a file. */
    const char *runner;
    struct text code;
    struct text stdin_text; /* p NULL: an empty input */
    struct text_map files;  /* relative names, checked */
    const char *cwd;        /* NULL: a fresh directory */
    uint64_t timeout_ms;
};

int code_runs_open(struct loop *loop, struct children *children, const struct config *config,
                   const struct environment *environment, struct code_jobs *jobs,
                   struct code_runs **ret_runs, struct err *err) MUST_CHECK;
/* Ends every run. */
void code_runs_stop(struct code_runs *runs);
/* 1 when none is left, their rooms included: code_runs_close() needs that. */
int code_runs_idle(void *runs);
void code_runs_close(struct code_runs *runs);

/* *ret_job is released by the caller. */
int code_run_start(struct code_runs *runs, const struct code_run_spec *spec,
                   struct code_job **ret_job, struct err *err) MUST_CHECK;

/* 0 when every name is relative and stays below where it is put. */
int code_files_check(const struct text_map *files, struct err *err) MUST_CHECK;
/* {"name": "content", …} */
void code_files_write(struct jsonw *w, const struct text_map *files);
/* 0 when `cwd` is absent or a directory; else the field is named. */
int code_cwd_check(struct text cwd, struct err *err) MUST_CHECK;

#endif
