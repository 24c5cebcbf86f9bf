#include "http/pipeline.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/log.h"
#include "http/credentials.h"
#include "http/envelope.h"
#include "http/exchange_internal.h"
#include "http/need.h"
#include "http/preview.h"
#include "http/record.h"
#include "http/signin.h"

/* A body nobody asked for may be this long; it is read and ignored. */
#define STRAY_BODY (64 * KIB)
/* A body from here on has its memory before it comes. */
#define RESERVE_FROM         (INT64_C(256) * 1024)
#define BLOCKING_DEADLINE_MS (UINT64_C(10) * 60 * 1000)

const double latency_bounds[LATENCY_BUCKETS] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                                0.05,   0.1,   0.25,   1,     5,    30};

enum step { STEP_NEXT, STEP_DONE };

static enum step refuse(struct exchange *ex, const struct err *err)
{
    reply_error(ex, err);
    return STEP_DONE;
}

static enum step step_guard(struct pipeline *p, struct exchange *ex)
{
    struct err err;
    struct guard_request request = {
        .method = ex->method.p,
        .target_ok = !ex->bad_target,
        .http10 = ex->http10,
        .too_many_headers = ex->too_many_headers,
        .misread = ex->misread,
        .headers = ex->headers,
        .header_count = ex->header_count,
    };
    if (guard_framing(&request, &err) < 0) {
        exchange_close_after(ex);
        return refuse(ex, &err);
    }
    /* MHD lets a bare line feed end a line between chunks, which a proxy in front may read as part
     * of it: so nothing that follows chunks is read as a request. */
    if (exchange_header(ex, "Transfer-Encoding"))
        exchange_close_after(ex);
    if (guard_origin(&request, &p->guard, &ex->cross_site_navigation, &err) < 0)
        return refuse(ex, &err);
    return STEP_NEXT;
}

static enum step step_identify(struct pipeline *p, struct exchange *ex)
{
    struct credentials given = {.key_header = NULL};
    if (auth_required(p->auth))
        credentials_of(ex, &given);
    ex->grant = auth_check(p->auth, &given);
    if (ex->grant.known)
        return STEP_NEXT;
    signin_refuse(ex);
    return STEP_DONE;
}

/* A question about another request may carry that one's headers: an app they name must not answer
 * it. */
static bool is_question(const struct pipeline *p, struct exchange *ex)
{
    struct route_params params;
    const char *allow;
    if (!exchange_header(ex, ORIGINAL_URI) || ex->undecoded)
        return false;
    const struct route *row =
        router_find(p->router, ex->method.p, ex->path, ex->arena, &params, &allow);
    return row && row->judges;
}

/* A port named by Host or header: no path is looked at. */
static enum step step_preview(struct pipeline *p, struct exchange *ex)
{
    if (p->preview && preview_named(ex, NULL) && !is_question(p, ex))
        ex->route = p->preview;
    return STEP_NEXT;
}

static enum step routed(struct exchange *ex)
{
    ex->record.action = ex->route->audit.action;
    return STEP_NEXT;
}

static enum step step_route(struct pipeline *p, struct exchange *ex)
{
    struct err err;
    const char *allow;
    if (!ex->route)
        ex->route = router_find_any(p->router, ex->raw_path, &ex->params);
    if (ex->route)
        return routed(ex);
    if (ex->undecoded) {
        (void)err_set(&err, ERR_SYNTAX,
                      "malformed request: the target is not percent-encoded UTF-8 without NUL, or "
                      "has more than %d query parameters",
                      MAX_QUERY_PAIRS);
        return refuse(ex, &err);
    }
    ex->route = router_find(p->router, ex->method.p, ex->path, ex->arena, &ex->params, &allow);
    if (ex->route)
        return routed(ex);
    if (!allow) {
        (void)err_set(&err, ERR_NOT_FOUND, "there is nothing at %.200s", ex->path.p);
        return refuse(ex, &err);
    }
    exchange_add_header(ex, "Allow", allow);
    (void)err_set(&err, ERR_METHOD, "%.200s takes %s, not %.20s", ex->path.p, allow, ex->method.p);
    return refuse(ex, &err);
}

