/* Routes that need a service: a whole server with rows of its own, asked over a socket. */
#include "http/need.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "check.h"
#include "core/environment.h"
#include "http/envelope.h"
#include "http/pipeline.h"

extern char **environ;

#define PATIENCE_MS 400

static char root[] = "/tmp/sandgate-need-XXXXXX";
static struct loop *loop;
static struct children *children;
static struct environment *environment;
static struct supervisor *supervisor;
static struct auth *auth;
static struct router *router;
static struct server *server;
static struct pipeline pipeline;
static uint16_t port;

/* ---- rows ---- */

static _Atomic int calls; /* workers call, too */
static _Atomic bool ready_when_called;

static int answer(struct exchange *ex, struct err *err)
{
    const char *name = exchange_query_value(ex, "service");
    (void)err;
    calls++;
    ready_when_called = name && service_state(supervisor_find(supervisor, name)) == SERVICE_READY;
    reply_message(ex, "handled");
    return 0;
}

static void answer_late(void *arg)
{
    reply_message(arg, "handled late");
    exchange_wake(arg);
}

/* Parks by itself, as handlers may. */
static int answer_parked(struct exchange *ex, struct err *err)
{
    calls++;
    exchange_park(ex, 5000, NULL, NULL);
    return loop_post(loop, answer_late, ex) < 0 ? err_memory(err) : 0;
}

static struct upgraded *upgraded;

static void on_upgraded(void *arg, struct upgraded *up, int fd, const char *extra, size_t n)
{
    (void)arg;
    (void)fd;
    (void)extra;
    (void)n;
    upgraded = up;
}

static int answer_upgrade(struct exchange *ex, struct err *err)
{
    (void)err;
    calls++;
    exchange_add_header(ex, "Upgrade", "test");
    exchange_reply_upgrade(ex, on_upgraded, NULL);
    return 0;
}

#define ROW(path_, kind_, handler_, service_)                                                      \
    {                                                                                              \
        .method = "GET", .path = path_, .kind = kind_, .handler = handler_, .service = service_    \
    }

static const struct route rows[] = {
    ROW("/inline", ROUTE_INLINE, answer, "late"),
    ROW("/blocking", ROUTE_BLOCKING, answer, "late"),
    ROW("/parked", ROUTE_INLINE, answer_parked, "late"),
    ROW("/upgrade", ROUTE_SOCKET, answer_upgrade, "late"),
    ROW("/dies", ROUTE_INLINE, answer, "dies"),
    ROW("/never", ROUTE_INLINE, answer, "never"),
    ROW("/disabled", ROUTE_INLINE, answer, "disabled"),
    ROW("/free", ROUTE_INLINE, answer, NULL),
    ROUTES_END,
};

