#include "core/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "core/shell_internal.h"

#define VIEWER_BEHIND (512 * KIB) /* then the PTY is not read */
#define VIEWER_CAUGHT (128 * KIB) /* then it is again */
#define STUCK_MS      5000
/* The PTY gives at most 4 KiB a read; others get a turn after this much. */
#define READ_AT_ONCE       (256 * KIB)
#define DRAIN_AT_MOST      (4 * MIB)
#define STARTING_MS        3000
#define SIZE_CHECK_MS      100
#define SIZE_CHECK_LAST_MS 1000

/* ---- the terminal ---- */

static void tell_viewers(struct shell *sh)
{
    for (struct viewer *v = sh->viewers, *next; v; v = next) {
        next = v->next;
        v->news(v->arg);
    }
}

static uint64_t furthest_behind(const struct shell *sh)
{
    uint64_t most = 0;
    for (const struct viewer *v = sh->viewers; v; v = v->next)
        if (sh->scrollback.total - v->offset > most)
            most = sh->scrollback.total - v->offset;
    return most;
}

static void update_reading(struct shell *sh)
{
    uint64_t behind = furthest_behind(sh);
    bool pause = behind > (sh->paused ? VIEWER_CAUGHT : VIEWER_BEHIND);
    if (pause && !sh->paused)
        timer_set(sh->stuck_timer, STUCK_MS);
    if (!pause && sh->paused)
        timer_stop(sh->stuck_timer);
    sh->paused = pause;
    if (sh->pty_watch)
        watch_set(sh->pty_watch,
                  (pause ? 0u : WATCH_READ) |
                      (sh->input.len && sh->state != SHELL_STARTING ? (unsigned)WATCH_WRITE : 0u));
}

static void on_stuck(void *arg)
{
    struct shell *sh = arg;
    for (struct viewer *v = sh->viewers, *next; v; v = next) {
        next = v->next;
        if (sh->scrollback.total - v->offset <= VIEWER_CAUGHT)
            continue;
        viewer_remove(v);
        v->dropped(v->arg, "the terminal is read too slowly");
    }
    update_reading(sh);
}

void shell_show(struct shell *sh, const char *data, size_t n)
{
    scrollback_add(&sh->scrollback, data, n);
}

static ssize_t read_terminal(int fd, char *to, size_t room)
{
    ssize_t n;
    do
        n = read(fd, to, room);
    while (n < 0 && errno == EINTR);
    return n;
}

/* Returns how much was read; fewer than `at_most` means that there was no more. */
static size_t read_some(struct shell *sh, size_t at_most)
{
    static char chunk[64 * 1024]; /* loop thread only */
    size_t total = 0;
    while (total < at_most && sh->pty.master >= 0) {
        size_t used = 0;
        ssize_t n = 0;
        while (used + 4096 <= sizeof chunk &&
               (n = read_terminal(sh->pty.master, chunk + used, sizeof chunk - used)) > 0)
            used += (size_t)n;
        if (used && !sh->suppress) {
            shell_show(sh, chunk, used);
            run_output(sh, chunk, used);
        }
        total += used;
        if (used + 4096 <= sizeof chunk) {
            if (n < 0 && errno != EAGAIN && sh->pty_watch)
                watch_set(sh->pty_watch, 0); /* hung up: the exit is on its way */
            break;
        }
    }
    return total;
}

void shell_drain(struct shell *sh)
{
    if (read_some(sh, DRAIN_AT_MOST) && !sh->suppress)
        tell_viewers(sh);
}

/* Until the first prompt the shell reads its start-up files: what is typed waits, so that Ctrl-C
 * does not end it half-way and nothing is eaten by them. */
static void feed(struct shell *sh)
{
    if (sh->state == SHELL_STARTING)
        return;
    while (sh->input.len && sh->pty.master >= 0) {
        ssize_t n = write(sh->pty.master, sh->input.data, sh->input.len);
        if (n <= 0)
            break;
        bytes_consume(&sh->input, (size_t)n);
    }
}

static void on_pty(void *arg, unsigned events)
{
    struct shell *sh = arg;
    if (events & WATCH_WRITE)
        feed(sh);
    if (events & WATCH_READ) {
        size_t n = read_some(sh, READ_AT_ONCE);
        if (n && sh->current && !sh->suppress)
            observers_tell(&sh->current->observers);
        if (n)
            tell_viewers(sh);
        if (n && sh->state == SHELL_SETTLING)
            shell_set_state(sh, SHELL_READY);
    }
    if (sh->pty_watch)
        update_reading(sh);
}

int shell_check_room(size_t waiting, size_t n, struct err *err)
{
    if (waiting <= INPUT_CEILING && n <= INPUT_CEILING - waiting)
        return 0;
    return err_set(err, ERR_LIMIT, "more than %zu bytes wait to be read by the program",
                   INPUT_CEILING);
}

