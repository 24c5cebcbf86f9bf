#include "core/probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"

/* The pause grows with the time already waited, so that what starts quickly is noticed quickly. */
#define PAUSE_SHARE  16
#define PAUSE_MIN_MS 10
#define PAUSE_MAX_MS 200
/* One attempt: a listener that is stuck is asked again. */
#define ATTEMPT_MS 2000
#define REQUEST    (8 * KIB)

struct probe {
    struct loop *loop;
    struct probe_spec spec;
    uint64_t started, due;
    int fd; /* -1: between attempts */
    struct watch *watch;
    struct timer *timer;
    struct bytes request; /* what is still to be sent */
    char head[16];        /* of the answer: "HTTP/1.1 200" */
    size_t head_n;
};

static void attempt(struct probe *p);

static void end_attempt(struct probe *p)
{
    watch_close(p->watch);
    p->watch = NULL;
    if (p->fd >= 0)
        (void)close(p->fd);
    p->fd = -1;
}

static void finish(struct probe *p, bool ready)
{
    void (*done)(void *, bool) = p->spec.done;
    void *arg = p->spec.arg;
    probe_close(p);
    done(arg, ready);
}

static void again(struct probe *p)
{
    uint64_t now = loop_clock(), pause = (now - p->started) / PAUSE_SHARE;
    end_attempt(p);
    if (pause < PAUSE_MIN_MS)
        pause = PAUSE_MIN_MS;
    if (pause > PAUSE_MAX_MS)
        pause = PAUSE_MAX_MS;
    if (now + pause > p->due)
        pause = p->due > now ? p->due - now : 0;
    timer_set(p->timer, pause);
}

/* A port nobody listens on may be the very one the kernel gave our end: then we are talking to
 * ourselves. */
static bool talks_to_itself(int fd)
{
    struct sockaddr_in here = {0}, there = {0};
    socklen_t n = sizeof here, m = sizeof there;
    return getsockname(fd, (struct sockaddr *)&here, &n) == 0 && here.sin_family == AF_INET &&
           getpeername(fd, (struct sockaddr *)&there, &m) == 0 && here.sin_port == there.sin_port;
}

static bool connected(int fd)
{
    int why = 0;
    socklen_t n = sizeof why;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n) == 0 && why == 0 && !talks_to_itself(fd);
}

static void send_request(struct probe *p)
{
    ssize_t n = send(p->fd, p->request.data, p->request.len, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        again(p);
        return;
    }
    if (n > 0)
        bytes_consume(&p->request, (size_t)n);
    watch_set(p->watch, p->request.len ? WATCH_WRITE : WATCH_READ);
}

static void read_answer(struct probe *p)
{
    static const char version[] = "HTTP/1.";
    ssize_t n = recv(p->fd, p->head + p->head_n, sizeof p->head - p->head_n, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        p->head_n += (size_t)n;
    if (n > 0 && p->head_n < 12)
        return;
    if (n > 0 && memcmp(p->head, version, sizeof version - 1) == 0 && p->head[8] == ' ' &&
        p->head[9] == '2')
        finish(p, true);
    else
        again(p);
}

static void on_event(void *arg, unsigned events)
{
    struct probe *p = arg;
    bool asking = p->spec.kind == PROBE_HTTP;
    if (events & WATCH_WRITE && asking && p->request.len) {
        if (connected(p->fd))
            send_request(p);
        else
            again(p);
    } else if (asking) {
        read_answer(p);
    } else if (connected(p->fd)) {
        finish(p, true);
    } else {
        again(p);
    }
}

/* The Host is the service's own: Chromium takes no other name than localhost. */
static int write_request(struct probe *p)
{
    bytes_clear(&p->request);
    p->head_n = 0;
    if (p->spec.kind != PROBE_HTTP)
        return 0;
    const char *target = p->spec.target ? p->spec.target : "/";
    (void)bytes_printf(&p->request, "GET %s HTTP/1.1\r\nHost: localhost", target);
    if (p->spec.address.port)
        (void)bytes_printf(&p->request, ":%u", p->spec.address.port);
    return bytes_adds(&p->request, "\r\nConnection: close\r\n\r\n");
}

static void attempt(struct probe *p)
{
    struct err err;
    uint64_t now = loop_clock();
    if (write_request(p) < 0 || address_connect(&p->spec.address, &p->fd, &err) < 0 ||
        watch_open(p->loop, p->fd, on_event, p, &p->watch, &err) < 0) {
        again(p);
        return;
    }
    watch_set(p->watch, WATCH_WRITE);
    uint64_t left = p->due > now ? p->due - now : 0;
    timer_set(p->timer, left < ATTEMPT_MS ? left : ATTEMPT_MS);
}

/* Between attempts: the next one. During one: it takes too long. */
static void on_timer(void *arg)
{
    struct probe *p = arg;
    if (loop_clock() >= p->due)
        finish(p, false);
    else if (p->fd >= 0)
        again(p);
    else
        attempt(p);
}

int probe_open(struct loop *loop, const struct probe_spec *spec, struct probe **ret_probe,
               struct err *err)
{
    struct probe *p = calloc(1, sizeof *p);
    if (!p)
        return err_memory(err);
    uint64_t now = loop_clock();
    *p = (struct probe){.loop = loop,
                        .spec = *spec,
                        .started = now,
                        .due = now + spec->deadline_ms,
                        .fd = -1,
                        .request = BYTES_INIT(REQUEST)};
    if (timer_open(loop, on_timer, p, &p->timer, err) < 0) {
        free(p);
        return -1;
    }
    timer_set(p->timer, 0);
    *ret_probe = p;
    return 0;
}

void probe_close(struct probe *p)
{
    if (!p)
        return;
    end_attempt(p);
    timer_close(p->timer);
    bytes_done(&p->request);
    free(p);
}
