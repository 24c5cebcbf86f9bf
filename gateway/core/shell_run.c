/* Commands in a session: queue, start, end. The states are told in shell_internal.h. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "core/history.h"
#include "core/shell_internal.h"

#define SETTLE_MS     20   /* a prompt that prints nothing counts as printed */
#define CLEAR_MS      300  /* for Ctrl-C to bring a fresh prompt */
#define TRIGGER_MS    2000 /* for the shell to take up a typed command */
#define RETRY_MS      60   /* for a typed line that is still on its way */
#define MAX_ATTEMPTS  5
#define SHOWN_COMMAND 4096 /* of a command's text in the terminal */

static const char trigger_line[] = " __sg\n";
/* The same spelt out, for a shell that does not expand aliases. Keep with shell_hooks.bash. */
static const char long_trigger_line[] =
    " if { __sg_in; } >/dev/null 2>&1; then builtin eval \"$__sg_c\"; else builtin eval "
    "\"$__sg_c\"; fi; { __sg_out; } >/dev/null 2>&1\n";

void run_finish(struct shell *sh, bool has_code, int exit_code)
{
    struct shell_run *run = sh->current;
    if (run->held_cr)
        outlog_append(&run->out, "\r", 1);
    run->held_cr = false;
    run->status = run->killed ? run->verdict : RUN_COMPLETED;
    run->has_code = has_code;
    run->exit_code = exit_code;
    run->ended_at = history_now();
    timer_stop(sh->kill_timer);
    timer_stop(sh->check_timer);
    sh->current = NULL;
    run_keep(sh, run);
    sh->spec.run_ended(sh->spec.arg, run);
    observers_tell(&run->observers);
}

/* ---- starting ---- */

static void enqueue(struct shell *sh, struct shell_run *run)
{
    run->next = NULL;
    *sh->queue_end = run;
    sh->queue_end = &run->next;
    sh->queued++;
}

struct shell_run *run_dequeue(struct shell *sh)
{
    struct shell_run *run = sh->queue;
    sh->queue = run->next;
    if (!sh->queue)
        sh->queue_end = &sh->queue;
    sh->queued--;
    run->next = NULL;
    return run;
}

/* It did not start: it will be the next to. */
static void put_back(struct shell *sh)
{
    struct shell_run *run = sh->current;
    run->next = sh->queue;
    if (!sh->queue)
        sh->queue_end = &run->next;
    sh->queue = run;
    sh->queued++;
    sh->current = NULL;
}

/* The next thing the terminal prints is the prompt. */
static void settle(struct shell *sh)
{
    shell_set_state(sh, SHELL_SETTLING);
    timer_set(sh->state_timer, SETTLE_MS);
}

static int write_command(struct shell *sh, const struct shell_run *run, struct err *err)
{
    cleanup_bytes struct bytes command = bytes_with_limit(run->text_length + 64 * KIB);
    (void)bytes_add(&command, run->id, strlen(run->id) + 1);
    if (sh->pending_cd)
        (void)bytes_printf(&command, "%s\n", sh->pending_cd);
    (void)bytes_add(&command, run->text, run->text_length);
    if (command.failed)
        return err_memory(err);
    return channel_set_command(sh, &command, err);
}

/* The shell never got to see it. */
static void give_up(struct shell *sh, const struct err *err)
{
    outlog_append(&sh->current->out, err->text, strlen(err->text));
    sh->current->killed = true;
    run_finish(sh, false, 0);
}

static void trigger(struct shell *sh)
{
    struct err err;
    if (sh->typed) {
        /* Somebody left half a line at the prompt. */
        shell_set_state(sh, SHELL_CLEARING);
        timer_set(sh->state_timer, CLEAR_MS);
        shell_type(sh, "\003", 1);
        return;
    }
    if (write_command(sh, sh->current, &err) < 0) {
        give_up(sh, &err);
        settle(sh);
        return;
    }
    sh->current->attempts++;
    sh->suppress = true;
    shell_set_state(sh, SHELL_TRIGGERED);
    timer_set(sh->state_timer, TRIGGER_MS);
    if (sh->current->attempts == 1)
        shell_type(sh, trigger_line, sizeof trigger_line - 1);
    else
        shell_type(sh, long_trigger_line, sizeof long_trigger_line - 1);
}

/* Input written to the idle shell: what it leads to counts as a command until the next prompt. */
static void start_implicit(struct shell *sh)
{
    struct shell_run *run = sh->current;
    struct err err;
    shell_set_state(sh, SHELL_RUNNING);
    sh->typed = true;
    run->begun = true;
    sh->spec.run_began(sh->spec.arg, run);
    if (shell_input(sh, run->text, run->text_length, &err) == 0)
        return;
    give_up(sh, &err);
    settle(sh);
}

void run_start_next(struct shell *sh)
{
    struct err err;
    if (sh->current || !sh->queue || sh->freeing)
        return;
    if (sh->state == SHELL_DEAD && shell_spawn(sh, &err) < 0) {
        log_warn("shell: %s", err.text);
        sh->current = run_dequeue(sh);
        give_up(sh, &err);
        return;
    }
    if (sh->state != SHELL_READY)
        return;
    sh->current = run_dequeue(sh);
    if (!sh->current->prompt)
        sh->current->prompt = run_prompt_text(sh);
    if (sh->current->implicit)
        start_implicit(sh);
    else
        trigger(sh);
}

