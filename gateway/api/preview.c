/* Web apps started in the sandbox, under our address. Four ways to name the port:
 *
 *   /proxy/3000/x          the app is asked for /x
 *   /absproxy/3000/x       for /absproxy/3000/x: an app that knows its base
 *   Host: 3000-anything    for the path as it is
 *   X-AIO-Proxy-Port: 3000 the same
 *
 * All are asked for with whatever method, path and query the client sent, and all come through the
 * same guard and key check. Only the loopback is dialled, and never our own port or a service's:
 * what listens there trusts whoever can connect. */
#include "api/preview.h"

#include <string.h>

#include "api/app.h"
#include "base/mem.h"
#include "core/supervisor.h"
#include "http/envelope.h"
#include "http/handshake.h"
#include "http/preview.h"
#include "http/proxy.h"

#define HANDSHAKE_MS ((uint64_t)60 * 1000)
/* Proxies a request may have come through: one that leads back to us would go round for ever. */
#define HOPS_MAX 16

#define STRIPPED "/proxy/"

struct wanted {
    struct address address;
    const char *target; /* what the app is asked for */
    const char *prefix; /* taken off; NULL: nothing */
};

/* ---- which port ---- */

const char *preview_owner(const struct app *app, uint16_t port)
{
    const struct service *service;
    if (port == app->port)
        return "the gateway itself";
    for (size_t i = 0; (service = supervisor_at(app->supervisor, i)); i++)
        if (service_address(service)->port == port)
            return service_name(service);
    return NULL;
}

static int check_port(const struct exchange *ex, const struct preview_name *name,
                      uint16_t *ret_port, struct err *err)
{
    int n = (int)(name->n < 24 ? name->n : 24);
    uint16_t port = preview_port(name->digits, name->n);
    if (!port && name->n && strspn(name->digits, "0123456789") >= name->n)
        return err_set(err, ERR_FORBIDDEN, "%.*s is no port: they go from 1 to 65535", n,
                       name->digits);
    if (!port)
        return err_set(err, ERR_NOT_FOUND, "'%.*s' is no port", n, name->digits);
    const char *owner = preview_owner(app_of(ex), port);
    if (owner)
        return err_set(err, ERR_FORBIDDEN,
                       "port %u is not an app's: it belongs to %s, which has addresses of its own",
                       port, owner);
    *ret_port = port;
    return 0;
}

static int check_hops(const struct exchange *ex, struct err *err)
{
    size_t n, hops = 0;
    const struct header *headers = exchange_headers(ex, &n);
    for (size_t i = 0; i < n; i++) {
        if (strcasecmp(headers[i].name.p, "X-Forwarded-For") != 0)
            continue;
        hops++;
        for (const char *at = headers[i].value.p; (at = strchr(at, ',')); at++)
            hops++;
    }
    return hops <= HOPS_MAX ? 0
                            : err_set(err, ERR_UPSTREAM,
                                      "the request came through more than %d proxies: the port "
                                      "leads back to the gateway",
                                      HOPS_MAX);
}

bool preview_wanted(const struct exchange *ex, struct preview_name *ret_name)
{
    const char *digits = exchange_param(ex, "port");
    if (!digits)
        return preview_named(ex, ret_name);
    *ret_name = (struct preview_name){digits, strlen(digits)};
    return true;
}

bool preview_is_stripped(const struct exchange *ex)
{
    return exchange_param(ex, "port") &&
           strncmp(exchange_raw_path(ex).p, STRIPPED, sizeof STRIPPED - 1) == 0;
}

