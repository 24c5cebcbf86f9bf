#include "core/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "core/history.h"

const char *const command_status_names[] = {"pending", "running", "completed", "timed_out",
                                            "killed"};

#define INPUT_CEILING (1 * MIB)
/* execve(2) takes 128 KiB per argument (MAX_ARG_STRLEN); longer scripts go by a file. */
#define MAX_ARGUMENT (120 * KIB)
/* A flood is read in turns with everyone else. */
#define READ_CHUNK       65536
#define READ_ROUNDS      8
#define KILL_GRACE_MS    2000
#define TIMEOUT_GRACE_MS 120

enum { STREAM_IN, STREAM_OUT, STREAM_ERRORS };

struct pipe_end {
    struct command *command;
    int fd; /* -1: closed */
    struct watch *watch;
};

struct command_inside {
    struct command_spec spec;
    char *cwd, *snapshot, *script;
    char *paths[2];
    struct child *child;
    pid_t pgid;
    struct pipe_end ends[3];
    struct bytes input;
    bool input_ends;
    struct timer *timer; /* the hard timeout, then the KILL after a TERM */
    bool killing;
    enum command_status verdict; /* what to report when it ends */
};

/* ---- pipes ---- */

static void close_end(struct command *c, int which)
{
    struct pipe_end *end = &c->inside->ends[which];
    watch_close(end->watch);
    end->watch = NULL;
    if (end->fd >= 0)
        (void)close(end->fd);
    end->fd = -1;
}

/* What can be read now, a bounded amount. Returns true when something was. */
static bool drain(struct command *c, int which, int rounds)
{
    struct pipe_end *end = &c->inside->ends[which];
    struct outlog *log = which == STREAM_OUT ? &c->out : &c->errors;
    static char chunk[READ_CHUNK]; /* loop thread only */
    bool any = false;
    for (int i = 0; i < rounds && end->fd >= 0; i++) {
        ssize_t n = read(end->fd, chunk, sizeof chunk);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n <= 0) {
            close_end(c, which);
            break;
        }
        outlog_append(log, chunk, (size_t)n);
        any = true;
    }
    return any;
}

static void on_output(void *arg, unsigned events)
{
    struct pipe_end *end = arg;
    struct command *c = end->command;
    (void)events;
    if (drain(c, (int)(end - c->inside->ends), READ_ROUNDS))
        observers_tell(&c->observers);
}

static void feed(struct command *c)
{
    struct command_inside *in = c->inside;
    struct pipe_end *end = &in->ends[STREAM_IN];
    while (end->fd >= 0 && in->input.len) {
        ssize_t n = write(end->fd, in->input.data, in->input.len);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n <= 0) {
            close_end(c, STREAM_IN);
            return;
        }
        bytes_consume(&in->input, (size_t)n);
    }
    if (!in->input.len && in->input_ends)
        close_end(c, STREAM_IN);
    if (end->watch)
        watch_set(end->watch, in->input.len ? WATCH_WRITE : 0);
}

static void on_input(void *arg, unsigned events)
{
    struct pipe_end *end = arg;
    (void)events;
    feed(end->command);
}

int command_write(struct command *c, const char *data, size_t n, bool end, struct err *err)
{
    struct command_inside *in = c->inside;
    if (in->ends[STREAM_IN].fd < 0 && c->status != COMMAND_PENDING)
        return err_set(err, ERR_CONFLICT, "the command no longer reads its standard input");
    if (bytes_add(&in->input, data, n) < 0) {
        in->input.failed = false;
        return err_set(err, ERR_LIMIT, "more than %zu bytes wait to be read by the command",
                       INPUT_CEILING);
    }
    in->input_ends |= end;
    feed(c);
    return 0;
}

/* ---- the end ---- */

bool command_ended(const struct command *c)
{
    return c->status > COMMAND_RUNNING;
}

static void finish(struct command *c, enum command_status status)
{
    struct command_inside *in = c->inside;
    c->status = status;
    c->ended_at = history_now();
    timer_close(in->timer);
    in->timer = NULL;
    close_end(c, STREAM_IN);
    if (in->script)
        (void)unlink(in->script);
    in->spec.ended(in->spec.arg, c);
    observers_tell(&c->observers);
}