/* ---- what they need ---- */

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", root, dir);
    CHECK(mkdir(path, 0700) == 0 || errno == EEXIST);
    (void)snprintf(path, sizeof path, "%s/%s/%s", root, dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

static void write_services(void)
{
    write_file("services", "x", "");
    /* Answers on its socket 150 ms after its start. */
    write_file("services/late", "manifest.json",
               "{\"command\":[\"./run\"],\"listen\":{\"socket\":true},\"idle_stop_seconds\":0.2}");
    write_file("services/late", "run",
               "#!/bin/sh\nexec python3 -c 'import os, socket, time\n"
               "time.sleep(0.15)\ns = socket.socket(socket.AF_UNIX)\n"
               "s.bind(os.environ[\"SERVICE_SOCKET\"])\ns.listen()\nwhile True: s.accept()'\n");
    write_file("services/dies", "manifest.json",
               "{\"command\":[\"sh\",\"-c\",\"echo no luck; exit 9\"],"
               "\"listen\":{\"socket\":true}}");
    write_file("services/never", "manifest.json",
               "{\"command\":[\"sleep\",\"100\"],\"listen\":{\"socket\":true}}");
}

static int listen_here(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(bind(fd, (struct sockaddr *)&address, n) == 0 && listen(fd, 16) == 0 &&
          getsockname(fd, (struct sockaddr *)&address, &n) == 0);
    port = ntohs(address.sin_port);
    return fd;
}

static const struct auth_settings open_to_all = {.api_key = NULL};

static bool open_all(struct config *config, struct err *err)
{
    static const struct route *const tables[] = {rows, NULL};
    static const struct server_limits limits = {.connections = 64, .idle_seconds = 30};
    if (environment_open(config, environ, &environment, err) < 0 || loop_open(&loop, err) < 0 ||
        children_open(loop, &children, err) < 0 || auth_open(&open_to_all, &auth, err) < 0 ||
        supervisor_open(loop, children, config, environment, &supervisor, err) < 0 ||
        router_open(tables, &router, err) < 0)
        return false;
    pipeline = (struct pipeline){.auth = auth,
                                 .router = router,
                                 .supervisor = supervisor,
                                 .guard = {"", false},
                                 .max_blocking = 1,
                                 .max_slow = 1,
                                 .service_ms = 20000};
    struct server_hooks hooks = pipeline_hooks(&pipeline, NULL);
    return server_open(loop, listen_here(), &hooks, &limits, &server, err) == 0;
}

static void close_all(void)
{
    supervisor_stop(supervisor);
    server_quiesce(server);
    loop_drain(loop, server_idle, server, 5000);
    loop_drain(loop, supervisor_stopped, supervisor, 10000);
    CHECK(supervisor_stopped(supervisor) && children_count(children) == 0);
    server_close(server);
    supervisor_close(supervisor);
    router_close(router);
    auth_close(auth);
    loop_close(loop);
    children_close(children);
    environment_close(environment);
}

/* ---- a client ---- */

struct client {
    int fd;
    char text[2048];
    size_t n;
    bool closed;
};

static void ask(struct client *c, const char *target, const char *headers)
{
    char request[256];
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *c = (struct client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    int n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n",
                     target, headers);
    CHECK(connect(c->fd, (struct sockaddr *)&to, sizeof to) == 0);
    CHECK(send(c->fd, request, (size_t)n, MSG_NOSIGNAL) == n);
}

static int has_answer(void *arg)
{
    struct client *c = arg;
    ssize_t n;
    while ((n = recv(c->fd, c->text + c->n, sizeof c->text - 1 - c->n, MSG_DONTWAIT)) > 0)
        c->n += (size_t)n;
    c->closed |= n == 0;
    c->text[c->n] = '\0';
    return c->closed;
}

static int has_head(void *arg)
{
    return has_answer(arg) || strstr(((struct client *)arg)->text, "\r\n\r\n");
}

static int status(const struct client *c)
{
    return c->n > 12 ? (int)strtol(c->text + 9, NULL, 10) : 0;
}

static int get(struct client *c, const char *target)
{
    ask(c, target, "Connection: close\r\n");
    loop_drain(loop, has_answer, c, 20000);
    (void)close(c->fd);
    return status(c);
}

static struct service *the(const char *name)
{
    return supervisor_find(supervisor, name);
}

static int late_has_stopped(void *arg)
{
    (void)arg;
    return service_state(the("late")) == SERVICE_STOPPED;
}

static int late_is_ready(void *arg)
{
    (void)arg;
    return service_state(the("late")) == SERVICE_READY;
}

static unsigned holds(const char *name)
{
    struct service_info info;
    service_describe(the(name), &info);
    return info.holds;
}

static int late_is_free(void *arg)
{
    (void)arg;
    return holds("late") == 0;
}

/* From a cold start: the idle time of the last test is over. */
static void cool_down(void)
{
    service_stop(the("late"), "for the next test");
    loop_drain(loop, late_has_stopped, NULL, 10000);
    CHECK(late_has_stopped(NULL));
    calls = 0;
}

/* ---- tests ---- */

static void waits_until_ready(void)
{
    static const char *const targets[] = {"/inline?service=late", "/blocking?service=late"};
    struct client c;
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        cool_down();
        ready_when_called = false;
        CHECK(get(&c, targets[i]) == 200 && strstr(c.text, "handled"));
        CHECK(calls == 1 && ready_when_called);
        CHECK(get(&c, targets[i]) == 200 && calls == 2);
    }
    cool_down();
    CHECK(get(&c, "/parked") == 200 && strstr(c.text, "handled late") && calls == 1);
    CHECK(get(&c, "/free") == 200 && calls == 2);
}

