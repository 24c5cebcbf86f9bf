#include "io/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/birth.h"
#include "io/spawn_internal.h"

#define BUCKETS 256

struct child {
    struct child *next;
    pid_t pid;
    void (*fn)(void *, struct exit_status);
    void *arg;
};

struct children {
    struct child *buckets[BUCKETS];
    size_t count;
    struct observers orphans;
};

/* Children of workers: whoever reaps first, the status must reach the worker. The lock is held
 * from before the fork until the pid is listed, so that the reaper cannot miss it. */
static pthread_mutex_t waiters_lock = PTHREAD_MUTEX_INITIALIZER;
static struct waiter *waiters;

static struct rlimit children_nofile = {.rlim_cur = 0, .rlim_max = 0};

/* A shell whose command was killed exits with 128 + 9 itself. */
static struct exit_status decode_status(int status)
{
    struct exit_status s = {false, WEXITSTATUS(status), 0, false};
    if (WIFSIGNALED(status))
        s = (struct exit_status){true, 128 + WTERMSIG(status), WTERMSIG(status), false};
    s.out_of_memory = s.code == 128 + SIGKILL && birth_out_of_memory();
    return s;
}

/* Runs in the vforked child: shares our memory, so system calls only and nothing is written but
 * *error. The order matters: the mask opens last, when no handler of ours is installed any more. */
static void __attribute__((noreturn))
become(const struct spawn_spec *spec, pid_t parent, volatile int *error)
{
    static const int reset[] = {SIGCHLD, SIGTERM, SIGINT,  SIGHUP,  SIGPIPE, SIGQUIT,
                                SIGTTIN, SIGTTOU, SIGTSTP, SIGUSR1, SIGXFSZ};
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigset_t none;
    unsigned keep = 3;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    birth_apply();
    if (spec->terminal) {
        (void)setsid();
        int fd = open(spec->terminal, O_RDWR);
        if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0 || dup2(fd, 0) < 0 || dup2(fd, 1) < 0 ||
            dup2(fd, 2) < 0)
            goto failed;
    } else {
        if (!spec->session || setsid() < 0)
            (void)setpgid(0, 0);
        for (int i = 0; i < 3; i++) {
            int fd = spec->stdio[i] >= 0 ? spec->stdio[i] : open("/dev/null", O_RDWR | O_CLOEXEC);
            if (fd < 0 || dup2(fd, i) < 0)
                goto failed;
        }
        /* dup2(2) onto itself leaves close-on-exec as it is. */
        if (spec->channel > 2) {
            if (dup2(spec->channel, 3) < 0 || fcntl(3, F_SETFD, 0) < 0)
                goto failed;
            keep = 4;
        }
    }
    if (chdir(spec->cwd) < 0)
        goto failed;
    (void)syscall(SYS_close_range, keep, ~0U, 0U);
    if (children_nofile.rlim_max)
        (void)setrlimit(RLIMIT_NOFILE, &children_nofile);
    for (size_t i = 0; i < COUNT_OF(reset); i++)
        (void)sigaction(reset[i], &plain, NULL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)execve(spec->argv[0], (char *const *)(uintptr_t)spec->argv,
                 (char *const *)(uintptr_t)spec->envp);
failed:
    *error = errno;
    _exit(127);
}

static pid_t __attribute__((noinline))
vfork_child(const struct spawn_spec *spec, volatile int *error)
{
    pid_t parent = getpid();
    pid_t pid = vfork();
    if (pid == 0)
        become(spec, parent, error);
    return pid;
}

int spawn_process(const struct spawn_spec *spec, pid_t *ret_pid, struct err *err)
{
    volatile int error = 0;
    sigset_t all, before;
    if (birth_permitted(err) < 0)
        return -1;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t pid = vfork_child(spec, &error);
    int failure = pid < 0 ? errno : 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure)
        return err_errno(err, failure, "cannot start a process");
    if (error) {
        (void)waitpid(pid, NULL, 0);
        return err_errno(err, error, "cannot start %s in %s", spec->argv[0], spec->cwd);
    }
    birth_finish(pid);
    *ret_pid = pid;
    return 0;
}

void waiter_spawn_lock(void)
{
    (void)pthread_mutex_lock(&waiters_lock);
}

