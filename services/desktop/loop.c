#include "desktop/loop.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

uint64_t clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int loop_watch(struct loop *loop, struct watch *watch, struct err *err)
{
    if (loop->count == LOOP_MAX_WATCHES)
        return err_set(err, ERR_LIMIT, "too many connections");
    loop->watches[loop->count++] = watch;
    return 0;
}

/* The slot stays until the next round: the round under way walks by index. */
void loop_unwatch(struct loop *loop, struct watch *watch)
{
    for (int i = 0; i < loop->count; i++)
        if (loop->watches[i] == watch)
            loop->watches[i] = NULL;
}

void loop_cancel(struct loop *loop, struct timer *timer)
{
    struct timer **link = &loop->timers;
    while (*link && *link != timer)
        link = &(*link)->next;
    if (*link)
        *link = timer->next;
    timer->due_ms = 0;
}

void loop_timer(struct loop *loop, struct timer *timer, uint64_t in_ms)
{
    loop_cancel(loop, timer);
    timer->due_ms = clock_ms() + in_ms;
    struct timer **link = &loop->timers;
    while (*link && (*link)->due_ms <= timer->due_ms)
        link = &(*link)->next;
    timer->next = *link;
    *link = timer;
}

static void run_timers(struct loop *loop)
{
    uint64_t now = clock_ms();
    while (loop->timers && loop->timers->due_ms <= now) {
        struct timer *timer = loop->timers;
        loop_cancel(loop, timer);
        timer->fn(timer->arg);
    }
}

static void drop_empty_slots(struct loop *loop)
{
    int kept = 0;
    for (int i = 0; i < loop->count; i++)
        if (loop->watches[i])
            loop->watches[kept++] = loop->watches[i];
    loop->count = kept;
}

static int wait_ms(const struct loop *loop)
{
    if (!loop->timers)
        return -1;
    uint64_t now = clock_ms();
    return loop->timers->due_ms <= now ? 0 : (int)(loop->timers->due_ms - now);
}

static void run_once(struct loop *loop)
{
    drop_empty_slots(loop);
    int count = loop->count;
    for (int i = 0; i < count; i++)
        loop->polled[i] =
            (struct pollfd){.fd = loop->watches[i]->fd, .events = loop->watches[i]->events};
    int ready = poll(loop->polled, (nfds_t)count, wait_ms(loop));
    if (ready < 0 && errno != EINTR)
        return;
    for (int i = 0; ready > 0 && i < count; i++) {
        if (!loop->polled[i].revents)
            continue;
        ready--;
        if (loop->watches[i])
            loop->watches[i]->fn(loop->watches[i]->arg, loop->polled[i].revents);
    }
    run_timers(loop);
}

void loop_run(struct loop *loop)
{
    while (!loop->stopped) {
        if (loop->before)
            loop->before(loop->before_arg);
        if (!loop->stopped)
            run_once(loop);
    }
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}
