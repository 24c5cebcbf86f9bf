/* spawn_wait() and its kin: a program run to its end on a worker thread, with a deadline and
 * bounded output. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "io/spawn_internal.h"

struct exchange_of_bytes {
    struct pollfd fds[4]; /* stdin, stdout, stderr, the exit event */
    const char *input;
    size_t left;
    struct bytes *to[3];
    const struct spawn_taker *taker; /* instead of to[1]; may be NULL */
    bool enough;                     /* the taker wants no more */
};

static void close_end(struct pollfd *fd)
{
    if (fd->fd >= 0)
        (void)close(fd->fd);
    fd->fd = -1;
}

/* The parent's ends are non-blocking, the child's are not: they are different descriptions. */
static int make_pipes(struct exchange_of_bytes *x, int child[3], struct err *err)
{
    for (int i = 0; i < 3; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0)
            return err_errno(err, errno, "cannot make a pipe");
        child[i] = ends[i == 0 ? 0 : 1];
        int mine = ends[i == 0 ? 1 : 0];
        (void)fcntl(mine, F_SETFL, O_NONBLOCK);
        x->fds[i] = (struct pollfd){mine, i == 0 ? POLLOUT : POLLIN, 0};
    }
    return 0;
}

static void feed(struct exchange_of_bytes *x)
{
    ssize_t n = x->left ? write(x->fds[0].fd, x->input, x->left) : 0;
    if (n > 0) {
        x->input += n;
        x->left -= (size_t)n;
    }
    if (x->left == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        close_end(&x->fds[0]);
}

/* False when the buffer is full: the rest is not wanted. */
static bool collect(struct exchange_of_bytes *x, int which)
{
    char chunk[65536];
    for (;;) {
        ssize_t n = read(x->fds[which].fd, chunk, sizeof chunk);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (n <= 0) {
            close_end(&x->fds[which]);
            return true;
        }
        if (which == 1 && x->taker && x->taker->take(x->taker->arg, chunk, (size_t)n) != 0) {
            x->enough = true;
            return false;
        }
        if (x->to[which] && bytes_add(x->to[which], chunk, (size_t)n) < 0)
            return false;
    }
}

/* Until the program has ended. Returns false when it must be killed. */
static bool converse(struct exchange_of_bytes *x, uint64_t deadline)
{
    for (;;) {
        uint64_t now = loop_clock();
        if (now >= deadline)
            return false;
        int n = poll(x->fds, 4, deadline - now > 60000 ? 60000 : (int)(deadline - now));
        if (n < 0 && errno != EINTR)
            return false;
        if (n <= 0)
            continue;
        if (x->fds[0].fd >= 0 && x->fds[0].revents)
            feed(x);
        for (int i = 1; i < 3; i++)
            if (x->fds[i].fd >= 0 && x->fds[i].revents && !collect(x, i))
                return false;
        if (x->fds[3].revents)
            break;
    }
    /* What it wrote before it ended is still in the pipes; what it left behind may hold them. */
    for (int i = 1; i < 3; i++)
        if (x->fds[i].fd >= 0)
            (void)collect(x, i);
    return true;
}

static int start(const struct spawn_spec *spec, struct waiter *w, struct err *err)
{
    waiter_spawn_lock();
    int r = spawn_process(spec, &w->pid, err);
    if (r == 0)
        waiter_add(w);
    waiter_spawn_unlock();
    return r;
}

static void wait_for_end(const struct waiter *w)
{
    struct pollfd end = {w->event, POLLIN, 0};
    while (poll(&end, 1, -1) < 0 && errno == EINTR)
        ;
}

static bool ended_by_us(const struct exchange_of_bytes *x)
{
    return x->enough || (x->to[1] && x->to[1]->failed) || (x->to[2] && x->to[2]->failed);
}

static int run(const struct spawn_spec *spec, struct exchange_of_bytes *x, uint64_t deadline_ms,
               struct exit_status *ret_status, struct err *err)
{
    int child[3] = {-1, -1, -1};
    struct waiter w = {.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    struct spawn_spec full = *spec;
    for (int i = 0; i < 3; i++)
        x->fds[i].fd = -1;
    x->fds[3] = (struct pollfd){w.event, POLLIN, 0};

    int r = w.event < 0 ? err_errno(err, errno, "cannot wait for a process")
                        : make_pipes(x, child, err);
    if (r == 0) {
        memcpy(full.stdio, child, sizeof child);
        r = start(&full, &w, err);
    }
    for (int i = 0; i < 3; i++)
        if (child[i] >= 0)
            (void)close(child[i]);
    if (r == 0 && !converse(x, loop_clock() + deadline_ms)) {
        (void)kill(-w.pid, SIGKILL);
        wait_for_end(&w);
        if (!ended_by_us(x))
            r = err_set(err, ERR_TIMEOUT, "%s did not finish in time", spec->argv[0]);
    }
    /* The reaper tells under the lock: having held it says that it is through with `w`. */
    waiter_spawn_lock();
    waiter_spawn_unlock();
    if (r == 0)
        *ret_status = w.status;
    for (int i = 0; i < 3; i++)
        close_end(&x->fds[i]);
    if (w.event >= 0)
        (void)close(w.event);
    return r;
}

int spawn_wait(const struct spawn_spec *spec, const char *input, size_t input_length,
               struct bytes *out, struct bytes *errors, uint64_t deadline_ms,
               struct exit_status *ret_status, struct err *err)
{
    struct exchange_of_bytes x = {.input = input, .left = input_length, .to = {NULL, out, errors}};
    return run(spec, &x, deadline_ms, ret_status, err);
}

int spawn_wait_taking(const struct spawn_spec *spec, const struct spawn_taker *taker,
                      struct bytes *errors, uint64_t deadline_ms, struct exit_status *ret_status,
                      struct err *err)
{
    struct exchange_of_bytes x = {.to = {NULL, NULL, errors}, .taker = taker};
    return run(spec, &x, deadline_ms, ret_status, err);
}