static void on_exit_of(void *arg, struct exit_status status)
{
    struct command *c = arg;
    struct command_inside *in = c->inside;
    in->child = NULL;
    c->exit = status;
    c->exited = true;
    /* All that the process itself wrote is in the pipes by now (at most their 64 KiB each, unless
     * something in the background keeps writing). */
    (void)drain(c, STREAM_OUT, READ_ROUNDS);
    (void)drain(c, STREAM_ERRORS, READ_ROUNDS);
    /* A command that was ended takes its background children along. */
    if (in->killing)
        (void)kill(-in->pgid, SIGKILL);
    finish(c, in->verdict);
}

static void on_deadline(void *arg)
{
    struct command *c = arg;
    struct command_inside *in = c->inside;
    if (in->killing) {
        (void)kill(-in->pgid, SIGKILL);
        return;
    }
    in->killing = true;
    in->verdict = COMMAND_TIMED_OUT;
    (void)kill(-in->pgid, SIGTERM);
    (void)kill(-in->pgid, SIGCONT);
    timer_set(in->timer, TIMEOUT_GRACE_MS);
}

void command_signal(struct command *c, int signal)
{
    struct command_inside *in = c->inside;
    if (command_ended(c))
        return;
    if (c->status == COMMAND_PENDING) {
        finish(c, COMMAND_KILLED);
        return;
    }
    if (signal == SIGTERM || signal == SIGKILL) {
        in->killing = true;
        in->verdict = COMMAND_KILLED;
        timer_set(in->timer, signal == SIGKILL ? 0 : KILL_GRACE_MS);
    }
    (void)kill(-in->pgid, signal);
    (void)kill(-in->pgid, SIGCONT);
}

void command_end_now(struct command *c)
{
    struct command_inside *in = c->inside;
    if (command_ended(c))
        return;
    if (in->child) {
        child_disown(in->child);
        in->child = NULL;
        (void)kill(-in->pgid, SIGKILL);
    }
    finish(c, COMMAND_KILLED);
}

/* ---- the start ---- */

static int make_pipe(struct command *c, int which, int *ret_child, struct err *err)
{
    struct command_inside *in = c->inside;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(err, errno, "cannot make a pipe");
    int mine = which == STREAM_IN ? ends[1] : ends[0];
    *ret_child = which == STREAM_IN ? ends[0] : ends[1];
    (void)fcntl(mine, F_SETFL, O_NONBLOCK);
    in->ends[which].fd = mine;
    if (watch_open(in->spec.loop, mine, which == STREAM_IN ? on_input : on_output, &in->ends[which],
                   &in->ends[which].watch, err) < 0)
        return -1;
    return 0;
}

static int write_script(struct command *c, struct err *err)
{
    struct command_inside *in = c->inside;
    cleanup_close int fd = open(in->script, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t at = 0;
    while (fd >= 0 && at < c->text_length) {
        ssize_t n = write(fd, c->text + at, c->text_length - at);
        if (n <= 0)
            return err_errno(err, errno, "cannot keep the command's text");
        at += (size_t)n;
    }
    return fd < 0 ? err_errno(err, errno, "cannot keep the command's text") : 0;
}

/* bash -c TEXT; a snapshot is sourced through BASH_ENV, which the text then takes away again. */
static int spawn(struct command *c, const int stdio[3], struct err *err)
{
    struct command_inside *in = c->inside;
    struct arena *arena = arena_new();
    const char *text = c->text;
    if (!arena)
        return err_memory(err);
    if (c->text_length > MAX_ARGUMENT) {
        text = arena_printf(arena, ". '%s'", in->script);
        if (write_script(c, err) < 0) {
            arena_free(arena);
            return -1;
        }
    }
    if (in->snapshot && text)
        text = arena_printf(arena, "unset BASH_ENV; %s", text);
    const char *argv[] = {"/bin/bash", "-c", text, NULL};
    struct spawn_spec spec = {
        .argv = argv,
        .envp = in->spec.envp,
        .cwd = in->cwd,
        .stdio = {stdio[0], stdio[1], stdio[2]},
    };
    int r = text ? child_spawn(in->spec.children, &spec, on_exit_of, c, &in->child, err)
                 : err_memory(err);
    arena_free(arena);
    return r;
}

static void close_all(int fds[3])
{
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
}

int command_start(struct command *c, struct err *err)
{
    struct command_inside *in = c->inside;
    int stdio[3] = {-1, -1, -1};
    int r = 0;
    c->started_at = history_now();
    for (int i = 0; i < 3 && r == 0; i++)
        r = make_pipe(c, i, &stdio[i], err);
    if (r == 0)
        r = spawn(c, stdio, err);
    close_all(stdio);
    if (r < 0) {
        for (int i = 0; i < 3; i++)
            close_end(c, i);
        return -1;
    }
    in->pgid = child_pid(in->child);
    c->status = COMMAND_RUNNING;
    watch_set(in->ends[STREAM_OUT].watch, WATCH_READ);
    watch_set(in->ends[STREAM_ERRORS].watch, WATCH_READ);
    if (in->spec.hard_timeout_ms)
        timer_set(in->timer, in->spec.hard_timeout_ms);
    feed(c);
    return 0;
}

static const char *const *copy_environment(const char *const *envp)
{
    size_t n = 0, size = 0;
    for (; envp[n]; n++)
        size += strlen(envp[n]) + 1;
    /* One block: the pointers, then the text. */
    char **copy = malloc((n + 1) * sizeof *copy + size);
    if (!copy)
        return NULL;
    char *to = (char *)(copy + n + 1);
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(envp[i]) + 1;
        memcpy(to, envp[i], length);
        copy[i] = to;
        to += length;
    }
    copy[n] = NULL;
    return (const char *const *)copy;
}