/* The run that nobody waits for, if there is one. */
static const struct shell_run *left_running(const struct shell *sh)
{
    if (sh->current && !sh->current->attended)
        return sh->current;
    for (const struct shell_run *run = sh->queue; run; run = run->next)
        if (!run->attended)
            return run;
    return NULL;
}

static int check_free(const struct shell *sh, struct err *err)
{
    const struct shell_run *left = left_running(sh);
    if (left)
        return err_set(err, ERR_CONFLICT,
                       "the session is busy: '%.80s' is still running in it; wait for it, write to "
                       "it, kill it, or use another session",
                       left->text);
    if (!sh->current && sh->typed && shell_program_in_front(sh))
        return err_set(err, ERR_CONFLICT,
                       "the session is busy: a program that was started by hand is running in it");
    if (sh->queued >= SHELL_MAX_QUEUED)
        return err_set(err, ERR_LIMIT, "%zu commands wait in this session, which is the limit",
                       sh->queued);
    return 0;
}

int shell_exec(struct shell *sh, struct text text, uint64_t hard_timeout_ms,
               struct shell_run **ret_run, struct err *err)
{
    struct shell_run *run;
    if (check_free(sh, err) < 0 || run_new(sh, text, &run, err) < 0)
        return -1;
    run->hard_timeout_ms = hard_timeout_ms;
    enqueue(sh, run);
    run_start_next(sh);
    *ret_run = run;
    return 0;
}

/* For the command that waits for its turn: when it comes there is room. */
static int keep_for_later(struct shell *sh, const char *data, size_t n, struct err *err)
{
    if (bytes_reserve(&sh->input, sh->later.len + n) == 0 && bytes_add(&sh->later, data, n) == 0)
        return 0;
    sh->input.failed = sh->later.failed = false;
    return err_memory(err);
}

int shell_write(struct shell *sh, const char *data, size_t n, struct err *err)
{
    struct shell_run *run;
    if (shell_check_room(sh->input.len + sh->later.len, n, err) < 0)
        return -1;
    if (sh->current ? !sh->current->begun : sh->queue != NULL)
        return keep_for_later(sh, data, n, err);
    if (sh->current || (sh->typed && sh->state == SHELL_READY))
        return shell_input(sh, data, n, err);
    if (run_new(sh, (struct text){data, n}, &run, err) < 0)
        return -1;
    run->implicit = true;
    enqueue(sh, run);
    run_start_next(sh);
    return 0;
}

int shell_set_dir(struct shell *sh, const char *dir, bool keep_symlinks, struct err *err)
{
    cleanup_bytes struct bytes line = BYTES_INIT(32 * KIB);
    (void)bytes_printf(&line, "builtin cd %s -- ", keep_symlinks ? "-L" : "-P");
    channel_quote(&line, dir);
    free(sh->pending_cd);
    sh->pending_cd = bytes_take(&line, NULL);
    return sh->pending_cd ? 0 : err_memory(err);
}

/* ---- what the shell reports ---- */

static void set_dir(struct shell *sh, const char *dir)
{
    char *copy = dir[0] == '/' ? strdup(dir) : NULL;
    if (!copy)
        return;
    free(sh->working_dir);
    sh->working_dir = copy;
}

/* What a person would have typed stands in the terminal instead of the trigger. */
static void show_command(struct shell *sh, const struct shell_run *run)
{
    cleanup_bytes struct bytes line = BYTES_INIT((size_t)SHOWN_COMMAND * 2);
    size_t n = run->text_length < SHOWN_COMMAND ? run->text_length : SHOWN_COMMAND;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)run->text[i];
        if (c == '\n')
            (void)bytes_add(&line, "\r\n", 2);
        else if (c >= 0x20 && c != 0x7f)
            (void)bytes_addc(&line, (char)c);
        else
            (void)bytes_addc(&line, ' ');
    }
    (void)bytes_adds(&line, n < run->text_length ? "...\r\n" : "\r\n");
    shell_show(sh, line.data, line.len);
}

static bool is_current(const struct shell *sh, const char *token)
{
    return sh->current && !sh->current->implicit && strcmp(sh->current->id, token) == 0;
}

static void on_begin(struct shell *sh, const struct report *r)
{
    struct shell_run *run = sh->current;
    bool go = is_current(sh, r->token) && sh->state == SHELL_TRIGGERED && !run->killed;
    shell_drain(sh); /* the echo of what we typed: suppressed */
    if (!go) {
        channel_leave(sh, r->sequence, false);
        return;
    }
    sh->suppress = false;
    free(sh->pending_cd);
    sh->pending_cd = NULL;
    show_command(sh, run);
    run->begun = true;
    run->started_at = history_now();
    run->changed_at = loop_clock();
    shell_set_state(sh, SHELL_RUNNING);
    channel_leave(sh, r->sequence, true);
    sh->spec.run_began(sh->spec.arg, run);
    sh->kill_step = sh->check_step = 0;
    if (sh->later.len) {
        shell_type(sh, sh->later.data, sh->later.len);
        bytes_clear(&sh->later);
    }
    if (run->hard_timeout_ms)
        timer_set(sh->kill_timer, run->hard_timeout_ms);
    timer_set(sh->check_timer, 200);
}

