/* core/auth.h: who is this, and what may they do.
 *
 * With no key configured everyone who reaches the port is the owner (the guard keeps other sites'
 * pages out). With one, every path needs it. Loop thread only. */
#ifndef SANDGATE_CORE_AUTH_H
#define SANDGATE_CORE_AUTH_H

#include <stdbool.h>

#include "base/err.h"

/* What a route demands and a credential grants; a set. */
enum scope {
    SCOPE_NONE = 0,
    SCOPE_READ = 1,    /* look at files, state, output */
    SCOPE_EXEC = 2,    /* run commands, write files */
    SCOPE_DESKTOP = 4, /* see and drive the screen */
    SCOPE_ADMIN = 8,   /* services and settings */
    SCOPE_ALL = 15,
};

#define GRANT_WHO 64
struct grant {
    bool known;
    unsigned scopes;
    bool by_query; /* the credential stood in the address: a page should move it to a cookie */
    char who[GRANT_WHO]; /* for the record, never a secret: "anyone", "key", … */
};

/* All the places a credential may stand; NULL where absent. */
struct credentials {
    const char *key_header;    /* X-AIO-API-Key */
    const char *authorization; /* Authorization */
    const char *query_key;     /* ?api_key= */
    const char *cookie;        /* Cookie, whole */
};

/* Who is let in where no credential is needed. */
#define AUTH_ANYONE ((struct grant){.known = true, .scopes = SCOPE_ALL, .who = "anyone"})

struct auth;

/* `api_key` NULL or "": none. The text is copied. */
int auth_open(const char *api_key, struct auth **ret_auth, struct err *err) MUST_CHECK;
void auth_close(struct auth *auth);
bool auth_required(const struct auth *auth);

/* A wrong credential is refused even where a right one stands beside it. */
struct grant auth_check(const struct auth *auth, const struct credentials *given);

/* The value a signed-in browser keeps in its HttpOnly cookie instead of the key: random per
 * process, so it says nothing about the key and ends with the gateway. */
#define AUTH_COOKIE "sandgate_session"
const char *auth_cookie_value(const struct auth *auth);

#endif