int shell_input(struct shell *sh, const char *data, size_t n, struct err *err)
{
    if (shell_check_room(sh->input.len, n, err) < 0)
        return -1;
    if (bytes_add(&sh->input, data, n) < 0) {
        sh->input.failed = false;
        return err_memory(err);
    }
    feed(sh);
    update_reading(sh);
    return 0;
}

void shell_type(struct shell *sh, const char *data, size_t n)
{
    struct err err;
    if (shell_input(sh, data, n, &err) < 0)
        log_debug("shell: %s", err.text);
}

/* ---- life ---- */

void shell_forget_input(struct shell *sh)
{
    bytes_clear(&sh->input);
    bytes_clear(&sh->later);
    pty_forget_input(&sh->pty);
}

void shell_set_state(struct shell *sh, enum shell_state state)
{
    bool started = sh->state == SHELL_STARTING;
    sh->state = state;
    timer_stop(sh->state_timer);
    if (started && sh->input.len) {
        feed(sh);
        update_reading(sh);
    }
    if (state == SHELL_READY)
        run_start_next(sh);
}

static void on_exit_of(void *arg, struct exit_status status)
{
    struct shell *sh = arg;
    sh->child = NULL;
    shell_drain(sh);
    watch_close(sh->pty_watch);
    sh->pty_watch = NULL;
    pty_close(&sh->pty);
    channel_close(sh);
    bytes_clear(&sh->input);
    sh->suppress = sh->typed = sh->paused = false;
    sh->state = SHELL_DEAD;
    timer_stop(sh->state_timer);
    tell_viewers(sh);
    for (struct viewer *v = sh->viewers, *next; v; v = next) {
        next = v->next;
        v->exited(v->arg, status);
    }
    run_on_exit(sh, status);
}

static bool same_size(struct pty_size a, struct pty_size b)
{
    return a.cols == b.cols && a.rows == b.rows;
}

/* Before each prompt bash's readline reads the terminal's size and sets it to what it read: a size
 * set between the two is undone. So who has the size from before the last resize is given the new
 * one again; any other size is one that somebody asked for. */
static void check_size(void *arg)
{
    struct shell *sh = arg;
    if (sh->pty.master >= 0 && same_size(pty_size(&sh->pty), sh->size_before))
        pty_resize(&sh->pty, sh->size);
    if (!sh->size_checked)
        timer_set(sh->size_timer, SIZE_CHECK_LAST_MS);
    sh->size_checked = true;
}

/* The directory may be gone meanwhile: then the shell starts at the root of things it can reach. */
static const char *start_dir(const struct shell *sh)
{
    return access(sh->working_dir, X_OK) == 0 ? sh->working_dir : "/";
}

int shell_spawn(struct shell *sh, struct err *err)
{
    char rc[512];
    const char *argv[] = {"/bin/bash", "--rcfile", rc, "-i", NULL};
    (void)snprintf(rc, sizeof rc, "%s/rc", sh->dir);
    if (channel_open(sh, err) < 0 || pty_open(&sh->pty, sh->size, err) < 0)
        return -1;
    struct spawn_spec spec = {
        .argv = argv,
        .envp = sh->spec.envp,
        .cwd = start_dir(sh),
        .terminal = sh->pty.slave,
    };
    if (watch_open(sh->spec.loop, sh->pty.master, on_pty, sh, &sh->pty_watch, err) < 0 ||
        child_spawn(sh->spec.children, &spec, on_exit_of, sh, &sh->child, err) < 0) {
        watch_close(sh->pty_watch);
        sh->pty_watch = NULL;
        pty_close(&sh->pty);
        channel_close(sh);
        return -1;
    }
    sh->pid = child_pid(sh->child);
    sh->paused = false;
    sh->state = SHELL_STARTING;
    timer_set(sh->state_timer, STARTING_MS);
    update_reading(sh);
    return 0;
}

static bool copy_spec(struct shell *sh, const struct shell_spec *spec)
{
    sh->spec = *spec;
    sh->dir = strdup(spec->dir);
    sh->working_dir = strdup(spec->working_dir);
    return sh->dir && sh->working_dir;
}

int shell_new(const struct shell_spec *spec, struct shell **ret_shell, struct err *err)
{
    struct shell *sh = calloc(1, sizeof *sh);
    if (!sh)
        return err_memory(err);
    sh->pty.master = sh->channel.events = sh->channel.ack = -1;
    sh->size = spec->size.cols ? spec->size : (struct pty_size){120, 32};
    sh->input = bytes_with_limit(INPUT_CEILING);
    sh->later = bytes_with_limit(INPUT_CEILING);
    sh->queue_end = &sh->queue;
    if (!copy_spec(sh, spec) ||
        timer_open(spec->loop, run_on_state_timer, sh, &sh->state_timer, err) < 0 ||
        timer_open(spec->loop, run_on_kill_timer, sh, &sh->kill_timer, err) < 0 ||
        timer_open(spec->loop, run_on_check_timer, sh, &sh->check_timer, err) < 0 ||
        timer_open(spec->loop, on_stuck, sh, &sh->stuck_timer, err) < 0 ||
        timer_open(spec->loop, check_size, sh, &sh->size_timer, err) < 0) {
        shell_free(sh, "it could not be started");
        return err_memory(err);
    }
    if (shell_spawn(sh, err) < 0) {
        shell_free(sh, "it could not be started");
        return -1;
    }
    *ret_shell = sh;
    return 0;
}

