#include "api/wait.h"

#include <math.h>

static void done(struct wait *w)
{
    observer_remove(&w->observer);
    timer_close(w->timer);
    w->timer = NULL;
    if (w->over)
        w->over(w);
}

static void answer(struct wait *w)
{
    done(w);
    w->reply(w);
    exchange_wake(w->ex);
}

static void on_news(void *arg)
{
    struct wait *w = arg;
    if (w->enough(w))
        answer(w);
}

static void on_timer(void *arg)
{
    struct wait *w = arg;
    uint64_t ms = 0;
    if (w->expired && !w->expired(w, &ms))
        timer_set(w->timer, ms);
    else
        answer(w);
}

static void on_park_end(void *arg, enum park_end why)
{
    (void)why;
    done(arg);
}

int wait_start(struct wait *w, struct observers *news, uint64_t ms, struct err *err)
{
    if (ms == 0 || w->enough(w)) {
        if (w->over)
            w->over(w);
        w->reply(w);
        return 0;
    }
    w->observer = (struct observer){.fn = on_news, .arg = w};
    if (ms < WAIT_FOREVER_MS || w->expired) {
        if (timer_open(exchange_loop(w->ex), on_timer, w, &w->timer, err) < 0) {
            done(w);
            return -1;
        }
        timer_set(w->timer, ms);
    }
    observers_add(news, &w->observer);
    exchange_park(w->ex, WAIT_FOREVER_MS + 60000, on_park_end, w);
    return 0;
}

uint64_t wait_ms(double seconds)
{
    return isnan(seconds) ? WAIT_FOREVER_MS : (uint64_t)(seconds * 1000 + 0.5);
}
