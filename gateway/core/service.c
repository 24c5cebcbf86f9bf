/* The state machine of a service: each change of state is one call of enter(), which says why and
 * writes the one line of log. Nobody is called back from here: observers hear of it, and the other
 * services draw their conclusions, when the supervisor settles all of them next. */
#include <stdarg.h>
#include <string.h>

#include "base/log.h"
#include "core/history.h"
#include "core/service_internal.h"

const char *const service_state_names[] = {"stopped",  "starting", "ready",
                                           "stopping", "backoff",  "failed"};

#define FAILURES_MAX     5
#define STABLE_MS        30000 /* READY for so long: what failed before is forgotten */
#define IDLE_ASK_MS      500 /* a service that does not say that it may be stopped is left alone */
#define BACKOFF_FIRST_MS 250 /* doubled with each failure in a row */
#define BACKOFF_MAX_MS   30000
_Static_assert((BACKOFF_FIRST_MS << (FAILURES_MAX - 2)) <= BACKOFF_MAX_MS,
               "the last pause before giving up is the longest one");

static void __attribute__((format(printf, 3, 4)))
enter(struct service *s, enum service_state state, const char *format, ...)
{
    char reason[sizeof s->reason];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    bool bad = state == SERVICE_BACKOFF || state == SERVICE_FAILED;
    log_line(bad ? LOG_WARN : LOG_INFO, "service %s: %s -> %s: %s", s->manifest->name,
             service_state_names[s->state], service_state_names[state], reason);
    s->state = state;
    memcpy(s->reason, reason, sizeof reason);
    s->since_ms = history_now();
    s->entered = loop_clock();
    s->blocked = false;
    if (state != SERVICE_STARTING && state != SERVICE_STOPPING)
        s->eager = false;
    timer_stop(s->retry);
    s->news = true;
    supervisor_wake(s->supervisor);
}

/* ---- telling ---- */

enum service_state service_state(const struct service *s)
{
    return s->state;
}

const char *service_name(const struct service *s)
{
    return s->manifest->name;
}

struct observers *service_observers(struct service *s)
{
    return &s->observers;
}

const struct address *service_address(const struct service *s)
{
    return &s->address;
}

const char *service_run_dir(const struct service *s)
{
    return s->run_dir;
}

const char *service_state_dir(const struct service *s)
{
    return s->state_dir;
}

void service_log_read(struct service *s, uint64_t offset, size_t max, struct bytes *out,
                      uint64_t *ret_next, uint64_t *ret_skipped)
{
    outlog_read_text(&s->log, offset, max, s->busy, out, ret_next, ret_skipped);
}

void service_describe(const struct service *s, struct service_info *ret_info)
{
    const struct manifest *m = s->manifest;
    *ret_info = (struct service_info){
        .name = m->name,
        .title = m->title.p ? m->title.p : m->name,
        .description = m->description.p ? m->description.p : "",
        .state = s->state,
        .reason = s->reason,
        .pid = s->child ? child_pid(s->child) : 0,
        .since_ms = s->since_ms,
        .restarts = s->starts > 1 ? s->starts - 1 : 0,
        .boot = m->boot,
        .idle_stop_seconds = m->idle_stop_seconds,
        .holds = s->holds,
        .memory_mb = m->memory_mb,
        .log_length = s->log.length,
        .needs = s->need_names,
        .wants = s->want_names,
    };
}

/* ---- use ---- */

static bool lists(struct service *const *list, const struct service *s)
{
    while (*list && *list != s)
        list++;
    return *list != NULL;
}

static bool is_active(const struct service *s)
{
    return s->state != SERVICE_STOPPED && s->state != SERVICE_FAILED;
}

static bool is_used(const struct service *s)
{
    const struct supervisor *all = s->supervisor;
    if (s->holds)
        return true;
    for (size_t i = 0; i < all->count; i++) {
        const struct service *other = &all->services[i];
        if (is_active(other) && (lists(other->needs, s) || lists(other->wants, s)))
            return true;
    }
    return false;
}

static void settle_idle(struct service *s)
{
    double seconds = s->manifest->idle_stop_seconds;
    if (seconds <= 0 || s->state != SERVICE_READY || is_used(s)) {
        timer_stop(s->idle);
        probe_close(s->idle_probe);
        s->idle_probe = NULL;
        s->idling = false;
    } else if (!s->idling) {
        timer_set(s->idle, (uint64_t)(seconds * 1000));
        s->idling = true;
    }
}

