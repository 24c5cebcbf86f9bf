/* Taking connections, until no more are wanted. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "http/exchange_internal.h"

/* Connections taken per wake-up, so that a flood of them does not starve the rest. */
#define ACCEPT_BATCH    64
#define ACCEPT_PAUSE_MS 100

void accept_again(void *arg)
{
    struct server *server = arg;
    if (server->accepting)
        watch_set(server->accepting, WATCH_READ);
}

/* Out of descriptors or memory: the connection stays in the backlog, and trying at once would spin.
 */
static void accept_later(struct server *server, int why)
{
    log_warn("accept: %s", strerrordesc_np(why));
    watch_set(server->accepting, 0);
    timer_set(server->accept_again, ACCEPT_PAUSE_MS);
}

void accept_ready(void *arg, unsigned events)
{
    struct server *server = arg;
    (void)events;
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        struct sockaddr_storage from;
        socklen_t length = sizeof from;
        int fd = accept4(server->listener, (struct sockaddr *)&from, &length,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
                accept_later(server, errno);
            return;
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
