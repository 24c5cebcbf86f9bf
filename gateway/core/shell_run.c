/* Commands in a session: queue, start, end, kill. The states are told in shell_internal.h. */
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

const char *const run_status_names[] = {"running", "completed", "no_change_timeout", "hard_timeout",
                                        "terminated"};

#define SETTLE_MS     20    /* a prompt that prints nothing counts as printed */
#define CLEAR_MS      300   /* for Ctrl-C to bring a fresh prompt */
#define TRIGGER_MS    2000  /* for the shell to take up a typed command */
#define MAX_ATTEMPTS  5
#define SHOWN_COMMAND 4096  /* of a command's text in the terminal */
#define EXIT_INTERRUPTED 130
/* Ended runs kept for the view of a session. */
#define PAST_RUNS        32
#define PAST_BYTES       (256 * KIB)

static const char trigger_line[] = " __sg\n";
/* The same spelt out, for a shell that does not expand aliases. Keep with shell_hooks.bash. */
static const char long_trigger_line[] =
    " if { __sg_in; } >/dev/null 2>&1; then builtin eval \"$__sg_c\"; else builtin eval "
    "\"$__sg_c\"; fi; { __sg_out; } >/dev/null 2>&1\n";

/* ---- one run ---- */

static char *prompt_text(const struct shell *sh)
{
    char host[64] = "sandbox", *text = NULL;
    const struct passwd *user = getpwuid(geteuid());
    (void)gethostname(host, sizeof host - 1);
    int n = asprintf(&text, "%s@%s:%s%c", user ? user->pw_name : "user", host, sh->working_dir,
                     geteuid() == 0 ? '#' : '$');
    return n < 0 ? NULL : text;
}

void run_free(struct shell_run *run)
{
    if (!run)
        return;
    outlog_done(&run->out);
    free(run->text);
    free(run->prompt);
    free(run->log_path);
    free(run);
}

static int run_new(struct shell *sh, struct text text, struct shell_run **ret_run, struct err *err)
{
    struct shell_run *run = calloc(1, sizeof *run);
    if (!run)
        return err_memory(err);
    ident_random(run->id, "");
    run->out.fd = -1;
    run->text = malloc(text.n + 1);
    run->text_length = text.n;
    if (asprintf(&run->log_path, "%s/%s.out", sh->spec.output_dir, run->id) < 0)
        run->log_path = NULL;
    if (!run->text || !run->log_path) {
        run_free(run);
        return err_memory(err);
    }
    memcpy(run->text, text.p, text.n);
    run->text[text.n] = '\0';
    run->verdict = RUN_TERMINATED;
    run->started_at = history_now();
    run->changed_at = loop_clock();
    outlog_init(&run->out, run->log_path, sh->spec.output_ceiling);
    *ret_run = run;
    return 0;
}

bool shell_run_ended(const struct shell_run *run)
{
    return run->status != RUN_RUNNING;
}

struct shell_run *shell_run_now(const struct shell *sh)
{
    return sh->current ? sh->current : sh->queue ? sh->queue : sh->last;
}

struct shell_run *shell_runs_past(const struct shell *sh)
{
    return sh->past;
}

/* The terminal's line ends become \n; a \r at the end of a piece waits for what follows. */
void run_output(struct shell *sh, const char *data, size_t n)
{
    struct shell_run *run = sh->current;
    static char clean[64 * 1024 + 1]; /* loop thread only */
    size_t used = 0;
    if (!run || sh->state != SHELL_RUNNING)
        return;
    run->changed_at = loop_clock();
    if (run->held_cr && data[0] != '\n')
        clean[used++] = '\r';
    run->held_cr = data[n - 1] == '\r';
    n -= run->held_cr;
    for (const char *at = data, *end = data + n; at < end;) {
        const char *cr = memchr(at, '\r', (size_t)(end - at));
        size_t run_length = (size_t)((cr ? cr : end) - at);
        memcpy(clean + used, at, run_length);
        used += run_length;
        at += run_length;
        if (at < end && (at + 1 == end || at[1] != '\n'))
            clean[used++] = '\r';
        at += at < end;
    }
    outlog_append(&run->out, clean, used);
}

