#include "core/auth.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/bytes.h"
#include "core/jwt.h"

/* Sessions one browser may hold at once: one for everything, and some that are bound. */
#define COOKIES_MAX 8

struct auth {
    char *key; /* NULL: none */
    size_t key_length;
    struct jwt *jwt; /* NULL: none */
    struct digester *digester;
    struct tickets *tickets;
    int64_t ticket_seconds;
};

static struct moment now(void)
{
    struct timespec wall, steady;
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    (void)clock_gettime(CLOCK_MONOTONIC, &steady);
    return (struct moment){(uint64_t)steady.tv_sec * 1000 + (uint64_t)steady.tv_nsec / 1000000,
                           wall.tv_sec};
}

int auth_open(const struct auth_settings *settings, struct auth **ret_auth, struct err *err)
{
    struct auth *a = calloc(1, sizeof *a);
    if (!a)
        return err_memory(err);
    a->ticket_seconds = settings->ticket_seconds ? settings->ticket_seconds : TICKET_SECONDS;
    if (settings->api_key && settings->api_key[0]) {
        a->key = strdup(settings->api_key);
        a->key_length = strlen(settings->api_key);
    }
    int r = settings->api_key && settings->api_key[0] && !a->key ? err_memory(err) : 0;
    if (r == 0)
        r = digester_open(&a->digester, err);
    if (r == 0)
        r = tickets_open(a->digester, &a->tickets, err);
    if (r == 0 && settings->jwt_public_key && settings->jwt_public_key[0])
        r = jwt_open(settings->jwt_public_key, a->digester, &a->jwt, err);
    if (r < 0) {
        auth_close(a);
        return -1;
    }
    *ret_auth = a;
    return 0;
}

void auth_close(struct auth *a)
{
    if (!a)
        return;
    if (a->key)
        explicit_bzero(a->key, a->key_length);
    free(a->key);
    jwt_close(a->jwt);
    tickets_close(a->tickets);
    digester_close(a->digester);
    free(a);
}

bool auth_required(const struct auth *a)
{
    return a->key || a->jwt;
}

/* ---- one credential after the other ---- */

static bool is_key(const struct auth *a, const char *text)
{
    return a->key && bytes_equal_secret(text, strlen(text), a->key, a->key_length);
}

/* RFC 6750: "Bearer" 1*SP token. */
static const char *bearer(const char *authorization)
{
    if (strncasecmp(authorization, "Bearer ", 7) != 0)
        return NULL;
    authorization += 7;
    return authorization + strspn(authorization, " ");
}

static void name_holder(struct grant *grant, const char *who)
{
    (void)snprintf(grant->who, sizeof grant->who, "%s", who);
}

static void end_at(struct grant *grant, int64_t until)
{
    if (until && (!grant->until || until < grant->until))
        grant->until = until;
}

static bool take_key(struct auth *a, const char *text, struct grant *grant)
{
    if (!is_key(a, text))
        return false;
    if (!grant->known)
        name_holder(grant, "key");
    grant->known = true;
    return true;
}

static bool take_key_or_token(struct auth *a, const char *text, struct grant *grant)
{
    struct jwt_claims claims;
    if (take_key(a, text, grant))
        return true;
    if (!a->jwt || !jwt_check(a->jwt, text, strlen(text), now().wall, &claims))
        return false;
    grant->known = true;
    grant->scopes &= claims.scopes;
    /* It is in time, so this is no date long gone; and one beyond all calendars is none. */
    if (claims.expires < 1e15)
        end_at(grant, (int64_t)claims.expires + JWT_LEEWAY);
    name_holder(grant, claims.who);
    return true;
}

static void take_pass(const struct pass *pass, struct grant *grant)
{
    grant->bound = pass->path[0] != '\0';
    grant->known = true;
    grant->scopes &= pass->scopes;
    end_at(grant, pass->until);
    name_holder(grant, pass->who);
}

/* ---- cookies ---- */

