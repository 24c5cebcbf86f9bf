#include "core/node_worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

/* Of one frame; repl.js keeps below it. */
#define FRAME_CEILING (16 * MIB)
#define ASKED_CEILING (64 * MIB)
#define FRAME_HEAD    4
/* A flood is read in turns with everyone else; a pipe holds one chunk. */
#define READ_CHUNK  65536
#define READ_ROUNDS 8

enum { CHANNEL, OUT, ERRORS, ENDS };

struct worker_end {
    struct node_worker *worker;
    int fd; /* -1: closed */
    struct watch *watch;
};

struct node_worker {
    struct loop *loop;
    struct node_worker_hooks hooks;
    struct child *child; /* NULL: reaped */
    pid_t pgid;
    struct worker_end ends[ENDS];
    int input; /* memfd; its offset is the child's */
    struct bytes told, asked;
    struct outlog *logs[ENDS];
    bool closed; /* the memory goes when the child is reaped */
    bool reading;
};

static void close_end(struct worker_end *end)
{
    watch_close(end->watch);
    end->watch = NULL;
    if (end->fd >= 0)
        (void)close(end->fd);
    end->fd = -1;
}

static void worker_free(struct node_worker *w)
{
    for (int i = 0; i < ENDS; i++)
        close_end(&w->ends[i]);
    if (w->input >= 0)
        (void)close(w->input);
    bytes_done(&w->told);
    bytes_done(&w->asked);
    free(w);
}

/* ---- output ---- */

/* What can be read now, a bounded amount. */
static void drain(struct worker_end *end, int rounds)
{
    struct node_worker *w = end->worker;
    static char chunk[READ_CHUNK]; /* loop thread only */
    for (int i = 0; i < rounds && end->fd >= 0; i++) {
        ssize_t n = read(end->fd, chunk, sizeof chunk);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            close_end(end);
            return;
        }
        struct outlog *log = w->logs[end - w->ends];
        if (log)
            outlog_append(log, chunk, (size_t)n);
    }
}

static void on_output(void *arg, unsigned events)
{
    (void)events;
    drain(arg, READ_ROUNDS);
}

void node_worker_set_output(struct node_worker *w, struct outlog *out, struct outlog *errors)
{
    drain(&w->ends[OUT], READ_ROUNDS);
    drain(&w->ends[ERRORS], READ_ROUNDS);
    w->logs[OUT] = out;
    w->logs[ERRORS] = errors;
}

/* ---- frames ---- */

/* Its ended() follows when it is reaped. */
static void kill_group(const struct node_worker *w)
{
    if (w->child)
        (void)kill(-w->pgid, SIGKILL);
}

static void take_frames(struct node_worker *w)
{
    uint32_t head;
    while (!w->closed && w->told.len >= FRAME_HEAD) {
        memcpy(&head, w->told.data, sizeof head);
        size_t n = ntohl(head);
        if (n > FRAME_CEILING) {
            log_warn("node: a frame of %zu bytes from a session's process", n);
            close_end(&w->ends[CHANNEL]);
            kill_group(w);
            return;
        }
        if (w->told.len < FRAME_HEAD + n)
            return;
        if (w->hooks.said(w->hooks.arg, w->told.data + FRAME_HEAD, n) < 0) {
            log_warn("node: out of memory for what a session's process says");
            close_end(&w->ends[CHANNEL]);
            kill_group(w);
            return;
        }
        bytes_consume(&w->told, FRAME_HEAD + n);
    }
}

static void read_channel(struct node_worker *w)
{
    struct worker_end *end = &w->ends[CHANNEL];
    static char chunk[READ_CHUNK];
    for (int i = 0; i < READ_ROUNDS && end->fd >= 0 && !w->closed; i++) {
        ssize_t n = recv(end->fd, chunk, sizeof chunk, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0 || bytes_add(&w->told, chunk, (size_t)n) < 0) {
            close_end(end);
            kill_group(w);
            return;
        }
        take_frames(w);
    }
}

static void write_channel(struct node_worker *w)
{
    struct worker_end *end = &w->ends[CHANNEL];
    while (end->fd >= 0 && w->asked.len) {
        ssize_t n = send(end->fd, w->asked.data, w->asked.len, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n <= 0) {
            close_end(end);
            kill_group(w);
            return;
        }
        bytes_consume(&w->asked, (size_t)n);
    }
    if (end->watch)
        watch_set(end->watch, w->asked.len ? WATCH_READ | WATCH_WRITE : WATCH_READ);
}

static void on_channel(void *arg, unsigned events)
{
    struct worker_end *end = arg;
    struct node_worker *w = end->worker;
    (void)events;
    write_channel(w);
    read_channel(w);
}

