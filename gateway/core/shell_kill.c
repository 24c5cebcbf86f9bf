/* Ending what runs in a session, and noticing when its shell became something else. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "core/shell_internal.h"

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
        sh->current = run_dequeue(sh);
        sh->current->killed = true;
        run_finish(sh, true, EXIT_INTERRUPTED);
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

/* The start of the command line: exec changes it. */
bool run_read_image(pid_t pid, char out[64])
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    memset(out, 0, 64);
    return fd >= 0 && read(fd, out, 63) > 0;
}

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
    if (shell_in_front(sh) && run_read_image(sh->pid, image) &&
        memcmp(image, sh->image, sizeof image) != 0 && is_bash(sh->pid)) {
        memcpy(sh->image, image, sizeof image);
        teach(sh);
    }
    if (sh->check_step < 4)
        sh->check_step++;
    timer_set(sh->check_timer, UINT64_C(200) << sh->check_step);
}