/* What a ticket or its session may be bound to: a port named by Host or header is what /proxy/PORT
 * is. NULL when memory is out. */
static const char *bound_path(const struct pipeline *p, struct exchange *ex)
{
    struct preview_name name;
    if (ex->route == p->preview && preview_named(ex, &name))
        return arena_printf(ex->arena, "/proxy/%u%s", preview_port(name.digits, name.n),
                            ex->raw_path.p);
    return route_takes_any(ex->route) ? ex->raw_path.p : ex->path.p;
}

static bool is_permitted(const struct pipeline *p, struct exchange *ex)
{
    struct demand demand = {.scopes = (unsigned)ex->route->scope, .serves = ex->route->serves};
    demand.path = ex->grant.bound || ex->grant.cookie ? bound_path(p, ex) : "";
    return demand.path && auth_permits(p->auth, &ex->grant, &demand);
}

static enum step step_permit(struct pipeline *p, struct exchange *ex)
{
    struct err err;
    if (!is_permitted(p, ex)) {
        (void)err_set(&err, ERR_FORBIDDEN, "this credential does not permit that");
        return refuse(ex, &err);
    }
    if (ex->route->judges)
        return STEP_NEXT;
    if (ex->cross_site_navigation && !ex->route->page) {
        (void)err_set(&err, ERR_FORBIDDEN, "requests from other sites' pages are refused");
        return refuse(ex, &err);
    }
    return signin_settle(ex, p->auth) ? STEP_DONE : STEP_NEXT;
}

static bool has_type(const struct exchange *ex, const char *type)
{
    const char *given = exchange_header(ex, "Content-Type");
    size_t n = strlen(type);
    return given && strncasecmp(given, type, n) == 0 && (!given[n] || strchr("; \t", given[n]));
}

static bool begin(struct exchange *ex)
{
    struct err err = ERR_INIT;
    if (ex->sink->begin(ex, &err) == 0) {
        ex->sink_open = true;
        return true;
    }
    if (!exchange_replied(ex))
        reply_error(ex, &err);
    return false;
}

/* The service came while the exchange was parked. */
static void begin_later(struct exchange *ex)
{
    if (begin(ex))
        ex->phase = PHASE_SINK;
    exchange_wake(ex);
}

/* Where the body goes as it arrives, its service must be there before the first byte. */
static enum step admit_stream(struct pipeline *p, struct exchange *ex)
{
    ex->sink = ex->route->sink;
    if (need_met(p->supervisor, ex, p->service_ms, begin_later))
        return begin(ex) ? STEP_NEXT : STEP_DONE;
    return ex->parked ? STEP_NEXT : STEP_DONE;
}

static enum step step_admit(struct pipeline *p, struct exchange *ex)
{
    struct err err;
    const struct route *route = ex->route;
    size_t limit = route->body == BODY_NONE ? STRAY_BODY : route->body_limit;
    (void)p;
    ex->body = bytes_with_limit(limit);
    if (ex->declared > 0 && (uint64_t)ex->declared > limit) {
        (void)err_set(&err, ERR_TOO_LARGE, "the body is larger than %zu bytes", limit);
        return refuse(ex, &err);
    }
    /* Said now: in the middle of a body that is too long to be dropped nothing can be said. */
    if (ex->declared > RESERVE_FROM && route->body != BODY_STREAM &&
        bytes_reserve(&ex->body, (size_t)ex->declared) < 0) {
        (void)err_memory(&err);
        return refuse(ex, &err);
    }
    if (route->body == BODY_JSON && exchange_header(ex, "Content-Type") &&
        !has_type(ex, "application/json")) {
        (void)err_set(&err, ERR_UNSUPPORTED, "the body must be application/json");
        return refuse(ex, &err);
    }
    return route->body == BODY_STREAM ? admit_stream(p, ex) : STEP_NEXT;
}