bool auth_cookie_is_ours(const char *name, size_t n)
{
    size_t plain = sizeof AUTH_COOKIE - 1;
    return n >= plain && memcmp(name, AUTH_COOKIE, plain) == 0 &&
           (n == plain || name[plain] == '_');
}

/* The next value of a cookie of ours, at *at; RFC 6265 section 4.2.1: name=value pairs separated by
 * "; ". False: there is no more. */
static bool next_session(const char **at, const char **ret_value, size_t *ret_n)
{
    const char *cookie = *at;
    while (cookie && *cookie) {
        cookie += strspn(cookie, "; ");
        size_t n = strcspn(cookie, ";");
        const char *equals = memchr(cookie, '=', n), *pair = cookie;
        cookie += n;
        if (!equals || !auth_cookie_is_ours(pair, (size_t)(equals - pair)))
            continue;
        *ret_value = equals + 1;
        *ret_n = (size_t)(pair + n - equals) - 1;
        *at = cookie;
        return true;
    }
    return false;
}

/* The first session that `ticket` (unless NULL) began, and that permits `demand` (unless NULL). */
static const struct pass *choose_session(struct auth *a, const char *cookies, const char *ticket,
                                         const struct demand *demand)
{
    const char *at = cookies, *value;
    size_t n;
    struct moment moment = now();
    for (int i = 0; i < COOKIES_MAX && next_session(&at, &value, &n); i++) {
        if (ticket && !session_knows(a->tickets, value, n, ticket, moment))
            continue;
        const struct pass *pass = session_find(a->tickets, value, n, moment);
        if (pass && (!demand || pass_permits(pass, demand)))
            return pass;
    }
    return NULL;
}

static bool take_cookie(struct auth *a, const char *cookies, const char *ticket,
                        struct grant *grant)
{
    const struct pass *pass = choose_session(a, cookies, ticket, NULL);
    if (!pass)
        return false;
    grant->beside = grant->scopes;
    take_pass(pass, grant);
    grant->cookie = cookies;
    return true;
}

static bool take_ticket(struct auth *a, const struct credentials *given, struct grant *grant)
{
    const struct pass *pass = ticket_find(a->tickets, given->query_ticket, now());
    grant->by_query = true;
    if (!pass)
        return take_cookie(a, given->cookie, given->query_ticket, grant);
    take_pass(pass, grant);
    grant->ticket = given->query_ticket;
    return true;
}

struct grant auth_check(struct auth *a, const struct credentials *given)
{
    struct grant nobody = {.known = false};
    struct grant grant = {.scopes = SCOPE_ALL};
    if (!auth_required(a))
        return AUTH_ANYONE;
    if (given->key_header && !take_key(a, given->key_header, &grant))
        return nobody;
    if (given->authorization) {
        const char *token = bearer(given->authorization);
        if (!token || !take_key_or_token(a, token, &grant))
            return nobody;
    }
    if (given->query_key) {
        if (!take_key_or_token(a, given->query_key, &grant))
            return nobody;
        grant.by_query = true;
    }
    if (given->query_ticket && !take_ticket(a, given, &grant))
        return nobody;
    /* A stale cookie is no offence: it is the browser that sends it, not the caller. */
    if (!grant.known && given->cookie && !take_cookie(a, given->cookie, NULL, &grant))
        return nobody;
    return grant.known ? grant : nobody;
}

bool auth_permits(struct auth *a, struct grant *grant, const struct demand *demand)
{
    if (grant->ticket) {
        const struct pass *pass = ticket_find(a->tickets, grant->ticket, now());
        if (!pass || !pass_permits(pass, demand))
            return false;
    } else if (grant->cookie) {
        const struct pass *pass = choose_session(a, grant->cookie, NULL, demand);
        if (!pass)
            return false;
        grant->scopes = grant->beside;
        take_pass(pass, grant);
    }
    return (grant->scopes & demand->scopes) == demand->scopes;
}

/* ---- sessions and tickets ---- */

