/* sandgate: opens every room, joins them, runs the loop, closes in reverse. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/app.h"
#include "api/file_ops.h"
#include "base/log.h"
#include "core/auth.h"
#include "core/bash_sessions.h"
#include "core/code_run.h"
#include "core/config.h"
#include "core/environment.h"
#include "core/files.h"
#include "core/history.h"
#include "core/jupyter_sessions.h"
#include "core/node_sessions.h"
#include "core/recorder.h"
#include "core/resources.h"
#include "core/shell_sessions.h"
#include "core/supervisor.h"
#include "core/toolbox.h"
#include "http/upstream.h"
#include "http/ws.h"
#include "io/birth.h"
#include "io/slack.h"
#include "io/spawn.h"
#include "store/store.h"

extern char **environ;

#define SHUTDOWN_GRACE_MS 2000
#define SERVICES_GRACE_MS 3000
#define KILL_GRACE_MS     1000
#define IDLE_SECONDS      75
#define SERVICE_WAIT_MS   45000
#define BLOCKING_AT_ONCE  6
#define SLOW_AT_ONCE      4
/* One for each of those, and two for the database and uploads. */
#define WORKERS "12"

struct gateway {
    struct arena *arena;
    struct config config;
    struct environment *environment;
    struct pipeline pipeline;
    struct slack *slack;
    struct app app;
};

static int bad_start(const struct err *err)
{
    (void)fprintf(stderr, "sandgate: %s\n", err->text);
    return 1;
}

static int try_listen(const struct addrinfo *address, int *ret_fd)
{
    int one = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, 1024) < 0) {
        int why = errno;
        (void)close(fd);
        errno = why;
        return -1;
    }
    *ret_fd = fd;
    return 0;
}

static int listen_on(const struct config *config, int *ret_fd, struct err *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[8];
    (void)snprintf(port, sizeof port, "%u", config->listen_port);
    int r = getaddrinfo(config->listen_host, port, &hints, &found);
    if (r != 0)
        return err_set(err, ERR_INVALID, "--listen: %s: %s", config->listen, gai_strerror(r));
    r = try_listen(found, ret_fd);
    if (r < 0)
        (void)err_errno(err, errno, "cannot listen on %s", config->listen);
    freeaddrinfo(found);
    return r;
}

static uint16_t port_of(int listener)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {.sin6_port = 0}};
    socklen_t length = sizeof address;
    if (getsockname(listener, &address.any, &length) < 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

/* The one line on standard output: whoever started us reads the address from it. */
static void announce(int listener)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    char host[64], port[8];
    if (getsockname(listener, (struct sockaddr *)&address, &length) < 0 ||
        getnameinfo((struct sockaddr *)&address, length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    bool v6 = address.ss_family == AF_INET6;
    printf("listening http://%s%s%s:%s\n", v6 ? "[" : "", host, v6 ? "]" : "", port);
    (void)fflush(stdout);
}

static void on_stop(void *arg, int number)
{
    struct gateway *g = arg;
    log_info("signal %d: stopping", number);
    loop_stop(g->app.loop);
}

/* Two gateways on one state directory would end each other's children and mix their history. The
 * descriptor, and with it the lock, goes with the process. */
static int lock_state(const struct gateway *g, struct err *err)
{
    const char *path = arena_printf(g->arena, "%s/lock", g->config.state);
    if (!path)
        return err_memory(err);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, errno, "--state: cannot open %s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        (void)close(fd);
        return err_set(err, ERR_CONFLICT, "--state: another gateway is using %s", g->config.state);
    }
    return 0;
}

static int open_base(struct gateway *g, struct err *err)
{
    if (lock_state(g, err) < 0)
        return -1;
    if (environment_open(&g->config, environ, &g->environment, err) < 0 ||
        toolbox_open(g->environment, &g->app.toolbox, err) < 0 ||
        loop_open(&g->app.loop, err) < 0 || slack_open(g->app.loop, &g->slack, err) < 0 ||
        children_open(g->app.loop, &g->app.children, err) < 0 ||
        loop_signal(g->app.loop, SIGTERM, on_stop, g, err) < 0 ||
        loop_signal(g->app.loop, SIGINT, on_stop, g, err) < 0)
        return -1;
    size_t left = environment_end_leftovers(g->environment);
    if (left)
        log_warn("ended %zu processes that an earlier gateway left behind", left);
    birth_open(g->config.memory_max, g->config.pids_max);
    return 0;
}

static int open_store(struct gateway *g, struct err *err)
{
    bool moved;
    const char *path = arena_printf(g->arena, "%s/sandgate.db", g->config.state);
    if (!path)
        return err_memory(err);
    int r = store_open(g->app.loop, path, &g->app.store, &moved, err);
    /* Whoever wants to make room needs the gateway for that. */
    if (r < 0 && err->sys == ENOSPC) {
        log_error("%s: %s: the history of this run is kept in memory alone", path, err->text);
        r = store_open(g->app.loop, STORE_IN_MEMORY, &g->app.store, &moved, err);
    }
    if (r < 0)
        return -1;
    if (moved)
        log_warn("the database was damaged: moved aside as %s.damaged-*, history starts anew",
                 path);
    return 0;
}

static int open_sessions(struct gateway *g, struct err *err)
{
    struct app *app = &g->app;
    if (history_settle(app->store, &g->config, err) < 0)
        return -1;
    if (bash_sessions_open(app->loop, app->children, app->store, &g->config, g->environment,
                           &app->bash, err) < 0)
        return -1;
    if (shell_sessions_open(app->loop, app->children, app->store, &g->config, g->environment,
                            &app->shells, err) < 0)
        return -1;
    return recorder_open(app->loop, app->children, &g->config, app->toolbox, &app->recorder, err);
}

/* /proc/PID/environ and cmdline show what the process was started with to every command of the
 * same user: take the key out of both as soon as it is kept elsewhere. */
static void wipe_key(struct gateway *g)
{
    char *key = (char *)(uintptr_t)g->config.api_key;
    explicit_bzero(key, strlen(key));
}

/* Half of the descriptors at most: a connection that is passed on has two, and what it asks for
 * needs some of its own. */
static unsigned connections_within_reach(const struct config *config)
{
    struct rlimit files;
    rlim_t wanted = (rlim_t)config->max_connections;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur / 2 >= wanted)
        return (unsigned)wanted;
    log_warn("the limit of %llu open files leaves room for %llu connections, not %llu",
             (unsigned long long)files.rlim_cur, (unsigned long long)files.rlim_cur / 2,
             (unsigned long long)wanted);
    return (unsigned)(files.rlim_cur / 2);
}

