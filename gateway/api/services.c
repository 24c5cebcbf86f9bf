/* /v1/services: what the sandbox runs besides commands, and why it is in the state it is in. */
#include "api/app.h"
#include "api/wait.h"
#include "base/mem.h"
#include "core/history.h"
#include "core/supervisor.h"
#include "http/envelope.h"

#define LOG_MAX (1 * MIB)

static void write_names(struct jsonw *w, const char *key, const char *const *names)
{
    jsonw_key(w, key);
    jsonw_array(w);
    for (; *names; names++)
        jsonw_str(w, *names);
    jsonw_array_end(w);
}

static void write_service(struct jsonw *w, const struct service *service)
{
    struct service_info info;
    char since[TIME_TEXT];
    service_describe(service, &info);
    history_time(info.since_ms, since);
    jsonw_object(w);
    jsonw_kstr(w, "name", info.name);
    jsonw_kstr(w, "title", info.title);
    jsonw_kstr(w, "description", info.description);
    jsonw_kstr(w, "state", service_state_names[info.state]);
    jsonw_kstr(w, "reason", info.reason);
    if (info.pid)
        jsonw_kint(w, "pid", info.pid);
    else
        jsonw_knull(w, "pid");
    jsonw_kstr(w, "since", since);
    jsonw_kint(w, "restarts", info.restarts);
    jsonw_kstr(w, "start", info.boot ? "boot" : "lazy");
    jsonw_knumber(w, "idle_stop_seconds", info.idle_stop_seconds);
    write_names(w, "needs", info.needs);
    write_names(w, "wants", info.wants);
    jsonw_kint(w, "memory_mb", info.memory_mb);
    jsonw_kint(w, "log_length", (int64_t)info.log_length);
    jsonw_object_end(w);
}

static int find(struct exchange *ex, struct service **ret_service, struct err *err)
{
    const char *name = exchange_param(ex, "name");
    *ret_service = supervisor_find(app_of(ex)->supervisor, name);
    return *ret_service ? 0 : err_set(err, ERR_NOT_FOUND, "there is no service '%.60s'", name);
}

static int list_services(struct exchange *ex, struct err *err)
{
    const struct service *service;
    (void)err;
    struct jsonw *w = reply_begin(ex, "Services listed");
    jsonw_array(w);
    for (size_t i = 0; (service = supervisor_at(app_of(ex)->supervisor, i)); i++)
        write_service(w, service);
    jsonw_array_end(w);
    reply_end(ex);
    return 0;
}

static int get_service(struct exchange *ex, struct err *err)
{
    struct service *service;
    if (find(ex, &service, err) < 0)
        return -1;
    write_service(reply_begin(ex, "Service found"), service);
    reply_end(ex);
    return 0;
}

/* ---- start, stop, restart ---- */

struct change_input {
    double timeout;
};

static bool enough_started(struct wait *wait)
{
    enum service_state state = service_state(wait->subject);
    return state != SERVICE_STARTING && state != SERVICE_STOPPING;
}

static bool enough_stopped(struct wait *wait)
{
    enum service_state state = service_state(wait->subject);
    return state == SERVICE_STOPPED || state == SERVICE_FAILED;
}

/* Whether it worked or not, the answer tells the service as it is now. */
static void reply_outcome(struct wait *wait, bool good, const char *done)
{
    struct service_info info;
    char message[400];
    service_describe(wait->subject, &info);
    (void)snprintf(message, sizeof message, "Service '%s' is %s: %s", info.name,
                   service_state_names[info.state], info.reason);
    write_service(good ? reply_begin(wait->ex, done) : reply_begin_failure(wait->ex, message),
                  wait->subject);
    reply_end(wait->ex);
}

static void start_reply(struct wait *wait)
{
    reply_outcome(wait, service_state(wait->subject) == SERVICE_READY, "Service is ready");
}

static void stop_reply(struct wait *wait)
{
    reply_outcome(wait, service_state(wait->subject) == SERVICE_STOPPED, "Service is stopped");
}

