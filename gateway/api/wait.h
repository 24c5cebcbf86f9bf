/* api/wait.h: an exchange parked until something observable has happened, or its time is up, or the
 * client has left. Lives in the exchange's arena; loop thread only. */
#ifndef SANDGATE_API_WAIT_H
#define SANDGATE_API_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ident.h"
#include "base/observers.h"
#include "http/exchange.h"

#define WAIT_FOREVER_MS ((uint64_t)24 * 60 * 60 * 1000)

struct wait {
    struct exchange *ex;
    void *subject;                     /* what is waited for */
    char session_id[IDENT_SIZE];       /* for the answer: the session may go meanwhile */
    bool (*enough)(struct wait *wait); /* asked at each news */
    void (*reply)(struct wait *wait);  /* sets the reply: enough, or time is up */
    /* May be NULL: at the timer, whether time is really up; if not, *ret_ms until the next look. */
    bool (*expired)(struct wait *wait, uint64_t *ret_ms);
    /* May be NULL: the wait is over, in whatever way. */
    void (*over)(struct wait *wait);
    int outcome; /* for expired() to tell reply() */
    /* wait.c's */
    struct observer observer;
    struct timer *timer;
};

/* Replies at once when `ms` is 0 or `enough` holds. */
int wait_start(struct wait *wait, struct observers *news, uint64_t ms, struct err *err) MUST_CHECK;

/* Seconds as given by a client; absent: for ever. */
uint64_t wait_ms(double seconds);

#endif