static enum head_verdict pipeline_head(void *arg, struct exchange *ex)
{
    static enum step (*const steps[])(struct pipeline *, struct exchange *) = {
        step_guard, step_identify, step_preview, step_route, step_permit, step_admit,
    };
    for (size_t i = 0; i < COUNT_OF(steps); i++)
        if (steps[i](arg, ex) == STEP_DONE) {
            ex->record.refused = ex->reply.status == 401 || ex->reply.status == 403;
            return HEAD_REFUSE;
        }
    switch (ex->route->body) {
    case BODY_JSON:
        return HEAD_BODY;
    case BODY_STREAM:
        return HEAD_STREAM;
    case BODY_NONE:
        break;
    }
    return HEAD_RUN;
}

/* ---- with the body in ---- */

/* The query without credentials, which are nobody's input. */
static size_t input_pairs(const struct exchange *ex, struct text_pair *out)
{
    size_t n = 0;
    for (size_t i = 0; i < ex->query_count; i++)
        if (!is_credential_name(ex->query[i].name.p))
            out[n++] = ex->query[i];
    return n;
}

static int decode(struct exchange *ex, struct err *err)
{
    const struct route *route = ex->route;
    if (route_takes_any(route))
        return 0;
    if (ex->bad_query)
        return err_field(err, ex->bad_query, "field '%s' is not percent-encoded UTF-8 without NUL",
                         ex->bad_query);
    /* A streamed body is its sink's to read: there the table is documentation. */
    if (!route->input || route->body == BODY_STREAM)
        return 0;
    ex->input = arena_alloc(ex->arena, route->input_size);
    if (!ex->input)
        return err_memory(err);
    if (route->body == BODY_JSON)
        return json_decode(ex->arena, ex->body.data, ex->body.len, route->input, ex->input,
                           route->input_size, &ex->unknown, err);
    struct text_pair pairs[MAX_QUERY_PAIRS];
    size_t n = input_pairs(ex, pairs);
    return fields_decode_pairs(ex->arena, pairs, n, route->input, ex->input, route->input_size,
                               &ex->unknown, err);
}

static void handle(struct exchange *ex)
{
    struct err err = ERR_INIT;
    ex->sink_open = false;
    if (ex->route->handler(ex, &err) < 0 && !exchange_replied(ex))
        reply_error(ex, &err);
}

static struct pipeline *pipeline_of(const struct exchange *ex)
{
    return ex->server->hooks.arg;
}

bool pipeline_needs_key(const struct exchange *ex)
{
    return auth_required(pipeline_of(ex)->auth);
}

struct auth *pipeline_auth(const struct exchange *ex)
{
    return pipeline_of(ex)->auth;
}

const struct grant *pipeline_grant(const struct exchange *ex)
{
    return &ex->grant;
}

bool pipeline_permits(struct exchange *ex, const struct demand *demand)
{
    return auth_permits(pipeline_of(ex)->auth, &ex->grant, demand);
}

static struct work *work_of(struct pipeline *p, const struct exchange *ex)
{
    return ex->route->kind == ROUTE_SLOW ? &p->slow : &p->quick;
}

static void start_blocking(struct pipeline *p, struct exchange *ex);

static void blocking_work(void *arg)
{
    handle(arg);
}

/* Nobody waits for it any more, or there is no time for it. */
static void drop_waiting(struct exchange *ex)
{
    struct err err;
    ex->offloaded = false;
    (void)err_set(&err, ERR_UNAVAILABLE, "the gateway is stopping");
    reply_error(ex, &err);
    exchange_close_after(ex);
    exchange_wake(ex);
}

static void start_next(struct pipeline *p, struct work *work)
{
    while (work->waiting && work->running < work->max) {
        struct exchange *next = work->waiting;
        work->waiting = next->wait_next;
        work->queued--;
        if (!work->waiting)
            work->waiting_end = &work->waiting;
        if (next->left || next->server->stopping)
            drop_waiting(next);
        else
            start_blocking(p, next);
    }
}

