#include "http/need.h"

#include "http/envelope.h"
#include "http/exchange_internal.h"
#include "http/starting_page.h"

/* A person who looks at a page is told by then that it takes a while. */
#define PAGE_AFTER_MS 700

/* Lives in the exchange's arena. */
struct need {
    struct exchange *ex;
    struct service *service;
    struct observer observer;
    void (*go)(struct exchange *ex);
};

static void refuse(struct exchange *ex, enum err_kind kind, const struct service *service,
                   const char *what)
{
    struct err err;
    struct service_info info;
    service_describe(service, &info);
    (void)err_set(&err, kind, "service '%s' %s: %.300s", info.name, what, info.reason);
    if (starting_page_wanted(ex))
        starting_page_failed(ex, status_of(&err), info.title, info.reason);
    else
        reply_error(ex, &err);
}

static void refuse_unknown(struct exchange *ex, const char *name)
{
    struct err err;
    (void)err_set(&err, ERR_UNAVAILABLE,
                  "service '%s' is not enabled here (--services, or a variable that disables it)",
                  name);
    if (starting_page_wanted(ex))
        starting_page_failed(ex, status_of(&err), name, err.text);
    else
        reply_error(ex, &err);
}

/* In a page, so that the wait is no tab that hangs. */
static void tell_progress(struct exchange *ex, const struct service *service)
{
    struct service_info info;
    service_describe(service, &info);
    starting_page_wait(ex, info.title, info.reason);
}

/* Whether waiting is over because it will not come. */
static bool gave_up(const struct service *service)
{
    enum service_state state = service_state(service);
    return state == SERVICE_STOPPED || state == SERVICE_BACKOFF || state == SERVICE_FAILED;
}

/* The first that is not READY; NULL when all are. */
static struct service *awaited(const struct exchange *ex)
{
    for (size_t i = 0; i < COUNT_OF(ex->held); i++)
        if (ex->held[i] && service_state(ex->held[i]) != SERVICE_READY)
            return ex->held[i];
    return NULL;
}

static void on_news(void *arg);

static void observe(struct need *need, struct service *service)
{
    need->service = service;
    need->observer = (struct observer){.fn = on_news, .arg = need};
    observers_add(service_observers(service), &need->observer);
}

static void on_news(void *arg)
{
    struct need *need = arg;
    struct exchange *ex = need->ex;
    struct service *next = awaited(ex);
    if (next && next != need->service) {
        observer_remove(&need->observer);
        observe(need, next);
    }
    if (!next) {
        observer_remove(&need->observer);
        ex->parked = false;
        ex->ended = NULL;
        need->go(ex);
    } else if (gave_up(need->service)) {
        observer_remove(&need->observer);
        refuse(ex, ERR_UNAVAILABLE, need->service, "is not available");
        exchange_wake(ex);
    }
}

static void on_park_end(void *arg, enum park_end why)
{
    struct need *need = arg;
    observer_remove(&need->observer);
    if (why == PARK_TIMEOUT && starting_page_wanted(need->ex))
        tell_progress(need->ex, need->service);
    else if (why == PARK_TIMEOUT)
        refuse(need->ex, ERR_TIMEOUT, need->service, "is not ready in time");
}

static void wait_for(struct exchange *ex, struct service *service, uint64_t deadline_ms,
                     void (*go)(struct exchange *ex))
{
    struct err err;
    struct need *need = arena_alloc(ex->arena, sizeof *need);
    if (!need) {
        (void)err_memory(&err);
        reply_error(ex, &err);
        return;
    }
    *need = (struct need){.ex = ex, .go = go};
    observe(need, service);
    if (starting_page_wanted(ex) && deadline_ms > PAGE_AFTER_MS)
        deadline_ms = PAGE_AFTER_MS;
    exchange_park(ex, deadline_ms, on_park_end, need);
}

bool need_met(const struct supervisor *supervisor, struct exchange *ex, uint64_t deadline_ms,
              void (*go)(struct exchange *ex))
{
    const char *const names[] = {ex->route->service, ex->route->also};
    for (size_t i = 0; i < COUNT_OF(names) && names[i]; i++) {
        struct service *wanted = supervisor_find(supervisor, names[i]);
        if (!wanted) {
            refuse_unknown(ex, names[i]);
            return false;
        }
        ex->held[i] = wanted;
        service_hold(wanted);
        service_start(wanted);
    }
    struct service *service = awaited(ex);
    if (!service)
        return true;
    if (gave_up(service))
        refuse(ex, ERR_UNAVAILABLE, service, "is not available");
    else
        wait_for(ex, service, deadline_ms, go);
    return false;
}

void need_over(struct exchange *ex)
{
    for (size_t i = 0; i < COUNT_OF(ex->held); i++) {
        if (ex->held[i])
            service_release(ex->held[i]);
        ex->held[i] = NULL;
    }
}