int node_worker_ask(struct node_worker *w, struct text input, const struct bytes *json,
                    struct err *err)
{
    uint32_t head = htonl((uint32_t)json->len);
    if (ftruncate(w->input, 0) < 0 ||
        (input.n && pwrite(w->input, input.p, input.n, 0) != (ssize_t)input.n) ||
        lseek(w->input, 0, SEEK_SET) < 0)
        return err_errno(err, errno, "cannot hand over the standard input");
    if (bytes_add(&w->asked, &head, sizeof head) < 0 ||
        bytes_add(&w->asked, json->data, json->len) < 0)
        return err_memory(err);
    write_channel(w);
    return 0;
}

void node_worker_interrupt(struct node_worker *w)
{
    if (w->child)
        (void)kill(-w->pgid, SIGINT);
}

/* ---- begin and end ---- */

static void on_exit_of(void *arg, struct exit_status status)
{
    struct node_worker *w = arg;
    w->child = NULL;
    /* What it started in the background goes with it. */
    (void)kill(-w->pgid, SIGKILL);
    /* An answer may still be on its way to us, and all it printed is in the pipes. */
    w->reading = true;
    read_channel(w);
    w->reading = false;
    if (w->closed) {
        worker_free(w);
        return;
    }
    drain(&w->ends[OUT], READ_ROUNDS);
    drain(&w->ends[ERRORS], READ_ROUNDS);
    for (int i = 0; i < ENDS; i++)
        close_end(&w->ends[i]);
    w->hooks.ended(w->hooks.arg, status);
}

void node_worker_close(struct node_worker *w)
{
    if (!w || w->closed)
        return;
    w->closed = true;
    for (int i = 0; i < ENDS; i++)
        close_end(&w->ends[i]);
    if (w->child)
        kill_group(w);
    else if (!w->reading)
        worker_free(w);
}

void node_worker_give(struct node_worker *w, const struct node_worker_hooks *hooks)
{
    w->hooks = *hooks;
}

static int open_end(struct node_worker *w, int which, int fd, struct err *err)
{
    w->ends[which].fd = fd;
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    if (watch_open(w->loop, fd, which == CHANNEL ? on_channel : on_output, &w->ends[which],
                   &w->ends[which].watch, err) < 0)
        return -1;
    watch_set(w->ends[which].watch, WATCH_READ);
    return 0;
}

/* theirs[0..2]: the child's standard descriptors, theirs[3] its channel. */
static int open_ends(struct node_worker *w, int theirs[4], struct err *err)
{
    int pair[2];
    w->input = memfd_create("stdin", MFD_CLOEXEC);
    if (w->input < 0)
        return err_errno(err, errno, "cannot make a standard input");
    theirs[0] = w->input;
    for (int i = OUT; i <= ERRORS; i++) {
        if (pipe2(pair, O_CLOEXEC) < 0)
            return err_errno(err, errno, "cannot make a pipe");
        theirs[i] = pair[1];
        if (open_end(w, i, pair[0], err) < 0)
            return -1;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return err_errno(err, errno, "cannot make a socket");
    theirs[3] = pair[1];
    return open_end(w, CHANNEL, pair[0], err);
}

static int start(struct node_worker *w, const struct node_worker_spec *spec, struct err *err)
{
    int theirs[4] = {-1, -1, -1, -1};
    const char *argv[] = {spec->node, spec->script, NULL};
    int r = open_ends(w, theirs, err);
    if (r == 0) {
        struct spawn_spec process = {
            .argv = argv,
            .envp = spec->envp,
            .cwd = spec->cwd,
            .stdio = {theirs[0], theirs[1], theirs[2]},
            .channel = theirs[3],
        };
        r = child_spawn(spec->children, &process, on_exit_of, w, &w->child, err);
    }
    for (int i = 1; i < 4; i++) /* theirs[0] is ours as well */
        if (theirs[i] >= 0)
            (void)close(theirs[i]);
    if (r == 0)
        w->pgid = child_pid(w->child);
    return r;
}

int node_worker_open(const struct node_worker_spec *spec, struct node_worker **ret_worker,
                     struct err *err)
{
    struct node_worker *w = calloc(1, sizeof *w);
    if (!w)
        return err_memory(err);
    *w = (struct node_worker){.loop = spec->loop, .hooks = spec->hooks, .input = -1};
    for (int i = 0; i < ENDS; i++)
        w->ends[i] = (struct worker_end){w, -1, NULL};
    w->told = bytes_with_limit(FRAME_CEILING + FRAME_HEAD + READ_CHUNK);
    w->asked = bytes_with_limit(ASKED_CEILING);
    if (start(w, spec, err) < 0) {
        worker_free(w);
        return -1;
    }
    *ret_worker = w;
    return 0;
}