static void stop_idle(struct service *s)
{
    char why[64];
    s->idling = false;
    (void)snprintf(why, sizeof why, "not used for %.15g s", s->manifest->idle_stop_seconds);
    if (s->state == SERVICE_READY && !is_used(s))
        service_stop(s, why);
}

static void on_idle_asked(void *arg, bool idle)
{
    struct service *s = arg;
    s->idle_probe = NULL;
    if (idle) {
        stop_idle(s);
        return;
    }
    /* It has something to do that nobody watches. */
    s->idling = false;
    settle_idle(s);
}

static void on_idle(void *arg)
{
    struct service *s = arg;
    struct err err;
    struct probe_spec spec = {.kind = PROBE_HTTP,
                              .address = s->address,
                              .target = s->manifest->idle_path.p,
                              .deadline_ms = IDLE_ASK_MS,
                              .done = on_idle_asked,
                              .arg = s};
    if (!spec.target || probe_open(s->supervisor->loop, &spec, &s->idle_probe, &err) < 0)
        stop_idle(s);
}

void service_hold(struct service *s)
{
    s->holds++;
    settle_idle(s);
}

/* Its idle time begins now, if nothing else uses it. */
void service_release(struct service *s)
{
    s->holds--;
    settle_idle(s);
}

/* ---- start ---- */

/* Somebody waits: what pauses after a failure is started at once. Else it has its pause. */
static void start_others(const struct service *s, struct service *const *others)
{
    for (; *others; others++)
        if (s->eager || (*others)->state == SERVICE_STOPPED)
            service_start(*others);
}

static void begin_starting(struct service *s, const char *why)
{
    start_others(s, s->needs);
    start_others(s, s->wants);
    enter(s, SERVICE_STARTING, "%s", why);
}

void service_start(struct service *s)
{
    if (s->supervisor->stopping)
        return;
    s->wanted = true;
    s->eager = s->state != SERVICE_READY;
    switch (s->state) {
    case SERVICE_STOPPED:
    case SERVICE_FAILED:
        s->starts = 0;
        s->failures = 0;
        begin_starting(s, "wanted");
        break;
    case SERVICE_BACKOFF:
        begin_starting(s, "wanted at once");
        break;
    case SERVICE_STARTING:
        start_others(s, s->needs);
        break;
    case SERVICE_READY:
    case SERVICE_STOPPING: /* comes back when it has stopped */
        break;
    }
}

static void on_retry(void *arg)
{
    struct service *s = arg;
    begin_starting(s, "tried again");
}

/* The need that failed, the one that is still to come, or NULL when all are there. */
static struct service *missing_need(const struct service *s)
{
    struct service *late = NULL;
    for (struct service **need = s->needs; *need; need++) {
        enum service_state state = (*need)->state;
        if (state == SERVICE_FAILED || state == SERVICE_BACKOFF)
            return *need;
        if (state != SERVICE_READY)
            late = *need;
    }
    return late;
}

static bool wants_are_settled(const struct service *s)
{
    for (struct service **want = s->wants; *want; want++) {
        enum service_state state = (*want)->state;
        if (state == SERVICE_STARTING || (state == SERVICE_STOPPING && (*want)->wanted))
            return false;
    }
    return true;
}

/* It can do nothing about it, so it is no failure of its own. */
static void block(struct service *s, const struct service *need)
{
    char why[sizeof s->reason];
    (void)snprintf(why, sizeof why, "needs %s, which is not there: %.200s", need->manifest->name,
                   need->reason);
    enter(s, need->state, "%s", why);
    s->blocked = true;
}

/* It shares the fate of its need. */
static void settle_blocked(struct service *s)
{
    const struct service *need = missing_need(s);
    if (!need)
        begin_starting(s, "what it needs is back");
    else if (need->state == SERVICE_FAILED && s->state == SERVICE_BACKOFF)
        block(s, need);
}

static void settle_starting(struct service *s)
{
    struct err err;
    struct service *need = missing_need(s);
    if (need && (need->state == SERVICE_BACKOFF || need->state == SERVICE_FAILED)) {
        block(s, need);
        return;
    }
    if (need && need->state == SERVICE_STOPPED)
        service_start(need);
    if (need || s->busy || !wants_are_settled(s))
        return;
    s->starts++;
    if (process_start(s, &err) < 0)
        service_on_failure(s, err.text);
}

void service_on_ready(struct service *s)
{
    double seconds = (double)(loop_clock() - s->entered) / 1e3;
    if (s->state != SERVICE_STARTING)
        return;
    enter(s, SERVICE_READY, "ready after %.2f s", seconds);
}