static void blocking_done(void *arg)
{
    struct exchange *ex = arg;
    struct pipeline *p = pipeline_of(ex);
    struct work *work = work_of(p, ex);
    p->blocking--;
    work->running--;
    ex->offloaded = false;
    exchange_wake(ex);
    start_next(p, work);
}

static void start_blocking(struct pipeline *p, struct exchange *ex)
{
    struct err err;
    p->blocking++;
    work_of(p, ex)->running++;
    if (loop_offload(ex->server->loop, blocking_work, blocking_done, ex, &err) == 0)
        return;
    reply_error(ex, &err);
    blocking_done(ex);
}

/* From here the worker owns the exchange until blocking_done(); a client that leaves meanwhile is
 * noticed when the reply cannot be sent. */
static void run_blocking(struct pipeline *p, struct exchange *ex)
{
    struct work *work = work_of(p, ex);
    struct err err;
    if (work == &p->slow && work->queued == SLOW_QUEUE_MAX) {
        (void)err_set(&err, ERR_LIMIT, "%d such requests are waiting already; try again later",
                      SLOW_QUEUE_MAX);
        reply_error(ex, &err);
        return;
    }
    ex->offloaded = true;
    exchange_park(ex, BLOCKING_DEADLINE_MS, NULL, NULL);
    if (work->running < work->max) {
        start_blocking(p, ex);
        return;
    }
    ex->wait_next = NULL;
    *work->waiting_end = ex;
    work->waiting_end = &ex->wait_next;
    work->queued++;
}

static void proceed(struct exchange *ex)
{
    if (ex->route->kind == ROUTE_BLOCKING || ex->route->kind == ROUTE_SLOW) {
        run_blocking(pipeline_of(ex), ex);
        return;
    }
    handle(ex);
    record_begun(pipeline_of(ex)->audit, ex);
}

/* The service came while the exchange was parked. */
static void proceed_later(struct exchange *ex)
{
    proceed(ex);
    if (!ex->parked)
        exchange_wake(ex);
}

static void pipeline_run(void *arg, struct exchange *ex)
{
    struct pipeline *p = arg;
    struct err err = ERR_INIT;
    p->metrics.bytes_in += ex->body.len;
    if (decode(ex, &err) < 0) {
        reply_error(ex, &err);
        return;
    }
    if (ex->route->body == BODY_STREAM || need_met(p->supervisor, ex, p->service_ms, proceed_later))
        proceed(ex);
}

/* ---- afterwards ---- */

static double seconds_since(uint64_t start_ns)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    return (double)(ns - start_ns) / 1e9;
}

static void pipeline_done(void *arg, struct exchange *ex, bool delivered)
{
    struct pipeline *p = arg;
    unsigned status = ex->reply.status;
    need_over(ex);
    double seconds = seconds_since(ex->started_ns);
    record_over(p->audit, ex, seconds, delivered);
    size_t bucket = 0;
    while (bucket < LATENCY_BUCKETS && seconds > latency_bounds[bucket])
        bucket++;
    p->metrics.latency[bucket]++;
    p->metrics.latency_sum += seconds;
    p->metrics.by_class[status / 100 < 6 ? status / 100 : 0]++;
    /* The path only: a query may hold a credential. */
    if (status >= 500 || log_enabled(LOG_DEBUG))
        log_line(status >= 500 ? LOG_WARN : LOG_DEBUG, "%s %.200s status=%u ms=%.1f peer=%s%s",
                 ex->method.p ? ex->method.p : "?", ex->path.p ? ex->path.p : "?", status,
                 seconds * 1e3, ex->peer, delivered ? "" : " (not delivered)");
}

struct server_hooks pipeline_hooks(struct pipeline *p, void *app)
{
    p->quick = (struct work){.max = p->max_blocking, .waiting_end = &p->quick.waiting};
    p->slow = (struct work){.max = p->max_slow, .waiting_end = &p->slow.waiting};
    return (struct server_hooks){pipeline_head, pipeline_run, pipeline_done, p, app};
}
