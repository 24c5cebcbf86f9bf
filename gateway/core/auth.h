/* core/auth.h: who is this, and what may they do.
 *
 * With neither a key nor a token's key configured everyone who reaches the port is the owner (the
 * guard keeps other sites' pages out). With one of them, every path needs a credential: the key, a
 * JSON Web Token, a ticket, or the cookie of a browser that came with one of these. Loop thread
 * only. */
#ifndef SANDGATE_CORE_AUTH_H
#define SANDGATE_CORE_AUTH_H

#include <stdbool.h>

#include "base/err.h"
#include "core/grant.h"
#include "core/ticket.h"

/* NULL or "": none. */
struct auth_settings {
    const char *api_key;
    const char *jwt_public_key; /* see core/jwt_key.h */
    int64_t ticket_seconds;     /* 0: TICKET_SECONDS */
};
#define TICKET_SECONDS 30

/* All the places a credential may stand; NULL where absent. */
struct credentials {
    const char *key_header;    /* X-AIO-API-Key: the key */
    const char *authorization; /* Authorization: Bearer, the key or a token */
    const char *query_key;     /* ?api_key=: the key or a token */
    const char *query_ticket;  /* ?ticket= */
    const char *cookie;        /* Cookie, whole */
};

/* Who is let in where no credential is needed. */
#define AUTH_ANYONE ((struct grant){.known = true, .scopes = SCOPE_ALL, .who = "anyone"})

struct auth;

/* The settings' text is copied. */
int auth_open(const struct auth_settings *settings, struct auth **ret_auth,
              struct err *err) MUST_CHECK;
void auth_close(struct auth *auth);
bool auth_required(const struct auth *auth);

/* A wrong credential is refused even where a right one stands beside it; of several right ones each
 * narrows. Uses nothing up. The grant borrows from `given`. */
struct grant auth_check(struct auth *auth, const struct credentials *given);

/* Whether the grant is enough. Where several sessions of a cookie would do for the one or the
 * other, the grant becomes that of the first that does for this. */
bool auth_permits(struct auth *auth, struct grant *grant, const struct demand *demand);

/* What a browser keeps instead of a key or ticket: HttpOnly, random, and gone with the gateway. One
 * that is bound to a path has a name of its own beside the others'. */
#define AUTH_COOKIE "sandgate_session"
struct auth_cookie {
    char name[sizeof AUTH_COOKIE + 16];
    char value[SECRET_LENGTH + 1]; /* "": the browser has it already */
};
/* The name is that of such a cookie; `n` bytes. */
bool auth_cookie_is_ours(const char *name, size_t n);

/* Begin a session for what stood in the address; a ticket is used up. */
int auth_begin_session(struct auth *auth, struct grant *grant, const char *cookies,
                       struct auth_cookie *ret_cookie, struct err *err) MUST_CHECK;
/* The same for a proxy in front that asks before it passes the request on: the ticket can be looked
 * at so once, and still be used once. ERR_UNAUTHORIZED the second time, but beside the cookie. */
int auth_look(struct auth *auth, struct grant *grant, const char *cookies,
              struct auth_cookie *ret_cookie, struct err *err) MUST_CHECK;

struct auth_ticket {
    char secret[SECRET_LENGTH + 1];
    int64_t seconds;
    struct pass pass;
};
/* A ticket that gives what `maker` has, or less: `scopes` must be among the maker's, `path` may be
 * empty. */
int auth_issue_ticket(struct auth *auth, const struct grant *maker, unsigned scopes,
                      const char *path, size_t path_n, struct auth_ticket *ret_ticket,
                      struct err *err) MUST_CHECK;

#endif