/* One that ended because what it needs had ended before is not to blame: it comes back with it. */
void service_on_failure(struct service *s, const char *why)
{
    if (s->state != SERVICE_STARTING && s->state != SERVICE_READY)
        return;
    const struct service *need = missing_need(s);
    if (need) {
        enter(s, SERVICE_BACKOFF, "%s (%s, which it needs, is gone)", why, need->manifest->name);
        s->blocked = true;
        return;
    }
    if (s->state == SERVICE_READY && loop_clock() - s->entered >= STABLE_MS)
        s->failures = 0;
    s->failures++;
    if (s->failures >= FAILURES_MAX) {
        enter(s, SERVICE_FAILED, "%s (%u failures in a row)", why, s->failures);
        return;
    }
    enter(s, SERVICE_BACKOFF, "%s", why);
    timer_set(s->retry, (uint64_t)BACKOFF_FIRST_MS << (s->failures - 1));
}

/* ---- stop ---- */

static void begin_stopping(struct service *s, const char *why)
{
    if (s->busy)
        enter(s, SERVICE_STOPPING, "%s", why);
    else if (s->wanted)
        begin_starting(s, why);
    else
        enter(s, SERVICE_STOPPED, "%s", why);
}

/* Those that need it go with it; one that has failed keeps saying why. */
static void stop_dependents(struct service *s)
{
    struct supervisor *all = s->supervisor;
    char why[sizeof s->reason];
    (void)snprintf(why, sizeof why, "%s, which it needs, is stopped", s->manifest->name);
    for (size_t i = 0; i < all->count; i++) {
        struct service *other = &all->services[i];
        if (!lists(other->needs, s))
            continue;
        other->wanted = false;
        if (is_active(other))
            service_stop(other, why);
    }
}

void service_stop(struct service *s, const char *why)
{
    s->wanted = false;
    stop_dependents(s);
    if (s->state != SERVICE_STOPPED && s->state != SERVICE_STOPPING)
        begin_stopping(s, why);
}

void service_restart(struct service *s, const char *why)
{
    if (s->supervisor->stopping)
        return;
    s->failures = 0;
    if (s->state == SERVICE_READY || s->state == SERVICE_STARTING)
        begin_stopping(s, why);
    else
        service_start(s);
}

/* Those that need it go first; so do those that only want it, if they go anyway. */
static bool is_in_the_way(const struct service *s, const struct service *other)
{
    return (other->busy && lists(other->needs, s)) ||
           (other->state == SERVICE_STOPPING && lists(other->wants, s));
}

static void settle_stopping(struct service *s)
{
    const struct supervisor *all = s->supervisor;
    if (s->ending != ENDING_NO)
        return;
    for (size_t i = 0; i < all->count; i++)
        if (is_in_the_way(s, &all->services[i]))
            return;
    process_end(s);
}

void service_on_gone(struct service *s)
{
    char why[sizeof s->reason];
    supervisor_wake(s->supervisor);
    if (s->state != SERVICE_STOPPING)
        return;
    memcpy(why, s->reason, sizeof why);
    begin_stopping(s, why);
}

/* ---- one for all ---- */

/* What it needs has ended: it ends too, and comes back after it. */
static void follow_needs(struct service *s)
{
    const struct service *need = missing_need(s);
    char why[sizeof s->reason];
    if (!need)
        return;
    (void)snprintf(why, sizeof why, "%s, which it needs, is %s: %.200s", need->manifest->name,
                   service_state_names[need->state], need->reason);
    begin_stopping(s, why);
}

void service_settle(struct service *s)
{
    switch (s->state) {
    case SERVICE_STARTING:
        if (!s->child)
            settle_starting(s);
        else
            follow_needs(s);
        break;
    case SERVICE_READY:
        follow_needs(s);
        break;
    case SERVICE_STOPPING:
        settle_stopping(s);
        break;
    case SERVICE_BACKOFF:
    case SERVICE_FAILED:
        if (s->blocked && s->wanted)
            settle_blocked(s);
        break;
    case SERVICE_STOPPED:
        break;
    }
    settle_idle(s);
}

int service_init(struct service *s, struct err *err)
{
    struct loop *loop = s->supervisor->loop;
    s->state = SERVICE_STOPPED;
    s->since_ms = history_now();
    (void)snprintf(s->reason, sizeof s->reason, "not used yet");
    if (timer_open(loop, on_retry, s, &s->retry, err) < 0 ||
        timer_open(loop, on_idle, s, &s->idle, err) < 0)
        return -1;
    return process_init(s, err);
}

void service_done(struct service *s)
{
    timer_close(s->retry);
    timer_close(s->idle);
    probe_close(s->idle_probe);
    process_done(s);
}