static int open_http(struct gateway *g, struct err *err)
{
    int fd = -1;
    if (auth_open(g->config.api_key, &g->app.auth, err) < 0 ||
        router_open(route_tables, &g->app.router, err) < 0 ||
        ws_context_open(g->app.loop, &g->app.ws, err) < 0 ||
        upstream_pool_open(g->app.loop, &g->app.upstreams, err) < 0 ||
        listen_on(&g->config, &fd, err) < 0)
        return -1;
    g->app.port = port_of(fd);
    if (auth_required(g->app.auth))
        wipe_key(g);
    g->pipeline = (struct pipeline){
        .auth = g->app.auth,
        .router = g->app.router,
        .supervisor = g->app.supervisor,
        .preview = &preview_named_route,
        .guard = {g->config.allowed_hosts, auth_required(g->app.auth)},
        .max_blocking = BLOCKING_AT_ONCE,
        .max_slow = SLOW_AT_ONCE,
        .service_ms = SERVICE_WAIT_MS,
    };
    struct server_hooks hooks = pipeline_hooks(&g->pipeline, &g->app);
    struct server_limits limits = {
        .connections = connections_within_reach(&g->config),
        .idle_seconds = IDLE_SECONDS,
        .stall_ms = (uint64_t)g->config.stall_seconds * 1000,
        .min_rate = (uint64_t)g->config.min_rate,
    };
    if (server_open(g->app.loop, fd, &hooks, &limits, &g->app.server, err) < 0)
        return -1;
    announce(fd);
    return 0;
}

static int open_code(struct gateway *g, struct err *err)
{
    struct app *app = &g->app;
    if (code_jobs_open(app->loop, &app->code_jobs, err) < 0 ||
        code_runs_open(app->loop, app->children, &g->config, g->environment, app->code_jobs,
                       &app->code_runs, err) < 0)
        return -1;
    if (node_sessions_open(app->loop, app->children, &g->config, g->environment, app->code_jobs,
                           &app->node, err) < 0)
        return -1;
    return jupyter_sessions_open(app->loop, app->children, &g->config, g->environment,
                                 app->code_jobs, &app->jupyter, err);
}

static int open_all(struct gateway *g, struct err *err)
{
    g->app.config = &g->config;
    g->app.pipeline = &g->pipeline;
    g->app.started_ms = loop_clock();
    if (open_base(g, err) < 0)
        return -1;
    g->app.environment = g->environment;
    if (files_open(g->config.workspace, g->config.state, &g->app.files, err) < 0 ||
        resources_open("", g->config.workspace, &g->app.resources, err) < 0 ||
        open_store(g, err) < 0 || open_sessions(g, err) < 0 || open_code(g, err) < 0 ||
        supervisor_open(g->app.loop, g->app.children, &g->config, g->environment,
                        &g->app.supervisor, err) < 0)
        return -1;
    return open_http(g, err);
}

