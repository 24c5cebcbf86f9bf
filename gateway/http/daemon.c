/* The HTTP server: libmicrohttpd's daemon, run by our loop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "http/exchange_mhd.h"

/* MHD's pool per connection: the head (a cookie counts twice), and a body chunk, must fit. MHD
 * clears the whole of it after each request, so an idle connection costs all of it: this much keeps
 * 2000 of them below 40 MB, and still takes the 8 KiB of a header that nginx takes. */
#define POOL 18432

static void run_daemon(struct server *server)
{
    unsigned long long wait = 1;
    server->kick = false;
    /* Edge-triggered readiness left inside MHD shows as a timeout of zero. */
    for (int i = 0; i < 16; i++) {
        server->moved = false;
        (void)MHD_run(server->daemon);
        loop_next_turn(server->loop);
        if (MHD_get_timeout(server->daemon, &wait) != MHD_YES)
            return;
        if (wait > 0)
            break;
        if (server->lingering && !server->moved) {
            wait = LINGER_MS;
            break;
        }
    }
    /* An answer is sent without our being told. */
    bool moved = wait > 0 || server->moved || server->patience.answering;
    server->fruitless = moved ? 0 : server->fruitless + 1;
    if (server->fruitless > FRUITLESS_MAX)
        wait = 1;
    uint64_t due = loop_clock() + wait;
    if (server->timeout_due && server->timeout_due <= due)
        return;
    server->timeout_due = due;
    timer_set(server->timeout, wait);
}

static void on_events(void *arg, unsigned events)
{
    (void)events;
    run_daemon(arg);
}

static void on_timeout(void *arg)
{
    struct server *server = arg;
    server->timeout_due = 0;
    server->kick = true; /* not from here: a timer of no time would starve the loop */
}

static void before_wait(void *arg)
{
    struct server *server = arg;
    if (server->kick)
        run_daemon(server);
}

void server_take(struct server *server, int fd, const struct sockaddr *from, socklen_t length)
{
    /* MHD owns the socket from here, and closes it where it cannot serve it. */
    if (MHD_add_connection(server->daemon, fd, from, length) != MHD_YES)
        log_warn("connection dropped: %u are open", server_connections(server));
    server->kick = true;
}

static void mhd_log(void *cls, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
static void mhd_log(void *cls, const char *format, va_list args)
{
    char line[256];
    (void)cls;
    if (!log_enabled(LOG_DEBUG))
        return;
    (void)vsnprintf(line, sizeof line, format, args);
    log_debug("http: %s", line);
}

/* Targets are decoded by request.c; MHD's own decoding would lose what was sent. */
static size_t leave_escaped(void *cls, struct MHD_Connection *con, char *text)
{
    (void)cls;
    (void)con;
    return strlen(text);
}

static int start_daemon(struct server *server, struct err *err)
{
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_UPGRADE | MHD_ALLOW_SUSPEND_RESUME |
            MHD_USE_ERROR_LOG,
        0, NULL, NULL, exchange_on_request, server, MHD_OPTION_EXTERNAL_LOGGER, mhd_log, NULL,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL, MHD_OPTION_CONNECTION_LIMIT,
        server->limits.connections + CONNECTIONS_ENDING, MHD_OPTION_CONNECTION_TIMEOUT,
        server->limits.idle_seconds, MHD_OPTION_URI_LOG_CALLBACK, exchange_on_target, server,
        MHD_OPTION_NOTIFY_COMPLETED, exchange_on_completed, server, MHD_OPTION_UNESCAPE_CALLBACK,
        leave_escaped, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 0, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
        MHD_OPTION_NOTIFY_CONNECTION, exchange_on_connection, server, MHD_OPTION_END);
    return server->daemon ? 0 : err_set(err, ERR_INTERNAL, "cannot start the HTTP server");
}

static int watch_daemon(struct server *server, struct err *err)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info || info->epoll_fd < 0)
        return err_set(err, ERR_INTERNAL, "the HTTP server has no event descriptor");
    if (watch_open(server->loop, info->epoll_fd, on_events, server, &server->events, err) < 0 ||
        watch_open(server->loop, server->listener, accept_ready, server, &server->accepting, err) <
            0 ||
        timer_open(server->loop, on_timeout, server, &server->timeout, err) < 0 ||
        timer_open(server->loop, park_tick, server, &server->tick, err) < 0 ||
        timer_open(server->loop, accept_again, server, &server->accept_again, err) < 0 ||
        patience_open(&server->patience, server->loop, err) < 0 ||
        each_open(server->loop, before_wait, server, &server->before, err) < 0)
        return -1;
    watch_set(server->events, WATCH_READ);
    watch_set(server->accepting, WATCH_READ);
    return 0;
}

int server_open(struct loop *loop, int fd, const struct server_hooks *hooks,
                const struct server_limits *limits, struct server **ret_server, struct err *err)
{
    struct server *server = calloc(1, sizeof *server);
    if (!server) {
        (void)close(fd);
        return err_memory(err);
    }
    *server = (struct server){.loop = loop, .hooks = *hooks, .limits = *limits, .listener = fd};
    accept_prepare(server);
    if (start_daemon(server, err) < 0 || watch_daemon(server, err) < 0) {
        server_close(server);
        return -1;
    }
    *ret_server = server;
    return 0;
}

unsigned server_connections(const struct server *server)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return info ? info->num_connections : 0;
}

void server_close(struct server *server)
{
    if (!server)
        return;
    if (server->listener >= 0)
        server_quiesce(server);
    if (!server_released(server)) {
        /* A worker that does not come back still uses what belongs to its exchange. */
        log_warn("%u requests were still at work at the end", server->suspended);
        return;
    }
    watch_close(server->events);
    timer_close(server->timeout);
    timer_close(server->tick);
    timer_close(server->accept_again);
    each_close(server->before);
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    accept_done(server);
    patience_close(&server->patience);
    while (server->spare_arena_count > 0)
        arena_free(server->spare_arenas[--server->spare_arena_count]);
    free(server);
}
