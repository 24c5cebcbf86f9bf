/* desktop/loop.h: one thread waits for descriptors and for moments. Everything here belongs to that
 * thread. Watches and timers belong to who uses them; whichever is being called may be removed, and
 * so may any other. */
#ifndef SANDGATE_DESKTOP_LOOP_H
#define SANDGATE_DESKTOP_LOOP_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define LOOP_MAX_WATCHES 192

struct watch {
    int fd;
    short events; /* of poll(2); may be changed at any time */
    void (*fn)(void *arg, short events);
    void *arg;
};

struct timer {
    uint64_t due_ms; /* 0: not set */
    void (*fn)(void *arg);
    void *arg;
    struct timer *next;
};

struct loop {
    struct watch *watches[LOOP_MAX_WATCHES];
    struct pollfd polled[LOOP_MAX_WATCHES];
    int count;
    struct timer *timers;
    bool stopped;
    void (*before)(void *arg); /* called each time before it waits */
    void *before_arg;
};

/* -1 (ERR_LIMIT) when there are too many. */
int loop_watch(struct loop *loop, struct watch *watch, struct err *err) MUST_CHECK;
/* Fine when it is not watched. */
void loop_unwatch(struct loop *loop, struct watch *watch);
/* Set it, or set it anew. */
void loop_timer(struct loop *loop, struct timer *timer, uint64_t in_ms);
void loop_cancel(struct loop *loop, struct timer *timer);
/* Until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Milliseconds of a clock that only goes forward. */
uint64_t clock_ms(void);

#endif