static int look(struct exchange *ex, struct wanted *w, struct err *err)
{
    struct preview_name name;
    struct arena *arena = exchange_arena(ex);
    *w = (struct wanted){.address = {.or_v6 = true}, .target = exchange_target(ex).p};
    if (!preview_wanted(ex, &name))
        return err_set(err, ERR_INTERNAL, "no port was named");
    if (check_port(ex, &name, &w->address.port, err) < 0 || check_hops(ex, err) < 0)
        return -1;
    if (!preview_is_stripped(ex))
        return 0;
    size_t n = sizeof STRIPPED - 1 + name.n;
    const char *rest = w->target + n;
    w->prefix = arena_copy(arena, w->target, n);
    w->target = *rest == '/' ? rest : arena_printf(arena, "/%s", rest);
    return w->prefix && w->target ? 0 : err_memory(err);
}

/* ---- passing on ---- */

static struct proxy_options options_of(const struct exchange *ex, const struct wanted *w)
{
    return (struct proxy_options){.pool = app_of(ex)->upstreams,
                                  .keep_host = true,
                                  .prefix = w->prefix,
                                  .outer = true,
                                  .nobody = preview_nobody};
}

static bool is_handshake(const struct exchange *ex)
{
    return strcmp(exchange_method(ex), "GET") == 0 && !exchange_http10(ex) && handshake_asked(ex);
}

/* "/proxy/3000": without its slash the page's relative addresses would lead elsewhere. */
static bool lacks_slash(const struct exchange *ex)
{
    const char *method = exchange_method(ex);
    return preview_is_stripped(ex) && !exchange_param(ex, "path") &&
           exchange_raw_path(ex).p[exchange_raw_path(ex).n - 1] != '/' &&
           (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0) && !is_handshake(ex);
}

/* Relative, so that it holds behind any proxy prefix. */
static int add_slash(struct exchange *ex, struct err *err)
{
    const char *target = exchange_target(ex).p + sizeof STRIPPED - 1;
    size_t n = strcspn(target, "?");
    const char *to = arena_printf(exchange_arena(ex), "%.*s/%s", (int)n, target, target + n);
    if (!to)
        return err_memory(err);
    exchange_add_header(ex, "Location", to);
    exchange_add_header(ex, "Cache-Control", "no-store");
    exchange_reply_static(ex, 307, "text/plain", "", 0);
    return -1;
}

static int begin(struct exchange *ex, struct err *err)
{
    struct wanted w;
    if (look(ex, &w, err) < 0)
        return -1;
    if (lacks_slash(ex))
        return add_slash(ex, err);
    if (is_handshake(ex)) {
        bool body = exchange_declared_length(ex) > 0 || exchange_header(ex, "Transfer-Encoding");
        return body ? err_set(err, ERR_SYNTAX, "a WebSocket handshake has no body") : 0;
    }
    const struct proxy_options options = options_of(ex, &w);
    return proxy_http_begin(ex, &w.address, w.target, &options, err);
}

static int answer(struct exchange *ex, struct err *err)
{
    struct wanted w;
    if (!is_handshake(ex))
        return proxy_answer(ex, err);
    if (look(ex, &w, err) < 0)
        return -1;
    struct proxy_options options = options_of(ex, &w);
    options.deadline_ms = HANDSHAKE_MS;
    return proxy_websocket(ex, &w.address, w.target, &options, err);
}

static const struct body_sink sink = {begin, proxy_sink_data, proxy_sink_abort};

#define PREVIEW(at, text)                                                                          \
    {                                                                                              \
        ANY_METHOD, at, SCOPE_EXEC, ROUTE_INLINE, answer,                                          \
            .body = BODY_STREAM, .body_limit = BOUNDLESS, .sink = &sink, .page = true,             \
            .tag = "previews", .answers = "*/*", .summary = (text)                                 \
    }
#define BELOW(at, text) PREVIEW(at, text), PREVIEW(at "/", text), PREVIEW(at "/{path...}", text)

const struct route preview_routes[] = {
    BELOW("/proxy/{port}", "A web app on a port of the sandbox, which sees the rest of the path."),
    BELOW("/absproxy/{port}", "A web app on a port of the sandbox, which sees the whole path."),
    ROUTES_END,
};

const struct route preview_named_route =
    PREVIEW("/{path...}", "A web app on the port that Host or a header names.");
