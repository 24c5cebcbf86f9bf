#include "core/code_run.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "base/ident.h"
#include "base/log.h"
#include "core/command.h"

#define INPUT_CEILING  (64 * MIB)
#define RESULT_CEILING (2 * MIB)
#define TREE_FDS       16

struct code_runs {
    struct loop *loop;
    struct children *children;
    const struct config *config;
    const struct environment *environment;
    struct code_jobs *jobs;
    char *dir;
    size_t running;
    struct code_run *first;
    bool stopping;
};

struct code_run {
    struct code_job job; /* first: they are one to whoever asked */
    struct code_runs *table;
    struct code_run *next, **link;
    struct command *command;
    const char *room, *module; /* `module`: what a run of an ES module leaves in its directory */
    struct bytes result;
};

/* ---- rooms ---- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    (void)remove(path);
    return 0;
}

static void remove_tree(const char *path)
{
    (void)nftw(path, remove_one, TREE_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static int write_file(const char *path, const char *data, size_t n, struct err *err)
{
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    while (fd >= 0 && n) {
        ssize_t done = write(fd, data, n);
        if (done <= 0)
            return err_errno(err, errno, "cannot keep the code");
        data += done;
        n -= (size_t)done;
    }
    return fd < 0 ? err_errno(err, errno, "cannot keep the code") : 0;
}

static int write_input(const struct code_run *run, const struct code_run_spec *spec,
                       struct err *err)
{
    const char *path = arena_printf(run->job.arena, "%s/input", run->room);
    if (!path)
        return err_memory(err);
    if (!spec->runner)
        return write_file(path, spec->code.p, spec->code.n, err);
    cleanup_bytes struct bytes text = BYTES_INIT(INPUT_CEILING);
    struct jsonw w = jsonw_on(&text);
    jsonw_object(&w);
    jsonw_ktext(&w, "code", spec->code.p, spec->code.n);
    if (spec->files.n) {
        jsonw_key(&w, "files");
        code_files_write(&w, &spec->files);
    }
    jsonw_object_end(&w);
    return text.failed ? err_memory(err) : write_file(path, text.data, text.len, err);
}

/* *ret_cwd: where the code runs. */
static int make_room(struct code_run *run, const struct code_run_spec *spec, const char **ret_cwd,
                     struct err *err)
{
    char name[IDENT_SIZE];
    struct arena *arena = run->job.arena;
    ident_random(name, "");
    run->room = arena_printf(arena, "%s/%s", run->table->dir, name);
    *ret_cwd = spec->cwd ? spec->cwd : arena_printf(arena, "%s/%s/work", run->table->dir, name);
    if (!run->room || !*ret_cwd)
        return err_memory(err);
    run->module = arena_printf(arena, "%s/.%s.mjs", *ret_cwd, name);
    if (mkdir(run->room, 0700) < 0 || (!spec->cwd && mkdir(*ret_cwd, 0700) < 0))
        return err_errno(err, errno, "cannot make a directory for the code");
    return run->module ? write_input(run, spec, err) : err_memory(err);
}

/* ---- the end ---- */

static void run_free(struct code_job *job)
{
    struct code_run *run = (struct code_run *)(void *)job;
    command_free(run->command);
    bytes_done(&run->result);
    arena_free(job->arena);
    free(run);
}

static void unlink_run(struct code_run *run)
{
    *run->link = run->next;
    if (run->next)
        run->next->link = run->link;
    run->table->running--;
}

/* Worker. */
static void clear_room(void *arg)
{
    struct code_run *run = arg;
    char path[PATH_MAX], chunk[16384];
    ssize_t n;
    (void)snprintf(path, sizeof path, "%s/result", run->room);
    cleanup_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    while (fd >= 0 && (n = read(fd, chunk, sizeof chunk)) > 0)
        if (bytes_add(&run->result, chunk, (size_t)n) < 0)
            break;
    (void)unlink(run->module);
    remove_tree(run->room);
}

static void read_result(struct code_run *run)
{
    struct code_told told;
    struct err err;
    struct code_outcome *o = &run->job.outcome;
    if (run->result.failed || !run->result.len ||
        code_told_decode(run->job.arena, run->result.data, run->result.len, &told, &err) < 0)
        return;
    /* Code that dealt with the error itself and went on has not failed by it. */
    if (o->status == CODE_OK)
        told.ename = (struct text){0};
    else
        told.value = (struct text){0};
    o->told = told;
}

static void on_cleared(void *arg)
{
    struct code_run *run = arg;
    const struct command *c = run->command;
    struct code_outcome *o = &run->job.outcome;
    o->count = INT_ABSENT;
    o->told.status = CHOICE_ABSENT;
    o->exit_code = c->exited ? c->exit.code : 128 + SIGKILL;
    o->status = o->exit_code == 0 ? CODE_OK : CODE_ERROR;
    if (c->status == COMMAND_TIMED_OUT) {
        o->status = CODE_TIMEOUT;
        o->exit_code = CODE_TIMEOUT_EXIT;
    } else {
        read_result(run);
    }
    unlink_run(run);
    code_job_end(&run->job);
}