static void remove_files(const struct shell *sh)
{
    static const char *const names[] = {"rc", "hooks", "cmd", "ev", "ack"};
    char path[512];
    for (size_t i = 0; sh->dir && i < COUNT_OF(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", sh->dir, names[i]);
        (void)unlink(path);
    }
    if (sh->dir)
        (void)rmdir(sh->dir);
}

void shell_free(struct shell *sh, const char *why)
{
    if (!sh)
        return;
    sh->freeing = true;
    if (sh->child) {
        child_disown(sh->child);
        (void)session_kill(sh->pid, SIGKILL);
        (void)kill(sh->pid, SIGKILL);
    }
    while (sh->viewers) {
        struct viewer *v = sh->viewers;
        viewer_remove(v);
        v->dropped(v->arg, why);
    }
    run_free_all(sh);
    watch_close(sh->pty_watch);
    pty_close(&sh->pty);
    channel_close(sh);
    remove_files(sh);
    timer_close(sh->state_timer);
    timer_close(sh->kill_timer);
    timer_close(sh->check_timer);
    timer_close(sh->stuck_timer);
    timer_close(sh->size_timer);
    scrollback_done(&sh->scrollback);
    bytes_done(&sh->input);
    bytes_done(&sh->later);
    free(sh->dir);
    free(sh->working_dir);
    free(sh->pending_cd);
    free(sh);
}

const char *shell_working_dir(const struct shell *sh)
{
    return sh->working_dir;
}

bool shell_alive(const struct shell *sh)
{
    return sh->state != SHELL_DEAD;
}

/* Not while the shell is ending: then the group that was in front is none any more. */
bool shell_program_in_front(const struct shell *sh)
{
    pid_t group = sh->pty.master < 0 ? -1 : pty_foreground(&sh->pty);
    return group > 0 && group != sh->pid && (kill(-group, 0) == 0 || errno == EPERM);
}

char shell_enter_key(const struct shell *sh)
{
    return shell_program_in_front(sh) && pty_reads_keys(&sh->pty) ? '\r' : '\n';
}

bool shell_busy(const struct shell *sh)
{
    return sh->current || sh->queue || (sh->typed && shell_program_in_front(sh));
}

size_t shell_viewer_count(const struct shell *sh)
{
    size_t n = 0;
    for (const struct viewer *v = sh->viewers; v; v = v->next)
        n++;
    return n;
}

/* ---- viewers ---- */

int shell_view(struct shell *sh, struct viewer *v, struct err *err)
{
    if (sh->state == SHELL_DEAD && shell_spawn(sh, err) < 0)
        return -1;
    v->shell = sh;
    v->offset = scrollback_replay_start(&sh->scrollback);
    v->next = sh->viewers;
    if (v->next)
        v->next->link = &v->next;
    v->link = &sh->viewers;
    sh->viewers = v;
    return 0;
}

void viewer_remove(struct viewer *v)
{
    if (!v->link)
        return;
    *v->link = v->next;
    if (v->next)
        v->next->link = v->link;
    v->link = NULL;
    if (!v->shell->freeing)
        update_reading(v->shell);
}

bool viewer_has_news(const struct viewer *v)
{
    return v->link && v->offset < v->shell->scrollback.total;
}

uint64_t viewer_end(const struct viewer *v)
{
    return v->link ? v->shell->scrollback.total : 0;
}

void viewer_read(struct viewer *v, size_t max, struct bytes *out)
{
    if (!v->link)
        return;
    scrollback_read(&v->shell->scrollback, &v->offset, max, out);
    if (v->shell->paused)
        update_reading(v->shell);
}

int viewer_input(struct viewer *v, const char *data, size_t n, struct err *err)
{
    struct shell *sh = v->shell;
    if (!v->link)
        return 0;
    if (sh->state == SHELL_DEAD && shell_spawn(sh, err) < 0)
        return -1;
    if (!sh->current)
        sh->typed = true;
    return shell_input(sh, data, n, err);
}

void shell_resize(struct shell *sh, struct pty_size size)
{
    if (sh->pty.master >= 0)
        pty_resize(&sh->pty, size);
    if (same_size(size, sh->size))
        return;
    sh->size_before = sh->size;
    sh->size = size;
    sh->size_checked = false;
    timer_set(sh->size_timer, SIZE_CHECK_MS);
}

void shell_scrollback(const struct shell *sh, size_t max, struct bytes *out)
{
    uint64_t at = scrollback_first(&sh->scrollback);
    if (sh->scrollback.total - at > max)
        at = sh->scrollback.total - max;
    scrollback_read(&sh->scrollback, &at, max, out);
}
