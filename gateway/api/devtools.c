/* Chromium's remote debugging under our address: /json… and /devtools…, and the same below /cdp.
 *
 * Chromium names itself in its answers by the address it listens on; a client needs the one it
 * came by, through whatever proxies. So those two members of each target are written anew:
 *
 *   webSocketDebuggerUrl  ws://127.0.0.1:9222/devtools/page/ID
 *   devtoolsFrontendUrl   /devtools/inspector.html?ws=127.0.0.1:9222/devtools/page/ID
 */
#include <string.h>

#include "api/app.h"
#include "base/json_walk.h"
#include "base/mem.h"
#include "core/supervisor.h"
#include "http/credentials.h"
#include "http/envelope.h"
#include "http/proxy.h"
#include "http/public.h"
#include "http/upstream.h"

#define SERVICE     "browser"
#define BELOW       "/cdp"
#define ANSWER_MAX  (32 * MIB) /* /json/protocol has about 2 MB */
#define DEADLINE_MS 15000
#define PARK_MS     20000 /* a safety net behind it */

static const struct address *browser_address(const struct exchange *ex,
                                             struct service **ret_service)
{
    *ret_service = supervisor_find(app_of(ex)->supervisor, SERVICE);
    const struct address *address = *ret_service ? service_address(*ret_service) : NULL;
    return address && address_given(address) ? address : NULL;
}

static int unavailable(struct err *err)
{
    return err_set(err, ERR_UNAVAILABLE, "the browser is not running");
}

/* "/cdp" where the client came by it, else "". */
static const char *prefix_of(const struct exchange *ex)
{
    static const char below[] = BELOW "/";
    return strncmp(exchange_path(ex).p, below, sizeof below - 1) == 0 ? BELOW : "";
}

/* What Chromium is asked for: its own path, the query as it came. The prefix may be written with
 * escapes; the path behind it then is the decoded one's equal in segments. */
static const char *target_of(const struct exchange *ex)
{
    const char *target = exchange_target(ex).p, *prefix = prefix_of(ex);
    if (!*prefix)
        return target;
    const char *slash = strchr(target + 1, '/');
    return slash ? slash : target;
}

/* ---- rewriting ---- */

struct rewriting {
    struct public_address address;
    const char *prefix;
};

/* Where the path begins in "ws://127.0.0.1:9222/devtools/…", or NULL. */
static const char *path_in(const char *url)
{
    const char *slashes = strstr(url, "://");
    const char *path = slashes ? strchr(slashes + 3, '/') : NULL;
    return path && strncmp(path, "/devtools/", 10) == 0 ? path : NULL;
}

static bool edit_socket_url(const struct rewriting *r, const char *old, struct bytes *value)
{
    const char *path = path_in(old);
    if (!path)
        return false;
    (void)bytes_printf(value, "%s://%s%s%s%s", r->address.secure ? "wss" : "ws", r->address.host,
                       r->address.prefix, r->prefix, path);
    return true;
}

/* The parameter that tells the page where its WebSocket is, "ws=HOST/devtools/…". */
static const char *socket_parameter(const char *url)
{
    for (const char *at = strstr(url, "ws="); at; at = strstr(at + 3, "ws="))
        if (at > url && (at[-1] == '?' || at[-1] == '&'))
            return at;
    return NULL;
}

static bool edit_page_url(const struct rewriting *r, const char *old, struct bytes *value)
{
    const char *parameter = socket_parameter(old);
    const char *path = parameter ? strchr(parameter, '/') : NULL;
    if (!path || strncmp(path, "/devtools/", 10) != 0)
        return false;
    if (old[0] == '/')
        (void)bytes_printf(value, "%s%s", r->address.prefix, r->prefix);
    (void)bytes_printf(value, "%.*s%s=%s%s%s%s", (int)(parameter - old), old,
                       r->address.secure ? "wss" : "ws", r->address.host, r->address.prefix,
                       r->prefix, path);
    return true;
}

static bool edit(void *arg, struct text name, struct text old, struct bytes *value)
{
    static const char socket[] = "webSocketDebuggerUrl", page[] = "devtoolsFrontendUrl";
    if (name.n == sizeof socket - 1 && memcmp(name.p, socket, name.n) == 0)
        return edit_socket_url(arg, old.p, value);
    /* Newer ones come with devtoolsFrontendUrlCompat beside it. */
    if (name.n >= sizeof page - 1 && memcmp(name.p, page, sizeof page - 1) == 0)
        return edit_page_url(arg, old.p, value);
    return false;
}

/* ---- /json ---- */

struct question {
    struct exchange *ex;
    struct fetch *fetch;
};

