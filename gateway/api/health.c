/* Liveness and readiness. */
#include "api/app.h"
#include "core/config.h"
#include "core/ports.h"
#include "core/supervisor.h"
#include "http/envelope.h"
#include "store/store.h"

/* Live: the loop turns and answers. */
static int healthz(struct exchange *ex, struct err *err)
{
    static const char ok[] = "{\"status\":\"ok\"}";
    (void)err;
    exchange_reply_static(ex, 200, "application/json", ok, sizeof ok - 1);
    return 0;
}

static int any_row(void *arg, const struct row *row)
{
    (void)arg;
    (void)row;
    return 1;
}

static void check(struct jsonw *w, bool *ready, const char *name, const char *problem)
{
    jsonw_object(w);
    jsonw_kstr(w, "name", name);
    jsonw_kbool(w, "ready", problem == NULL);
    jsonw_kstr(w, "reason", problem);
    jsonw_object_end(w);
    *ready &= problem == NULL;
}

/* What starts with the gateway and could not be kept running. */
static void check_services(struct jsonw *w, bool *ready, const struct supervisor *supervisor)
{
    const struct service *service;
    struct service_info info;
    for (size_t i = 0; (service = supervisor_at(supervisor, i)); i++) {
        service_describe(service, &info);
        if (info.boot)
            check(w, ready, info.name, info.state == SERVICE_FAILED ? info.reason : NULL);
    }
}

/* What the sandbox is not ready without: --wait-ports. */
static void check_ports(struct jsonw *w, bool *ready, const char *list)
{
    bool listening[PORTS_ALL] = {false};
    char name[16];
    int port;
    if (*list)
        ports_listening(listening);
    while ((port = config_next_port(&list)) > 0) {
        (void)snprintf(name, sizeof name, "port %d", port);
        check(w, ready, name, listening[port] ? NULL : "nothing listens on it yet");
    }
}

/* Ready: what a request may need is there; each part says why not. */
static int readyz(struct exchange *ex, struct err *err)
{
    struct app *app = app_of(ex);
    struct err why = ERR_INIT;
    bool ready = true;
    struct bytes out = BYTES_INIT(16 * KIB);
    struct jsonw w = jsonw_on(&out);
    (void)err;
    jsonw_object(&w);
    jsonw_key(&w, "checks");
    jsonw_array(&w);
    int stored = store_read(app->store, "SELECT 1", NULL, 0, any_row, NULL, &why);
    check(&w, &ready, "database", stored < 0 ? why.text : NULL);
    check(&w, &ready, "workspace",
          access(app->config->workspace, W_OK | X_OK) < 0 ? "not writable" : NULL);
    check(&w, &ready, "shell", access("/bin/bash", X_OK) < 0 ? "/bin/bash is missing" : NULL);
    check_services(&w, &ready, app->supervisor);
    check_ports(&w, &ready, app->config->wait_ports);
    jsonw_array_end(&w);
    jsonw_kstr(&w, "status", ready ? "ready" : "not ready");
    jsonw_object_end(&w);
    reply_json(ex, ready ? 200 : 503, &out);
    return 0;
}

const struct route health_routes[] = {
    {"GET", "/healthz", SCOPE_NONE, ROUTE_INLINE, healthz, .serves = "/", .tag = "health",
     .answers = "application/json", .summary = "Whether the gateway is alive."},
    {"GET", "/readyz", SCOPE_NONE, ROUTE_INLINE, readyz, .tag = "health",
     .answers = "application/json",
     .summary = "Whether everything a request may need is there, and if not, why."},
    ROUTES_END,
};