static void on_ended(void *arg, struct command *command)
{
    struct code_run *run = arg;
    struct err err;
    (void)command;
    if (loop_offload(run->table->loop, clear_room, on_cleared, run, &err) == 0)
        return;
    clear_room(run);
    on_cleared(run);
}

/* ---- the start ---- */

/* 'it'\''s' */
static void add_quoted(struct bytes *out, const char *word)
{
    (void)bytes_addc(out, '\'');
    for (; *word; word++)
        (void)(*word == '\'' ? bytes_adds(out, "'\\''") : bytes_addc(out, *word));
    (void)bytes_adds(out, "' ");
}

static const char *command_line(const struct code_run *run, const struct code_run_spec *spec)
{
    struct arena *arena = run->job.arena;
    cleanup_bytes struct bytes line = BYTES_INIT((size_t)4 * PATH_MAX);
    (void)bytes_adds(&line, "exec ");
    add_quoted(&line, spec->program);
    const char *script =
        spec->runner ? arena_printf(arena, "%s/%s", run->table->config->services_dir, spec->runner)
                     : arena_printf(arena, "%s/input", run->room);
    if (!script)
        return NULL;
    add_quoted(&line, script);
    if (spec->runner)
        add_quoted(&line, run->room);
    return bytes_text(&line) ? arena_copy(arena, line.data, line.len) : NULL;
}

static int start(struct code_run *run, const struct code_run_spec *spec, struct err *err)
{
    struct code_runs *t = run->table;
    const char *cwd;
    if (make_room(run, spec, &cwd, err) < 0)
        return -1;
    const char *line = command_line(run, spec);
    struct command_spec command = {
        .loop = t->loop,
        .children = t->children,
        .output_dir = run->room,
        .output_ceiling = CODE_OUTPUT_CEILING,
        .text = {line, line ? strlen(line) : 0},
        .cwd = cwd,
        .envp = environment_with(t->environment, run->job.arena, NULL),
        .hard_timeout_ms = spec->timeout_ms,
        .ended = on_ended,
        .arg = run,
    };
    if (!line || !command.envp)
        return err_memory(err);
    if (command_new(&command, &run->command, err) < 0 ||
        command_write(run->command, spec->stdin_text.p ? spec->stdin_text.p : "",
                      spec->stdin_text.n, true, err) < 0)
        return -1;
    return command_start(run->command, err);
}

int code_run_start(struct code_runs *t, const struct code_run_spec *spec, struct code_job **ret_job,
                   struct err *err)
{
    if (t->stopping)
        return err_set(err, ERR_UNAVAILABLE, "the gateway is stopping");
    if (t->running >= CODE_MAX_RUNS)
        return err_set(err, ERR_LIMIT, "%zu programs are running, which is the limit", t->running);
    struct code_run *run = calloc(1, sizeof *run);
    struct arena *arena = arena_new();
    if (!run || !arena) {
        free(run);
        arena_free(arena);
        return err_memory(err);
    }
    run->table = t;
    run->result = bytes_with_limit(RESULT_CEILING);
    run->job = (struct code_job){.arena = arena, .jobs = t->jobs, .free = run_free};
    if (start(run, spec, err) < 0) {
        if (run->room)
            remove_tree(run->room);
        run_free(&run->job);
        return -1;
    }
    run->job.out = &run->command->out;
    run->job.errors = &run->command->errors;
    run->next = t->first;
    if (run->next)
        run->next->link = &run->next;
    run->link = &t->first;
    t->first = run;
    t->running++;
    *ret_job = &run->job;
    return 0;
}

/* ---- the table ---- */

int code_runs_open(struct loop *loop, struct children *children, const struct config *config,
                   const struct environment *environment, struct code_jobs *jobs,
                   struct code_runs **ret_runs, struct err *err)
{
    struct code_runs *t = calloc(1, sizeof *t);
    if (!t)
        return err_memory(err);
    *t = (struct code_runs){.loop = loop,
                            .children = children,
                            .config = config,
                            .environment = environment,
                            .jobs = jobs};
    if (asprintf(&t->dir, "%s/code", config->state) < 0)
        t->dir = NULL;
    /* What a killed gateway left there is nobody's. */
    if (t->dir)
        remove_tree(t->dir);
    if (!t->dir || mkdir(t->dir, 0700) < 0) {
        int why = errno;
        code_runs_close(t);
        return err_errno(err, why, "cannot make the directory for code");
    }
    *ret_runs = t;
    return 0;
}

void code_runs_stop(struct code_runs *t)
{
    t->stopping = true;
    for (struct code_run *run = t->first, *next; run; run = next) {
        next = run->next;
        command_end_now(run->command);
    }
}

int code_runs_idle(void *arg)
{
    const struct code_runs *t = arg;
    return t->running == 0;
}

void code_runs_close(struct code_runs *t)
{
    if (!t)
        return;
    free(t->dir);
    free(t);
}
