/* core/shell_internal.h: the inside of a session, shared by shell.c (life, terminal, viewers),
 * shell_record.c (a command), shell_run.c (running them), shell_kill.c (ending them) and
 * shell_channel.c (the side channel) only. */
#ifndef SANDGATE_CORE_SHELL_INTERNAL_H
#define SANDGATE_CORE_SHELL_INTERNAL_H

#include "core/pty.h"
#include "core/scrollback.h"
#include "core/shell.h"

#define INPUT_CEILING (1 * MIB)

enum shell_state {
    SHELL_DEAD,      /* no bash */
    SHELL_STARTING,  /* spawned, no prompt yet */
    SHELL_READY,     /* at the prompt */
    SHELL_CLEARING,  /* Ctrl-C was typed to get rid of a half-typed line */
    SHELL_TRIGGERED, /* our line was typed; the shell has not said B yet */
    SHELL_RUNNING,   /* between B and E; or an implicit run */
    SHELL_SETTLING,  /* E or P was said; the prompt is being printed */
};

/* The side channel: shell_channel.c. */
struct channel {
    const char *dir;
    int events, ack; /* FIFOs, open for reading and writing so that neither end ever closes */
    struct watch *watch;
    struct bytes buffer;
};

enum report_kind { REPORT_BEGIN = 'B', REPORT_END = 'E', REPORT_PROMPT = 'P' };

/* What the shell said; the text lives during the call. */
struct report {
    enum report_kind kind;
    const char *sequence, *token;
    int status;
    const char *dir;
};

struct shell {
    struct shell_spec spec;
    char *dir, *working_dir;
    char *pending_cd; /* put before the next command */
    enum shell_state state;
    struct pty pty;
    struct watch *pty_watch;
    bool paused; /* a viewer is behind: the PTY is not read */
    struct child *child;
    pid_t pid;
    char image[64]; /* start of /proc/PID/cmdline as it was at the start: exec changes it */
    struct pty_size size, size_before; /* of the last resize */
    bool size_checked;                 /* once already */
    struct channel channel;
    struct scrollback scrollback;
    bool suppress;      /* what the terminal prints is ours (the typed trigger), not for anyone */
    bool typed;         /* a person typed at the prompt */
    struct bytes input; /* not yet taken by the terminal */
    struct bytes later; /* written for a command that has not begun */
    struct shell_run *current;
    struct shell_run *past, *last; /* ended: the oldest and the newest kept */
    size_t past_count;
    struct shell_run *queue, **queue_end;
    size_t queued;
    struct timer *state_timer, *kill_timer, *check_timer, *stuck_timer, *size_timer;
    unsigned kill_step, check_step;
    bool freeing;
    struct viewer *viewers;
};

/* shell.c */
int shell_spawn(struct shell *shell, struct err *err) MUST_CHECK;
void shell_set_state(struct shell *shell, enum shell_state state);
/* Read what the terminal has printed, all of it. */
void shell_drain(struct shell *shell);
/* A program other than the shell has the terminal. */
bool shell_program_in_front(const struct shell *shell);
/* Drop what was typed and not read yet. */
void shell_forget_input(struct shell *shell);
/* Whether `n` bytes may join those that wait to be read. */
int shell_check_room(size_t waiting, size_t n, struct err *err) MUST_CHECK;
/* What a client wrote: all of it is taken, or nothing. */
int shell_input(struct shell *shell, const char *data, size_t n, struct err *err) MUST_CHECK;
/* The gateway's own lines: whoever types one looks later what came of it. */
void shell_type(struct shell *shell, const char *data, size_t n);
void shell_show(struct shell *shell, const char *data, size_t n);

/* shell_record.c */
int run_new(struct shell *shell, struct text text, struct shell_run **ret_run,
            struct err *err) MUST_CHECK;
void run_free(struct shell_run *run);
void run_output(struct shell *shell, const char *data, size_t n);
/* Put an ended run with the past ones, dropping the oldest beyond the ceiling. */
void run_keep(struct shell *shell, struct shell_run *run);
/* user@host:dir$, allocated. */
char *run_prompt_text(const struct shell *shell);

/* shell_kill.c */
/* The start of a process's command line: exec changes it. */
bool run_read_image(pid_t pid, char out[64]);
void run_on_kill_timer(void *shell);
void run_on_check_timer(void *shell);

/* shell_run.c */
#define EXIT_INTERRUPTED 130
void run_start_next(struct shell *shell);
struct shell_run *run_dequeue(struct shell *shell);
/* The current run has ended. */
void run_finish(struct shell *shell, bool has_code, int exit_code);
void run_on_state_timer(void *shell);
/* bash is gone. */
void run_on_exit(struct shell *shell, struct exit_status status);
/* A report of the shell itself arrived. */
void run_on_report(struct shell *shell, const struct report *report);
void run_free_all(struct shell *shell);

/* shell_channel.c */
int channel_open(struct shell *shell, struct err *err) MUST_CHECK;
void channel_close(struct shell *shell);
/* TOKEN, NUL, text. */
int channel_set_command(struct shell *shell, const struct bytes *command,
                        struct err *err) MUST_CHECK;
/* The quoted path of the hooks, appended. */
int channel_hooks_path(const struct shell *shell, struct bytes *out) MUST_CHECK;
/* 'it'\''s': safe inside single quotes of a shell. */
void channel_quote(struct bytes *out, const char *text);
void channel_leave(struct shell *shell, const char *sequence, bool go);

#endif