/* The newest always stays, so whoever is being told of it may look at it. */
static void keep(struct shell *sh, struct shell_run *run)
{
    uint64_t bytes = 0;
    run->next = NULL;
    if (sh->last)
        sh->last->next = run;
    else
        sh->past = run;
    sh->last = run;
    sh->past_count++;
    for (const struct shell_run *r = sh->past; r; r = r->next)
        bytes += r->out.length + r->text_length;
    while (sh->past != run && (sh->past_count > PAST_RUNS || bytes > PAST_BYTES)) {
        struct shell_run *oldest = sh->past;
        bytes -= oldest->out.length + oldest->text_length;
        sh->past = oldest->next;
        sh->past_count--;
        run_free(oldest);
    }
}

static void finish(struct shell *sh, bool has_code, int exit_code)
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
    keep(sh, run);
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

static struct shell_run *dequeue(struct shell *sh)
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
        outlog_append(&sh->current->out, err.text, strlen(err.text));
        sh->current->killed = true;
        finish(sh, false, 0);
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
    shell_set_state(sh, SHELL_RUNNING);
    sh->typed = true;
    run->begun = true;
    sh->spec.run_began(sh->spec.arg, run);
    shell_type(sh, run->text, run->text_length);
}

void run_start_next(struct shell *sh)
{
    struct err err;
    if (sh->current || !sh->queue || sh->freeing)
        return;
    if (sh->state == SHELL_DEAD && shell_spawn(sh, &err) < 0) {
        log_warn("shell: %s", err.text);
        sh->current = dequeue(sh);
        sh->current->killed = true;
        outlog_append(&sh->current->out, err.text, strlen(err.text));
        finish(sh, false, 0);
        return;
    }
    if (sh->state != SHELL_READY)
        return;
    sh->current = dequeue(sh);
    if (!sh->current->prompt)
        sh->current->prompt = prompt_text(sh);
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
    if (!sh->current && sh->typed && sh->pty.master >= 0 && pty_foreground(&sh->pty) != sh->pid)
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

int shell_write(struct shell *sh, const char *data, size_t n, struct err *err)
{
    struct shell_run *run;
    if (n > INPUT_CEILING - sh->input.len || n > INPUT_CEILING - sh->later.len)
        return err_set(err, ERR_LIMIT, "more than %zu bytes wait to be read by the program",
                       INPUT_CEILING);
    if (sh->current ? !sh->current->begun : sh->queue != NULL)
        return bytes_add(&sh->later, data, n) < 0 ? err_memory(err) : 0;
    if (sh->current || (sh->typed && sh->state == SHELL_READY)) {
        shell_type(sh, data, n);
        return 0;
    }
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
    cleanup_bytes struct bytes line = BYTES_INIT(SHOWN_COMMAND * 2);
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
    sh->suppress = false;
    set_dir(sh, r->dir);
    sh->typed = false;
    settle(sh);
    finish(sh, true, ran ? r->status : EXIT_INTERRUPTED);
}

/* The start of the command line: exec changes it. */
static bool read_image(pid_t pid, char out[64])
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    memset(out, 0, 64);
    return fd >= 0 && read(fd, out, 63) > 0;
}

/* The shell never took up what was typed: Ctrl-C came in between. */
static void on_prompt_untaken(struct shell *sh)
{
    sh->suppress = false;
    if (sh->current->killed || sh->current->attempts >= MAX_ATTEMPTS) {
        sh->current->killed = true;
        finish(sh, true, EXIT_INTERRUPTED);
    } else {
        put_back(sh);
    }
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
            finish(sh, true, r->status);
        break;
    case SHELL_TRIGGERED:
        on_prompt_untaken(sh);
        break;
    case SHELL_CLEARING:
        put_back(sh);
        break;
    case SHELL_DEAD:
        return;
    case SHELL_STARTING:
        /* Only now is it certain that the kernel tells the new program's arguments. */
        (void)read_image(sh->pid, sh->image);
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
        finish(sh, true, status.code);
    }
    run_start_next(sh);
}

/* ---- ending ---- */

static bool shell_in_front(const struct shell *sh)
{
    return pty_foreground(&sh->pty) == sh->pid;
}