/* More than there are workers: those behind wait their turn. */
static void serves_all_who_wait(void)
{
    struct client c[12];
    cool_down();
    for (size_t i = 0; i < COUNT_OF(c); i++)
        ask(&c[i], i % 2 ? "/inline?service=late" : "/blocking?service=late",
            "Connection: close\r\n");
    for (size_t i = 0; i < COUNT_OF(c); i++) {
        loop_drain(loop, has_answer, &c[i], 20000);
        CHECK(status(&c[i]) == 200);
        (void)close(c[i].fd);
    }
    CHECK(calls == COUNT_OF(c));
    loop_drain(loop, late_is_free, NULL, 5000);
    CHECK(holds("late") == 0);
}

static void tells_why_not(void)
{
    struct client c;
    calls = 0;
    CHECK(get(&c, "/dies") == 503);
    CHECK(strstr(c.text, "'dies'") && strstr(c.text, "exited with code 9: no luck"));
    CHECK(get(&c, "/disabled") == 503 && strstr(c.text, "'disabled'"));
    CHECK(calls == 0 && holds("dies") == 0);
}

static void gives_up_in_time(void)
{
    struct client c;
    uint64_t began = loop_clock();
    pipeline.service_ms = PATIENCE_MS;
    CHECK(get(&c, "/never") == 504 && strstr(c.text, "'never'"));
    uint64_t took = loop_clock() - began;
    pipeline.service_ms = 20000;
    CHECK(took >= PATIENCE_MS - 20 && took < PATIENCE_MS + 1000);
    CHECK(holds("never") == 0 && service_state(the("never")) == SERVICE_STARTING);
}

static void lets_go_when_the_client_leaves(void)
{
    struct client c;
    cool_down();
    ask(&c, "/never", "");
    loop_drain(loop, has_answer, &c, 300);
    CHECK(c.n == 0 && holds("never") == 1);
    (void)close(c.fd);
    loop_drain(loop, server_idle, server, 3000);
    CHECK(server_idle(server) && holds("never") == 0);
}

/* Longer than its idle time. */
static void holds_while_in_use(void)
{
    struct client c;
    cool_down();
    ask(&c, "/upgrade", "Connection: Upgrade\r\nUpgrade: test\r\n");
    loop_drain(loop, has_head, &c, 20000);
    CHECK(status(&c) == 101 && upgraded && holds("late") == 1);
    loop_drain(loop, late_has_stopped, NULL, 600);
    CHECK(late_is_ready(NULL));
    upgraded_close(upgraded);
    loop_drain(loop, late_has_stopped, NULL, 5000);
    CHECK(late_has_stopped(NULL) && holds("late") == 0);
    (void)close(c.fd);
}

/* A use that comes just when the idle time is over must neither meet a dead service nor be lost. */
static void a_use_during_the_stop_waits(void)
{
    struct client c;
    cool_down();
    CHECK(get(&c, "/inline?service=late") == 200);
    service_stop(the("late"), "for the test");
    CHECK(service_state(the("late")) == SERVICE_STOPPING);
    CHECK(get(&c, "/inline?service=late") == 200 && ready_when_called);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

int main(void)
{
    char home[64], state[64], services[64];
    struct err err = ERR_INIT;
    CHECK(mkdtemp(root));
    log_set_level(LOG_ERROR);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)snprintf(home, sizeof home, "%s", root);
    (void)snprintf(state, sizeof state, "%s/state", root);
    (void)snprintf(services, sizeof services, "%s/services", root);
    write_services();
    CHECK(mkdir(state, 0700) == 0);
    struct config config = {.home = home,
                            .workspace = home,
                            .state = state,
                            .services = "all",
                            .services_dir = services,
                            .timezone = ""};
    if (!open_all(&config, &err)) {
        (void)printf("%s\n", err.text);
        return 1;
    }
    RUN(waits_until_ready);
    RUN(serves_all_who_wait);
    RUN(tells_why_not);
    RUN(gives_up_in_time);
    RUN(lets_go_when_the_client_leaves);
    RUN(holds_while_in_use);
    RUN(a_use_during_the_stop_waits);
    RUN(close_all);
    CHECK(nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0);
    return CHECK_DONE();
}