static int wait_for(struct exchange *ex, struct service *service, bool (*enough)(struct wait *),
                    void (*reply)(struct wait *), struct err *err)
{
    const struct change_input *in = exchange_input(ex);
    struct wait *wait = arena_alloc(exchange_arena(ex), sizeof *wait);
    if (!wait)
        return err_memory(err);
    *wait = (struct wait){.ex = ex, .subject = service, .enough = enough, .reply = reply};
    return wait_start(wait, service_observers(service), wait_ms(in->timeout), err);
}

static int start_service(struct exchange *ex, struct err *err)
{
    struct service *service;
    if (find(ex, &service, err) < 0)
        return -1;
    service_start(service);
    return wait_for(ex, service, enough_started, start_reply, err);
}

static int stop_service(struct exchange *ex, struct err *err)
{
    struct service *service;
    if (find(ex, &service, err) < 0)
        return -1;
    service_stop(service, "stopped by a client");
    return wait_for(ex, service, enough_stopped, stop_reply, err);
}

static int restart_service(struct exchange *ex, struct err *err)
{
    struct service *service;
    if (find(ex, &service, err) < 0)
        return -1;
    service_restart(service, "restarted by a client");
    return wait_for(ex, service, enough_started, start_reply, err);
}

/* ---- logs ---- */

struct logs_input {
    int64_t offset, max;
};

static int get_logs(struct exchange *ex, struct err *err)
{
    const struct logs_input *in = exchange_input(ex);
    cleanup_bytes struct bytes text = BYTES_INIT(LOG_MAX);
    struct service *service;
    struct service_info info;
    uint64_t next, skipped;
    if (find(ex, &service, err) < 0)
        return -1;
    service_log_read(service, (uint64_t)in->offset, (size_t)in->max, &text, &next, &skipped);
    service_describe(service, &info);
    struct jsonw *w = reply_begin(ex, "Log read");
    jsonw_object(w);
    jsonw_kstr(w, "name", info.name);
    jsonw_ktext(w, "output", text.data ? text.data : "", text.len);
    jsonw_kint(w, "offset", (int64_t)next);
    jsonw_kint(w, "skipped", (int64_t)skipped);
    jsonw_kint(w, "log_length", (int64_t)info.log_length);
    jsonw_object_end(w);
    reply_end(ex);
    return 0;
}

/* ---- rows ---- */

static const struct field change_fields[] = {
    {"timeout", FIELD_NUMBER, offsetof(struct change_input, timeout), .max = 3600, .fallback = "30",
     .doc = "Seconds to wait for the outcome at most; the change goes on meanwhile."},
    FIELDS_END};

static const struct field logs_fields[] = {
    {"offset", FIELD_INT, offsetof(struct logs_input, offset), .max = INT64_C(1) << 50,
     .fallback = "0", .doc = "Byte of the log to read from."},
    {"max", FIELD_INT, offsetof(struct logs_input, max), .min = 1, .max = LOG_MAX,
     .fallback = "65536", .doc = "Bytes to read at most."},
    FIELDS_END};

#define CHANGE(verb, function, text)                                                               \
    {                                                                                              \
        "POST", "/v1/services/{name}/" verb, SCOPE_ADMIN, ROUTE_INLINE, function,                  \
            INPUT(change_fields, struct change_input),                                             \
            .audit = {.action = "service." verb, .subject = "name"}, .body = BODY_JSON,            \
            .body_limit = 4 * KIB, .tag = "services", .summary = (text)                            \
    }

const struct route service_routes[] = {
    {"GET", "/v1/services", SCOPE_READ, ROUTE_INLINE, list_services, .tag = "services",
     .summary = "The services of the sandbox, each with its state and the reason for it."},
    {"GET", "/v1/services/{name}", SCOPE_READ, ROUTE_INLINE, get_service, .tag = "services",
     .summary = "One service."},
    {"GET", "/v1/services/{name}/logs", SCOPE_READ, ROUTE_INLINE, get_logs,
     INPUT(logs_fields, struct logs_input), .tag = "services",
     .summary = "What a service has written to its output and error, by offset."},
    CHANGE("start", start_service,
           "Start a service, and what it needs, and wait until it is "
           "ready or has failed."),
    CHANGE("stop", stop_service, "Stop a service, and what needs it, and wait until it has ended."),
    CHANGE("restart", restart_service, "Stop and start a service, and what needs it with it."),
    ROUTES_END,
};