/* The shell took the command up just when we had given it up (it, or we, were late): it was told
 * not to run it. Another line for it is typed already, or will be at the next prompt, which this
 * is. */
static void on_refused_end(struct shell *sh)
{
    if (sh->state != SHELL_CLEARING)
        return;
    sh->suppress = false;
    sh->typed = false;
    put_back(sh);
    settle(sh);
}

static void on_end(struct shell *sh, const struct report *r)
{
    bool ours = is_current(sh, r->token);
    /* Killed before it began: its own text never ran. */
    bool ran = sh->state == SHELL_RUNNING;
    if (ours)
        shell_drain(sh);
    channel_leave(sh, r->sequence, true);
    if (!ours)
        return;
    if (!ran && !sh->current->killed) {
        on_refused_end(sh);
        return;
    }
    sh->suppress = false;
    set_dir(sh, r->dir);
    sh->typed = false;
    settle(sh);
    run_finish(sh, true, ran ? r->status : EXIT_INTERRUPTED);
}

/* A prompt while we wait for the shell to take up what was typed: either the line is still on its
 * way, or Ctrl-C swallowed it, or the shell did not understand it. Only time tells which; typing it
 * again at once could have it there twice. */
static void on_prompt_untaken(struct shell *sh)
{
    if (!sh->current->killed) {
        timer_set(sh->state_timer, RETRY_MS);
        return;
    }
    sh->suppress = false;
    run_finish(sh, true, EXIT_INTERRUPTED);
    settle(sh);
}

static void on_prompt(struct shell *sh, const struct report *r)
{
    set_dir(sh, r->dir);
    sh->typed = false;
    switch (sh->state) {
    case SHELL_RUNNING:
        /* An implicit run is over; or the user replaced the shell by another (exec bash), which
         * has just learned the hooks: then the command has become that shell. */
        shell_drain(sh);
        sh->suppress = false;
        if (sh->current)
            run_finish(sh, true, r->status);
        break;
    case SHELL_TRIGGERED:
        on_prompt_untaken(sh);
        return;
    case SHELL_CLEARING:
        sh->suppress = false;
        put_back(sh);
        break;
    case SHELL_DEAD:
        return;
    case SHELL_STARTING:
        /* Only now is it certain that the kernel tells the new program's arguments. */
        (void)run_read_image(sh->pid, sh->image);
        break;
    case SHELL_READY:
    case SHELL_SETTLING:
        break;
    }
    settle(sh);
}

void run_on_report(struct shell *sh, const struct report *r)
{
    switch (r->kind) {
    case REPORT_BEGIN:
        on_begin(sh, r);
        break;
    case REPORT_END:
        on_end(sh, r);
        break;
    case REPORT_PROMPT:
        on_prompt(sh, r);
        break;
    }
}

void run_on_state_timer(void *arg)
{
    struct shell *sh = arg;
    switch (sh->state) {
    case SHELL_STARTING: /* start-up files that wait for something: let people see it */
    case SHELL_SETTLING:
        shell_set_state(sh, SHELL_READY);
        break;
    case SHELL_CLEARING:
        sh->typed = false;
        trigger(sh);
        break;
    case SHELL_TRIGGERED:
        if (sh->current->attempts < MAX_ATTEMPTS) {
            sh->typed = true;
            trigger(sh);
        } else {
            log_warn("a shell does not answer: ending it");
            (void)session_kill(sh->pid, SIGKILL);
        }
        break;
    case SHELL_DEAD:
    case SHELL_READY:
    case SHELL_RUNNING:
        break;
    }
}

void run_on_exit(struct shell *sh, struct exit_status status)
{
    struct shell_run *run = sh->current;
    timer_stop(sh->kill_timer);
    timer_stop(sh->check_timer);
    if (run && !run->begun && !run->killed && run->attempts < MAX_ATTEMPTS) {
        put_back(sh); /* the shell ended for another reason: a fresh one takes it up */
    } else if (run) {
        /* `exit 3` has done what it was asked to; a signal ended the command with the shell. */
        if (status.signaled && !run->killed) {
            run->killed = true;
            run->verdict = RUN_TERMINATED;
        }
        run_finish(sh, true, status.code);
    }
    run_start_next(sh);
}
void run_free_all(struct shell *sh)
{
    if (sh->current) {
        sh->current->killed = true;
        run_finish(sh, false, 0);
    }
    while (sh->queue) {
        sh->current = run_dequeue(sh);
        sh->current->killed = true;
        run_finish(sh, false, 0);
    }
    while (sh->past) {
        struct shell_run *run = sh->past;
        sh->past = run->next;
        run_free(run);
    }
    sh->last = NULL;
}
