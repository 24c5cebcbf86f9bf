/* core/ticket.h: one-time tickets, and the sessions of browsers that they, or a key, begin.
 *
 * A ticket stands in an address, where it may be seen: so it is short-lived, and opening something
 * with it uses it up. What it began then is a session, whose secret only that browser's cookie
 * holds; and the session remembers its tickets, because a page's address may name the same one
 * again. Both may be bound to a path. Nothing here outlives the gateway; loop thread only. */
#ifndef SANDGATE_CORE_TICKET_H
#define SANDGATE_CORE_TICKET_H

#include "core/digest.h"
#include "core/grant.h"

#define TICKETS_MAX       4096 /* not used yet; more are refused */
#define SESSIONS_MAX      1024 /* of more, the one that was not used for longest ends */
#define SESSION_SECONDS   (12 * 3600)
#define PASS_PATH_MAX     256
#define SESSION_REMEMBERS 8 /* tickets, the newest */

/* What the holder may do. */
struct pass {
    unsigned scopes;
    int64_t until; /* seconds of the wall clock at which its maker's credential ends; 0: never */
    char who[GRANT_WHO];
    char path[PASS_PATH_MAX + 1]; /* "": everything; else "/vnc": that and what is below */
};

struct moment {
    uint64_t ms;  /* monotonic: how long things live */
    int64_t wall; /* seconds: when credentials end */
};

struct tickets;

/* The digester stays the caller's. */
int tickets_open(struct digester *digester, struct tickets **ret_tickets,
                 struct err *err) MUST_CHECK;
void tickets_close(struct tickets *tickets);

/* ERR_INVALID for a path that is none; `out` is without final slashes, "" for all. */
int pass_set_path(struct pass *pass, const char *path, size_t n, struct err *err) MUST_CHECK;
bool pass_permits(const struct pass *pass, const struct demand *demand);

/* ERR_LIMIT when there are too many. */
int ticket_issue(struct tickets *tickets, const struct pass *pass, uint64_t seconds,
                 struct moment now, char ret_secret[static SECRET_LENGTH + 1],
                 struct err *err) MUST_CHECK;
/* What a ticket that is not used up gives; NULL: it is none. Valid until the next call. */
const struct pass *ticket_find(struct tickets *tickets, const char *secret, struct moment now);
void ticket_use_up(struct tickets *tickets, const char *secret, struct moment now);
/* True the first time only. */
bool ticket_look_once(struct tickets *tickets, const char *secret, struct moment now);

/* `ticket` is what it began with, or NULL. */
int session_begin(struct tickets *tickets, const struct pass *pass, const char *ticket,
                  struct moment now, char ret_secret[static SECRET_LENGTH + 1],
                  struct err *err) MUST_CHECK;
/* The secret need not end at `n`. */
const struct pass *session_find(struct tickets *tickets, const char *secret, size_t n,
                                struct moment now);
/* Whether the session remembers the ticket. */
bool session_knows(struct tickets *tickets, const char *secret, size_t n, const char *ticket,
                   struct moment now);
/* Have a session remember one more, if it is for the same pass. */
bool session_adopt(struct tickets *tickets, const char *secret, size_t n, const struct pass *pass,
                   const char *ticket, struct moment now);

#endif