static void answer(struct exchange *ex, unsigned status, struct bytes *body)
{
    cleanup_bytes struct bytes out = BYTES_INIT(ANSWER_MAX + 1 * MIB);
    struct rewriting r = {.prefix = prefix_of(ex)};
    struct err err;
    public_address_of(ex, &r.address);
    exchange_add_header(ex, "Cache-Control", "no-cache");
    /* Some answers are a plain sentence. */
    if (json_edit(body->data, body->len, edit, &r, &out, &err) < 0)
        exchange_reply(ex, status, "text/plain; charset=utf-8", body);
    else
        exchange_reply(ex, status, "application/json; charset=UTF-8", &out);
}

static void on_done(void *arg, unsigned status, struct bytes *body, const struct err *err)
{
    struct question *q = arg;
    q->fetch = NULL;
    if (err)
        reply_error(q->ex, err);
    else
        answer(q->ex, status, body);
    exchange_wake(q->ex);
}

static void on_park_end(void *arg, enum park_end why)
{
    struct question *q = arg;
    (void)why;
    upstream_cancel(q->fetch);
}

/* A credential of ours in the address is not Chromium's business. */
static const char *without_key(struct exchange *ex, const char *target)
{
    cleanup_bytes struct bytes out = BYTES_INIT(64 * KIB);
    if (!pipeline_needs_key(ex))
        return target;
    target_without_credentials(&out, target);
    const char *text = bytes_text(&out);
    return text ? arena_copy(exchange_arena(ex), text, out.len) : NULL;
}

static int json(struct exchange *ex, struct err *err)
{
    struct service *service;
    const struct address *address = browser_address(ex, &service);
    struct question *q = arena_alloc(exchange_arena(ex), sizeof *q);
    const char *target = without_key(ex, target_of(ex));
    if (!address)
        return unavailable(err);
    if (!q || !target)
        return err_memory(err);
    q->ex = ex;
    struct fetch_spec spec = {.address = address,
                              .method = exchange_method(ex),
                              .target = target,
                              .ceiling = ANSWER_MAX,
                              .deadline_ms = DEADLINE_MS,
                              .done = on_done,
                              .arg = q};
    if (upstream_fetch(exchange_loop(ex), &spec, &q->fetch, err) < 0)
        return -1;
    exchange_park(ex, PARK_MS, on_park_end, q);
    return 0;
}

/* ---- /devtools ---- */

static void release(void *arg)
{
    service_release(arg);
}

static int devtools(struct exchange *ex, struct err *err)
{
    struct service *service;
    const struct address *address = browser_address(ex, &service);
    if (!address)
        return unavailable(err);
    const struct proxy_options options = {.pool = app_of(ex)->upstreams,
                                          .drop_origin = true,
                                          .bare = true,
                                          .deadline_ms = PROXY_HANDSHAKE_MS,
                                          .release = release,
                                          .release_arg = service};
    service_hold(service);
    return proxy_any(ex, address, target_of(ex), &options, err);
}

#define JSON_ROW(method, path, text)                                                               \
    {                                                                                              \
        method, path, SCOPE_DESKTOP, ROUTE_INLINE, json, .service = SERVICE, .tag = "devtools",    \
                                                         .answers = "application/json",            \
                                                         .summary = (text)                         \
    }
#define SOCKET_ROW(path)                                                                           \
    {                                                                                              \
        "GET", path, SCOPE_DESKTOP, ROUTE_SOCKET, devtools, .service = SERVICE, .tag = "devtools", \
                                                            .summary = "Chromium's DevTools "      \
                                                                       "protocol, as it is."       \
    }

#define LIST     "The browser's targets and where to debug them."
#define VERSION  "The browser's version, and the address to debug it at."
#define PROTOCOL "The DevTools protocol, described by itself."
#define NEW      "Open a tab; its address is the whole query."
#define ACTIVATE "Bring a tab to the front."
#define CLOSE    "Close a tab."

#define JSON_ROWS(prefix)                                                                          \
    JSON_ROW("GET", prefix "/json", LIST), JSON_ROW("GET", prefix "/json/", LIST),                 \
        JSON_ROW("GET", prefix "/json/list", LIST), JSON_ROW("GET", prefix "/json/list/", LIST),   \
        JSON_ROW("GET", prefix "/json/version", VERSION),                                          \
        JSON_ROW("GET", prefix "/json/version/", VERSION),                                         \
        JSON_ROW("GET", prefix "/json/protocol", PROTOCOL),                                        \
        JSON_ROW("GET", prefix "/json/protocol/", PROTOCOL),                                       \
        JSON_ROW("PUT", prefix "/json/new", NEW), JSON_ROW("GET", prefix "/json/new", NEW),        \
        JSON_ROW("GET", prefix "/json/activate/{id}", ACTIVATE),                                   \
        JSON_ROW("GET", prefix "/json/close/{id}", CLOSE)

const struct route devtools_routes[] = {
    JSON_ROWS(""),
    JSON_ROWS(BELOW),
    SOCKET_ROW("/devtools/{path...}"),
    SOCKET_ROW(BELOW "/devtools/{path...}"),
    ROUTES_END,
};
