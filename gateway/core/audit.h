/* core/audit.h: who did what, when, with which result.
 *
 * One entry for each thing done, in the database, for as many days and entries as are configured.
 * What takes long is written when it begins, as running, and settled when it is over; what a killed
 * gateway left running is interrupted. Secrets are masked (core/audit_mask.h) before anything is
 * kept.
 *
 * What anyone can do at will is folded: the first of a kind is an entry, and the same again, within
 * five minutes, only raises its count. Refused callers have a small part of the log for themselves,
 * and those nobody knows so many new entries in that time, so that they can neither fill it nor
 * wash others' out of it.
 *
 * Entries are queued: a request never waits for the database, nor fails with it. Loop thread only,
 * except audit_list(). */
#ifndef SANDGATE_CORE_AUDIT_H
#define SANDGATE_CORE_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "core/config.h"
#include "io/loop.h"
#include "store/store.h"

enum audit_result {
    AUDIT_RUNNING,
    AUDIT_OK,
    AUDIT_REFUSED,     /* the caller was not let in, or may not do that */
    AUDIT_FAILED,      /* it was let in, and answered with an error */
    AUDIT_UNANSWERED,  /* the caller left before the answer */
    AUDIT_INTERRUPTED, /* the gateway ended before it did */
};
extern const char *const audit_result_names[]; /* NULL-terminated */

/* Of a subject and of a path so much is kept. */
#define AUDIT_SUBJECT 2048
#define AUDIT_PATH    512

struct audit_entry {
    int64_t at;                /* when it began; ms since the epoch */
    const char *who;           /* grant.who; "" or NULL: unknown */
    const char *peer, *action; /* "127.0.0.1", "file.write" */
    struct text subject;       /* what on: a command, a path, a port; p NULL: nothing to tell */
    const char *session_id;    /* NULL: none */
    const char *method;
    struct text path; /* without the query */
    enum audit_result result;
    unsigned status;   /* 0: none */
    int64_t exit_code; /* INT_ABSENT: none */
    int64_t ms;        /* how long it took; INT_ABSENT while running */
    bool fold;
};

struct audit;

int audit_open(struct loop *loop, struct store *store, const struct config *config,
               struct audit **ret_audit, struct err *err) MUST_CHECK;
/* Queues what is not written yet; before the store is drained. NULL is fine. */
void audit_close(struct audit *audit);

/* Returns the entry's id, or 0 when there is one already which only counts it. Refused ones are
 * folded in any case. */
int64_t audit_add(struct audit *audit, const struct audit_entry *entry);
/* How an entry that was added as running ended: result, status, exit_code and ms. */
void audit_end(struct audit *audit, int64_t id, const struct audit_entry *entry);

/* Entries written since the start, for metrics. */
uint64_t audit_written(const struct audit *audit);

/* ---- reading ---- */

struct audit_filter {
    const char *who, *session_id; /* exactly; NULL: any */
    const char *action;           /* it, or what it begins with */
    const char *contains;         /* in subject or path */
    int result;                   /* enum audit_result, CHOICE_ABSENT: any */
    int64_t since, until;         /* ms since the epoch; INT_ABSENT: no bound */
    int64_t before, after;        /* ids, neither included; INT_ABSENT: no bound */
    int64_t limit;
};

/* {"entries": […newest first…], "next_before": id or null}. Applies what is queued first. On a
 * worker. */
int audit_list(struct store *store, const struct audit_filter *filter, struct jsonw *w,
               struct err *err) MUST_CHECK;

#endif