static char *path_of(const struct command *c, const char *suffix)
{
    char *path = NULL;
    int n = asprintf(&path, "%s/%s.%s", c->inside->spec.output_dir, c->id, suffix);
    return n < 0 ? NULL : path;
}

static bool copy_spec(struct command *c, const struct command_spec *spec)
{
    struct command_inside *in = c->inside;
    in->spec = *spec;
    in->spec.envp = copy_environment(spec->envp);
    in->cwd = strdup(spec->cwd);
    in->snapshot = spec->snapshot ? strdup(spec->snapshot) : NULL;
    in->paths[0] = path_of(c, "out");
    in->paths[1] = path_of(c, "err");
    c->text_length = spec->text.n;
    c->text = malloc(spec->text.n + 1);
    if (c->text_length > MAX_ARGUMENT)
        in->script = path_of(c, "sh");
    if (!c->text || !in->spec.envp || !in->cwd || !in->paths[0] || !in->paths[1] ||
        (spec->snapshot && !in->snapshot) || (c->text_length > MAX_ARGUMENT && !in->script))
        return false;
    memcpy(c->text, spec->text.p, spec->text.n + 1);
    return true;
}

int command_new(const struct command_spec *spec, struct command **ret_command, struct err *err)
{
    struct command *c = calloc(1, sizeof *c);
    struct command_inside *in = calloc(1, sizeof *in);
    if (!c || !in) {
        free(c);
        free(in);
        return err_memory(err);
    }
    c->inside = in;
    in->input = bytes_with_limit(INPUT_CEILING);
    in->verdict = COMMAND_COMPLETED;
    for (int i = 0; i < 3; i++)
        in->ends[i] = (struct pipe_end){c, -1, NULL};
    ident_random(c->id, "");
    c->out.fd = c->errors.fd = -1;
    if (!copy_spec(c, spec) || timer_open(spec->loop, on_deadline, c, &in->timer, err) < 0) {
        command_free(c);
        return err_memory(err);
    }
    outlog_init(&c->out, in->paths[0], spec->output_ceiling);
    outlog_init(&c->errors, in->paths[1], spec->output_ceiling);
    *ret_command = c;
    return 0;
}

void command_free(struct command *c)
{
    if (!c)
        return;
    struct command_inside *in = c->inside;
    if (in->child) {
        child_disown(in->child);
        (void)kill(-in->pgid, SIGKILL);
    }
    for (int i = 0; i < 3; i++)
        close_end(c, i);
    timer_close(in->timer);
    outlog_done(&c->out);
    outlog_done(&c->errors);
    bytes_done(&in->input);
    free((void *)(uintptr_t)in->spec.envp);
    free(in->cwd);
    free(in->snapshot);
    free(in->script);
    free(in->paths[0]);
    free(in->paths[1]);
    free(in);
    free(c->text);
    free(c);
}