static int no_descendants(void *arg)
{
    (void)arg;
    return children_kill_all(0) == 0;
}

static void end_children(struct gateway *g)
{
    if (children_kill_all(SIGTERM) == 0)
        return;
    (void)children_kill_all(SIGCONT);
    loop_drain(g->app.loop, no_descendants, NULL, KILL_GRACE_MS);
    if (children_kill_all(SIGKILL) > 0)
        loop_drain(g->app.loop, no_descendants, NULL, KILL_GRACE_MS);
}

static void close_all(struct gateway *g)
{
    if (g->app.supervisor)
        supervisor_stop(g->app.supervisor);
    if (g->app.bash)
        bash_sessions_stop(g->app.bash);
    if (g->app.shells)
        shell_sessions_stop(g->app.shells, "the gateway stopped");
    if (g->app.code_runs)
        code_runs_stop(g->app.code_runs);
    if (g->app.node)
        node_sessions_stop(g->app.node);
    if (g->app.jupyter)
        jupyter_sessions_stop(g->app.jupyter);
    if (g->app.server) {
        server_quiesce(g->app.server);
        loop_drain(g->app.loop, server_idle, g->app.server, SHUTDOWN_GRACE_MS);
    }
    if (g->app.supervisor)
        loop_drain(g->app.loop, supervisor_stopped, g->app.supervisor, SERVICES_GRACE_MS);
    if (g->app.children)
        end_children(g);
    if (g->app.code_runs)
        loop_drain(g->app.loop, code_runs_idle, g->app.code_runs, SHUTDOWN_GRACE_MS);
    /* With their children ended, workers come back. */
    if (g->app.server)
        loop_drain(g->app.loop, server_released, g->app.server, SHUTDOWN_GRACE_MS);
    ws_context_close(g->app.ws);
    server_close(g->app.server);
    upstream_pool_close(g->app.upstreams);
    bytes_done(&g->app.openapi);
    router_close(g->app.router);
    auth_close(g->app.auth);
    bash_sessions_close(g->app.bash);
    shell_sessions_close(g->app.shells);
    node_sessions_close(g->app.node);
    jupyter_sessions_close(g->app.jupyter);
    code_runs_close(g->app.code_runs);
    code_jobs_close(g->app.code_jobs);
    recorder_close(g->app.recorder);
    supervisor_close(g->app.supervisor);
    if (g->app.store)
        loop_drain(g->app.loop, store_idle, g->app.store, SHUTDOWN_GRACE_MS);
    store_close(g->app.store);
    slack_close(g->slack);
    loop_close(g->app.loop);
    children_close(g->app.children);
    birth_close();
    toolbox_close(g->app.toolbox);
    resources_close(g->app.resources);
    files_close(g->app.files);
    environment_close(g->environment);
}

static int run(struct gateway *g)
{
    struct err err;
    int r = open_all(g, &err);
    if (r < 0)
        (void)bad_start(&err);
    else
        loop_run(g->app.loop);
    close_all(g);
    return r < 0 ? 1 : 0;
}

static int start(struct gateway *g, int argc, char **argv)
{
    struct err err;
    if (config_load(g->arena, argc, argv, environ, &g->config, &err) < 0)
        return bad_start(&err);
    if (g->config.help) {
        config_print_help();
        return 0;
    }
    if (g->config.version) {
        printf("sandgate %s\n", SANDGATE_VERSION);
        return 0;
    }
    log_set_level((enum log_level)log_level_parse(g->config.log_level));
    if (config_prepare(g->arena, &g->config, &err) < 0)
        return bad_start(&err);
    if (g->config.check_only) {
        config_print(&g->config);
        return 0;
    }
    return run(g);
}

/* Descriptors 0–2 must be taken, or a socket could become somebody's standard output. */
static void hold_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= 2);
    if (fd > 2)
        (void)close(fd);
}

int main(int argc, char **argv)
{
    struct gateway gateway = {.arena = arena_new()};
    hold_standard_descriptors();
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a write past RLIMIT_FSIZE fails instead */
    (void)setenv("UV_THREADPOOL_SIZE", WORKERS, 1);
    /* Few threads allocate here: more arenas would only hold more memory. */
    (void)mallopt(M_ARENA_MAX, 2);
    (void)mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 1536 * 1024);
    if (!gateway.arena)
        return 1;
    if (argc > 1 && strcmp(argv[1], "file-op") == 0) {
        arena_free(gateway.arena);
        return file_op_main(argc, argv);
    }
    int code = start(&gateway, argc, argv);
    arena_free(gateway.arena);
    return code;
}