static void signal_front(struct shell *sh, int number)
{
    pid_t group = pty_foreground(&sh->pty);
    if (group <= 0)
        return;
    if (kill(-group, number) < 0 && errno == EPERM)
        shell_type(sh, "\003", 1); /* not our user (sudo): ask the terminal */
    if (number == SIGTERM)
        (void)kill(-group, SIGCONT);
}

static void next_kill_step(struct shell *sh)
{
    /* A hard timeout must bind within 250 ms; a kill leaves time for a tidy end. */
    bool quick = sh->current && sh->current->verdict == RUN_HARD_TIMEOUT;
    static const char probe[] = " { __sg_prompt; } >/dev/null 2>&1\n";
    switch (sh->kill_step++) {
    case 0:
        shell_forget_input(sh);
        signal_front(sh, SIGINT);
        break;
    case 1:
        /* If the shell sits at a prompt whose hook the command took away, this makes it speak. */
        if (shell_in_front(sh))
            shell_type(sh, probe, sizeof probe - 1);
        else
            signal_front(sh, SIGTERM);
        break;
    case 2:
        signal_front(sh, shell_in_front(sh) ? SIGINT : SIGKILL);
        break;
    default:
        (void)session_kill(sh->pid, SIGKILL);
        return;
    }
    timer_set(sh->kill_timer, quick ? 50 : 300);
}

void run_on_kill_timer(void *arg)
{
    struct shell *sh = arg;
    if (sh->state == SHELL_DEAD || (!sh->current && shell_in_front(sh)))
        return;
    if (sh->current && !sh->current->killed) {
        sh->current->killed = true;
        sh->current->verdict = RUN_HARD_TIMEOUT;
        sh->kill_step = 0;
    }
    next_kill_step(sh);
}

void shell_kill(struct shell *sh)
{
    struct shell_run *run = sh->current;
    if (!run && sh->queue) {
        /* It has not begun, and will not. */
        sh->current = dequeue(sh);
        sh->current->killed = true;
        finish(sh, true, EXIT_INTERRUPTED);
        return;
    }
    if (sh->state == SHELL_DEAD || (run && run->killed) || (!run && shell_in_front(sh)))
        return;
    if (run)
        run->killed = true;
    sh->kill_step = 0;
    /* Before the shell has taken it up there is nothing to signal: B is answered with "do not". */
    if (sh->state == SHELL_TRIGGERED || sh->state == SHELL_CLEARING)
        timer_set(sh->kill_timer, 300);
    else
        next_kill_step(sh);
}

/* ---- has the shell become something else? ---- */

static bool is_bash(pid_t pid)
{
    char path[64], target[256];
    (void)snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n <= 0)
        return false;
    target[n] = '\0';
    const char *slash = strrchr(target, '/');
    return slash && strcmp(slash + 1, "bash") == 0;
}

/* `exec bash` replaced our bash by one that has no hooks: teach it. */
static void teach(struct shell *sh)
{
    cleanup_bytes struct bytes line = BYTES_INIT(4 * KIB);
    (void)bytes_adds(&line, " . ");
    if (channel_hooks_path(sh, &line) < 0)
        return;
    (void)bytes_adds(&line, "\n");
    sh->suppress = true;
    shell_type(sh, line.data, line.len);
}

void run_on_check_timer(void *arg)
{
    struct shell *sh = arg;
    char image[64];
    if (sh->state != SHELL_RUNNING || !sh->current || sh->current->killed)
        return;
    if (shell_in_front(sh) && read_image(sh->pid, image) &&
        memcmp(image, sh->image, sizeof image) != 0 && is_bash(sh->pid)) {
        memcpy(sh->image, image, sizeof image);
        teach(sh);
    }
    if (sh->check_step < 4)
        sh->check_step++;
    timer_set(sh->check_timer, UINT64_C(200) << sh->check_step);
}

void run_free_all(struct shell *sh)
{
    if (sh->current) {
        sh->current->killed = true;
        finish(sh, false, 0);
    }
    while (sh->queue) {
        sh->current = dequeue(sh);
        sh->current->killed = true;
        finish(sh, false, 0);
    }
    while (sh->past) {
        struct shell_run *run = sh->past;
        sh->past = run->next;
        run_free(run);
    }
    sh->last = NULL;
}
