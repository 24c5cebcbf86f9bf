/* core/shell.h: one terminal session: a PTY, an interactive bash, its scrollback, its viewers.
 *
 * The session outlives its bash and its viewers. Commands given through the API run in the living
 * shell (shell_hooks.bash tells how), one after another; what they print is drawn apart from the
 * rest of the terminal at two moments when the shell waits for our leave: just before and just
 * after the command. At those moments everything the shell wrote can be read from the PTY's master,
 * because read(2) there flushes the line discipline's pending work (n_tty_read in Linux ≥ 4.5).
 *
 * If bash ends, the session stays: the next command starts a fresh one in the same directory.
 * Loop thread only. */
#ifndef SANDGATE_CORE_SHELL_H
#define SANDGATE_CORE_SHELL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ident.h"
#include "base/json.h"
#include "base/observers.h"
#include "core/outlog.h"
#include "core/pty.h"
#include "io/loop.h"
#include "io/spawn.h"

#define SHELL_MAX_QUEUED 64

enum run_status {
    RUN_RUNNING, /* also: waits for its turn */
    RUN_COMPLETED,
    RUN_NO_CHANGE, /* only ever said to one caller: the command goes on */
    RUN_HARD_TIMEOUT,
    RUN_TERMINATED,
};
extern const char *const run_status_names[];

/* One command in a session, or (implicit) whatever an input written to the idle shell led to. */
struct shell_run {
    char id[IDENT_SIZE];
    char *text;
    size_t text_length;
    enum run_status status;
    bool has_code;
    int exit_code;
    bool implicit;
    char *prompt;                 /* what stood before it: user@host:dir$ */
    int64_t started_at, ended_at; /* ms since the epoch */
    uint64_t changed_at;          /* loop_clock() of the last output */
    struct outlog out;            /* with \n line ends */
    struct observers observers;   /* told of output and of the end */
    unsigned attended;            /* callers waiting for its end */
    /* shell.c's */
    struct shell_run *next; /* later one of the same list */
    bool held_cr, killed, begun;
    unsigned attempts; /* times it was typed */
    enum run_status verdict;
    uint64_t hard_timeout_ms;
    char *log_path;
};

struct shell;
struct viewer;

struct shell_spec {
    struct loop *loop;
    struct children *children;
    const char *dir;        /* of this session: its FIFOs and files; made and removed here */
    const char *output_dir; /* for logs that grow */
    uint64_t output_ceiling;
    const char *const *envp;
    const char *working_dir;
    struct pty_size size; /* 0: a usual one */
    void (*run_began)(void *arg, const struct shell_run *run);
    void (*run_ended)(void *arg, struct shell_run *run);
    void *arg;
};

int shell_new(const struct shell_spec *spec, struct shell **ret_shell, struct err *err) MUST_CHECK;
/* Ends everything in the terminal, tells runs and viewers, frees. NULL is fine. `why` is a constant
 * and told to viewers. */
void shell_free(struct shell *shell, const char *why);

const char *shell_working_dir(const struct shell *shell);
bool shell_alive(const struct shell *shell);
/* A command runs, or waits, or a program holds the terminal. */
bool shell_busy(const struct shell *shell);
/* The command that runs (or is about to), else the newest that ended, else NULL. */
struct shell_run *shell_run_now(const struct shell *shell);
/* Ended commands that are still kept, oldest first: each leads to the next. */
struct shell_run *shell_runs_past(const struct shell *shell);
bool shell_run_ended(const struct shell_run *run);
size_t shell_viewer_count(const struct shell *shell);

/* Run `text`, now or behind a command that somebody waits for. ERR_CONFLICT when the session is
 * occupied by one that was left running. `hard_timeout_ms` 0: none. The run stays valid until the
 * next one has ended. */
int shell_exec(struct shell *shell, struct text text, uint64_t hard_timeout_ms,
               struct shell_run **ret_run, struct err *err) MUST_CHECK;
/* Type into the terminal on behalf of the API: into the program that runs, or at the prompt. */
int shell_write(struct shell *shell, const char *data, size_t n, struct err *err) MUST_CHECK;
/* What pressing Enter sends now: \r to a full-screen program that reads keys, else \n. (Readline
 * takes either, but a \r that comes before it has read the line would reach the next program as it
 * is.) */
char shell_enter_key(const struct shell *shell);
/* End what runs in the foreground: INT, then TERM, then KILL, then the shell itself. */
void shell_kill(struct shell *shell);
/* Have the next command run in another directory, which the session then stays in. */
int shell_set_dir(struct shell *shell, const char *dir, bool keep_symlinks,
                  struct err *err) MUST_CHECK;

/* A terminal on somebody's screen. Belongs to the caller and must be removed before its memory
 * goes; it may be from within its callbacks. */
struct viewer {
    struct viewer *next, **link;
    void (*news)(void *arg);                              /* viewer_read() has something */
    void (*exited)(void *arg, struct exit_status status); /* bash ended */
    void (*dropped)(void *arg, const char *why);          /* removed: too slow, or session gone */
    void *arg;
    uint64_t offset;
    struct shell *shell;
};
/* Starts a shell where none lives. The viewer begins with a replay of the scrollback. */
int shell_view(struct shell *shell, struct viewer *viewer, struct err *err) MUST_CHECK;
void viewer_remove(struct viewer *viewer);
/* Up to `max` bytes of output; a slow viewer holds up the terminal for five seconds, then it is
 * dropped. */
void viewer_read(struct viewer *viewer, size_t max, struct bytes *out);
bool viewer_has_news(const struct viewer *viewer);
/* The offset after everything there is now. */
uint64_t viewer_end(const struct viewer *viewer);
/* Typed by a person: all of it is taken, or nothing. */
int viewer_input(struct viewer *viewer, const char *data, size_t n, struct err *err) MUST_CHECK;
void shell_resize(struct shell *shell, struct pty_size size);
/* The latest of the scrollback as it is. */
void shell_scrollback(const struct shell *shell, size_t max, struct bytes *out);

#endif
