/* The streaming proxy between a server of the test's own rows and tests/fakes/upstream.py; what is
 * asked and expected stands in tests/fakes/proxy_client.py. Run from the repository's root. */
#include "http/proxy.h"

#include <fcntl.h>

#include "check.h"
#include "core/auth.h"
#include "fake.h"
#include "http/pipeline.h"

#define BODY_MAX (512 * MIB)

static struct loop *loop;
static struct upstream_pool *pool;
static struct address service, nobody;
static unsigned short listening;
static int held;

static void release(void *arg)
{
    CHECK(arg == &held);
    held--;
}

/* "/up/http/seen?x" to "/devtools/http/seen?x" */
static const char *target_of(struct exchange *ex)
{
    const char *rest = strchr(exchange_target(ex).p + 1, '/');
    return arena_printf(exchange_arena(ex), "/devtools%s", rest);
}

static struct proxy_options options(void)
{
    held++;
    return (struct proxy_options){.pool = pool,
                                  .keep_host = true,
                                  .prefix = "/up",
                                  .deadline_ms = 1500,
                                  .stall_ms = 1000,
                                  .release = release,
                                  .release_arg = &held};
}

static int pass(struct exchange *ex, struct err *err)
{
    const struct proxy_options o = options();
    return proxy_any(ex, &service, target_of(ex), &o, err);
}

static int pass_to_nobody(struct exchange *ex, struct err *err)
{
    const struct proxy_options o = options();
    return proxy_http(ex, &nobody, "/", &o, err);
}

static int begin(struct exchange *ex, struct err *err)
{
    const struct proxy_options o = options();
    return proxy_http_begin(ex, &service, target_of(ex), &o, err);
}

static const struct body_sink sink = {begin, proxy_sink_data, proxy_sink_abort};

#define STREAMED(method)                                                                           \
    {                                                                                              \
        method, "/up/{path...}", SCOPE_NONE, ROUTE_INLINE, proxy_answer,                           \
            .body = BODY_STREAM, .body_limit = BODY_MAX, .sink = &sink                             \
    }
static const struct route rows[] = {
    {.method = "GET", .path = "/nobody", .handler = pass_to_nobody},
    {.method = "GET", .path = "/up/{path...}", .handler = pass},
    {"POST", "/whole/{path...}", SCOPE_NONE, ROUTE_INLINE, pass, .body = BODY_JSON,
     .body_limit = 1 * MIB},
    STREAMED("POST"),
    STREAMED("PUT"),
    STREAMED("DELETE"),
    ROUTES_END,
};
static const struct route *const tables[] = {rows, NULL};

/* ---- the gateway of the test ---- */

static int listen_somewhere(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&at, size) < 0 || listen(fd, 64) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) < 0)
        return -1;
    listening = ntohs(at.sin_port);
    return fd;
}

struct gateway {
    struct auth *auth;
    struct router *router;
    struct pipeline pipeline;
    struct server *server;
};

static const struct auth_settings open_to_all = {NULL};

static int gateway_open(struct gateway *g, struct err *err)
{
    int fd = listen_somewhere();
    if (auth_open(&open_to_all, &g->auth, err) < 0 || router_open(tables, &g->router, err) < 0 ||
        fd < 0)
        return -1;
    g->pipeline =
        (struct pipeline){.auth = g->auth, .router = g->router, .max_blocking = 1, .max_slow = 1};
    const struct server_hooks hooks = pipeline_hooks(&g->pipeline, NULL);
    const struct server_limits limits = {100, 60};
    return server_open(loop, fd, &hooks, &limits, &g->server, err);
}

static void gateway_close(struct gateway *g)
{
    server_quiesce(g->server);
    loop_drain(loop, server_idle, g->server, 2000);
    CHECK(server_idle(g->server));
    server_close(g->server);
    router_close(g->router);
    auth_close(g->auth);
}

/* ---- the client ---- */

static int never(void *arg)
{
    (void)arg;
    return 0;
}

static int nothing_held(void *arg)
{
    (void)arg;
    return held == 0;
}

/* The check of that name in proxy_client.py. */
static void client_checks(const char *name)
{
    int status = -1;
    char port[16];
    (void)snprintf(port, sizeof port, "%u", listening);
    pid_t pid = fork();
    if (pid == 0) {
        (void)execlp("python3", "python3", "tests/fakes/proxy_client.py", port, name, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 3000 && waitpid(pid, &status, WNOHANG) == 0; i++)
        loop_drain(loop, never, NULL, 20);
    fake_stop(status == -1 ? pid : 0);
    CHECK(status == 0);
    loop_drain(loop, nothing_held, NULL, 3000);
    CHECK(held == 0);
}

#define CLIENT_CHECK(name)                                                                         \
    static void name(void)                                                                         \
    {                                                                                              \
        client_checks(#name);                                                                      \
    }
CLIENT_CHECK(requests_pass_byte_for_byte)
CLIENT_CHECK(headers_of_the_connection_end_here)
CLIENT_CHECK(forwarded_headers_are_extended)
CLIENT_CHECK(bodies_are_streamed_to_the_service)
CLIENT_CHECK(a_slow_service_holds_the_client_up)
CLIENT_CHECK(answers_pass_byte_for_byte)
CLIENT_CHECK(answers_without_a_body)
CLIENT_CHECK(events_are_not_held_back)
CLIENT_CHECK(what_breaks_off_is_seen_to_break_off)
CLIENT_CHECK(a_client_that_leaves_ends_the_request)
CLIENT_CHECK(a_slow_client_holds_the_service_up)
CLIENT_CHECK(connections_are_used_again)
CLIENT_CHECK(refusals_before_the_whole_body)
CLIENT_CHECK(unsound_answers_are_502)
CLIENT_CHECK(a_late_answer_is_504)
CLIENT_CHECK(websockets_pass)
CLIENT_CHECK(a_service_that_takes_no_more_is_given_up)
CLIENT_CHECK(clients_that_leave_at_once)
CLIENT_CHECK(addresses_are_moved_below_the_prefix)

int main(void)
{
    struct err err = ERR_INIT;
    struct gateway g = {0};
    (void)signal(SIGPIPE, SIG_IGN);
    service.port = fake_free_port();
    nobody.port = fake_free_port();
    pid_t pid = fake_start("browser", &service);
    if (pid <= 0 || loop_open(&loop, &err) < 0 || upstream_pool_open(loop, &pool, &err) < 0 ||
        gateway_open(&g, &err) < 0)
        return 1;
    RUN(requests_pass_byte_for_byte);
    RUN(headers_of_the_connection_end_here);
    RUN(forwarded_headers_are_extended);
    RUN(bodies_are_streamed_to_the_service);
    RUN(a_slow_service_holds_the_client_up);
    RUN(answers_pass_byte_for_byte);
    RUN(answers_without_a_body);
    RUN(events_are_not_held_back);
    RUN(what_breaks_off_is_seen_to_break_off);
    RUN(a_client_that_leaves_ends_the_request);
    RUN(a_slow_client_holds_the_service_up);
    RUN(connections_are_used_again);
    RUN(refusals_before_the_whole_body);
    RUN(unsound_answers_are_502);
    RUN(a_late_answer_is_504);
    RUN(websockets_pass);
    RUN(a_service_that_takes_no_more_is_given_up);
    RUN(clients_that_leave_at_once);
    RUN(addresses_are_moved_below_the_prefix);
    gateway_close(&g);
    upstream_pool_close(pool);
    fake_stop(pid);
    loop_close(loop);
    return CHECK_DONE();
}