void waiter_spawn_unlock(void)
{
    (void)pthread_mutex_unlock(&waiters_lock);
}

void waiter_add(struct waiter *w)
{
    w->next = waiters;
    waiters = w;
}

/* The lock is held. */
static bool tell_waiter(pid_t pid, int status)
{
    for (struct waiter **at = &waiters; *at; at = &(*at)->next) {
        struct waiter *w = *at;
        if (w->pid != pid)
            continue;
        *at = w->next;
        w->status = decode_status(status);
        uint64_t one = 1;
        ssize_t told = write(w->event, &one, sizeof one);
        (void)told;
        return true;
    }
    return false;
}

static struct child **find(struct children *children, pid_t pid)
{
    struct child **at = &children->buckets[(unsigned)pid % BUCKETS];
    while (*at && (*at)->pid != pid)
        at = &(*at)->next;
    return at;
}

static void reap(struct children *children, pid_t pid, int status)
{
    struct child **at = find(children, pid);
    struct child *c = *at;
    if (!c) {
        log_debug("reaped an orphan pid=%d", (int)pid);
        observers_tell(&children->orphans);
        return;
    }
    *at = c->next;
    children->count--;
    if (c->fn)
        c->fn(c->arg, decode_status(status));
    free(c);
}

static void on_sigchld(void *arg, int number)
{
    struct children *children = arg;
    (void)number;
    for (;;) {
        int status;
        waiter_spawn_lock();
        pid_t pid = waitpid(-1, &status, WNOHANG);
        bool told = pid > 0 && tell_waiter(pid, status);
        waiter_spawn_unlock();
        if (pid <= 0)
            return;
        if (!told)
            reap(children, pid, status);
    }
}

/* Whoever started us may have left signals ignored, which children would inherit: even those the C
 * library keeps to itself, hence the raw call. */
static void restore_ignored_signals(void)
{
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } now, plain = {.handler = NULL};
    for (int number = 1; number <= 64; number++) {
        if (number == SIGPIPE || number == SIGXFSZ || number == SIGKILL || number == SIGSTOP)
            continue;
        if (syscall(SYS_rt_sigaction, number, NULL, &now, sizeof now.mask) == 0 &&
            now.handler == (void *)SIG_IGN)
            (void)syscall(SYS_rt_sigaction, number, &plain, NULL, sizeof plain.mask);
    }
}

int children_open(struct loop *loop, struct children **ret_children, struct err *err)
{
    struct children *children = calloc(1, sizeof *children);
    if (!children)
        return err_memory(err);
    restore_ignored_signals();
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)getrlimit(RLIMIT_NOFILE, &children_nofile);
    struct rlimit all = {children_nofile.rlim_max, children_nofile.rlim_max};
    (void)setrlimit(RLIMIT_NOFILE, &all);
    if (loop_signal(loop, SIGCHLD, on_sigchld, children, err) < 0) {
        free(children);
        return -1;
    }
    *ret_children = children;
    return 0;
}

void children_close(struct children *children)
{
    for (size_t i = 0; children && i < BUCKETS; i++) {
        while (children->buckets[i]) {
            struct child *c = children->buckets[i];
            children->buckets[i] = c->next;
            free(c);
        }
    }
    free(children);
}

struct observers *children_orphans(struct children *children)
{
    return &children->orphans;
}

size_t children_count(const struct children *children)
{
    return children->count;
}

int child_spawn(struct children *children, const struct spawn_spec *spec,
                void (*fn)(void *arg, struct exit_status status), void *arg,
                struct child **ret_child, struct err *err)
{
    struct child *c = calloc(1, sizeof *c);
    if (!c)
        return err_memory(err);
    if (spawn_process(spec, &c->pid, err) < 0) {
        free(c);
        return -1;
    }
    c->fn = fn;
    c->arg = arg;
    struct child **bucket = &children->buckets[(unsigned)c->pid % BUCKETS];
    c->next = *bucket;
    *bucket = c;
    children->count++;
    *ret_child = c;
    return 0;
}

pid_t child_pid(const struct child *child)
{
    return child->pid;
}

void child_disown(struct child *child)
{
    if (child)
        child->fn = NULL;
}
