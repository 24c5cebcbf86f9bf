/* Taking connections, until no more are wanted. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "http/exchange_internal.h"

/* Connections taken per wake-up, so that a flood of them does not starve the rest. */
#define ACCEPT_BATCH    CONNECTIONS_ENDING
#define ACCEPT_PAUSE_MS 100

void accept_prepare(struct server *server)
{
    server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    server->patience.ceiling = server->limits.connections;
    server->patience.idle_ms = (uint64_t)server->limits.idle_seconds * 1000;
    server->patience.stall_ms = server->limits.stall_ms;
    server->patience.min_rate = server->limits.min_rate;
}

void accept_done(struct server *server)
{
    if (server->spare >= 0)
        (void)close(server->spare);
}

void accept_again(void *arg)
{
    struct server *server = arg;
    if (server->accepting)
        watch_set(server->accepting, WATCH_READ);
}

static int next_in_line(const struct server *server, struct sockaddr_storage *from,
                        socklen_t *length)
{
    *length = sizeof *from;
    return accept4(server->listener, (struct sockaddr *)from, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* No descriptor is left: the spare one serves to tell the next in line, who would else wait for
 * nothing. False when it is gone too. */
static bool refuse_next(struct server *server, const char *why)
{
    struct sockaddr_storage from;
    socklen_t length;
    if (server->spare < 0)
        return false;
    (void)close(server->spare);
    int fd = next_in_line(server, &from, &length);
    if (fd >= 0)
        patience_refuse(&server->patience, fd, why);
    server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

/* The connection stays in the backlog, and trying at once would spin. */
static void accept_later(struct server *server)
{
    if (server->spare < 0)
        server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    watch_set(server->accepting, 0);
    timer_set(server->accept_again, ACCEPT_PAUSE_MS);
}

/* False when there is nothing more to take now. */
static bool accept_failed(struct server *server, int why)
{
    if (why == EAGAIN)
        return false;
    if (why == EINTR || why == ECONNABORTED)
        return true;
    if ((why == EMFILE || why == ENFILE) && patience_make_room(&server->patience)) {
        server->kick = true;
        return false;
    }
    if ((why == EMFILE || why == ENFILE) && refuse_next(server, strerrordesc_np(why)))
        return true;
    accept_later(server);
    return false;
}

void accept_ready(void *arg, unsigned events)
{
    struct server *server = arg;
    (void)events;
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        struct sockaddr_storage from;
        socklen_t length;
        int fd = next_in_line(server, &from, &length);
        if (fd < 0) {
            if (!accept_failed(server, errno))
                return;
            continue;
        }
        if (!patience_admits(&server->patience)) {
            patience_refuse(&server->patience, fd, "no more are taken");
            continue;
        }
        send_at_once(fd);
        server_take(server, fd, (struct sockaddr *)&from, length);
    }
}

void server_quiesce(struct server *server)
{
    server->stopping = true;
    watch_close(server->accepting);
    server->accepting = NULL;
    if (server->listener >= 0)
        (void)close(server->listener);
    server->listener = -1;
    park_end_all(server);
}

int server_idle(void *arg)
{
    const struct server *server = arg;
    return server->under_way == 0;
}

int server_released(void *arg)
{
    const struct server *server = arg;
    return server->suspended == 0;
}