static struct pass pass_of(struct auth *a, const struct grant *grant, struct moment moment)
{
    struct pass pass = {.scopes = grant->scopes, .until = grant->until};
    const struct pass *ticket =
        grant->ticket ? ticket_find(a->tickets, grant->ticket, moment) : NULL;
    memcpy(pass.who, grant->who, sizeof pass.who);
    if (ticket)
        memcpy(pass.path, ticket->path, sizeof pass.path);
    return pass;
}

/* Sessions of different bounds stand beside each other in a browser. */
static int name_cookie(struct auth *a, const struct pass *pass, char *out, size_t room)
{
    struct digest digest = {{0}};
    if (pass->path[0] && digest_of(a->digester, pass->path, strlen(pass->path), &digest) < 0)
        return -1;
    if (pass->path[0])
        (void)snprintf(out, room, AUTH_COOKIE "_%08x", (unsigned)(digest.words[0] & 0xffffffffu));
    else
        (void)snprintf(out, room, AUTH_COOKIE);
    return 0;
}

static int begin(struct auth *a, const struct grant *grant, const char *cookies,
                 struct auth_cookie *ret_cookie, struct moment moment, struct err *err)
{
    const char *at = cookies, *value;
    size_t n;
    const struct pass pass = pass_of(a, grant, moment);
    ret_cookie->value[0] = '\0';
    if (name_cookie(a, &pass, ret_cookie->name, sizeof ret_cookie->name) < 0)
        return err_memory(err);
    for (int i = 0; i < COOKIES_MAX && next_session(&at, &value, &n); i++)
        if (session_adopt(a->tickets, value, n, &pass, grant->ticket, moment))
            return 0;
    return session_begin(a->tickets, &pass, grant->ticket, moment, ret_cookie->value, err);
}

int auth_begin_session(struct auth *a, struct grant *grant, const char *cookies,
                       struct auth_cookie *ret_cookie, struct err *err)
{
    struct moment moment = now();
    if (begin(a, grant, cookies, ret_cookie, moment, err) < 0)
        return -1;
    if (grant->ticket)
        ticket_use_up(a->tickets, grant->ticket, moment);
    grant->ticket = NULL;
    return 0;
}

int auth_look(struct auth *a, struct grant *grant, const char *cookies,
              struct auth_cookie *ret_cookie, struct err *err)
{
    struct moment moment = now();
    ret_cookie->value[0] = '\0';
    /* The page is looked at again, by the browser that has the session already. */
    if (choose_session(a, cookies, grant->ticket, NULL))
        return 0;
    if (!ticket_look_once(a->tickets, grant->ticket, moment))
        return err_set(err, ERR_UNAUTHORIZED, "the ticket was looked at before");
    return begin(a, grant, cookies, ret_cookie, moment, err);
}

int auth_issue_ticket(struct auth *a, const struct grant *maker, unsigned scopes, const char *path,
                      size_t path_n, struct auth_ticket *ret_ticket, struct err *err)
{
    struct moment moment = now();
    struct pass pass = {.scopes = scopes, .until = maker->until};
    if (maker->bound)
        return err_set(err, ERR_FORBIDDEN, "what is bound to a path makes no tickets");
    if ((maker->scopes & scopes) != scopes)
        return err_set(err, ERR_FORBIDDEN, "a ticket gives no more than its maker has");
    if (pass_set_path(&pass, path, path_n, err) < 0)
        return -1;
    memcpy(pass.who, maker->who, sizeof pass.who);
    int64_t seconds = a->ticket_seconds;
    if (pass.until && pass.until - moment.wall < seconds)
        seconds = pass.until > moment.wall ? pass.until - moment.wall : 0;
    if (ticket_issue(a->tickets, &pass, (uint64_t)seconds, moment, ret_ticket->secret, err) < 0)
        return -1;
    ret_ticket->seconds = seconds;
    ret_ticket->pass = pass;
    return 0;
}
