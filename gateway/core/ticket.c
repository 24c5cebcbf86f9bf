#include "core/ticket.h"

#include <stdlib.h>
#include <string.h>

struct tickets {
    struct digester *digester;
    struct digest_table fresh, sessions;
};

struct ticket {
    struct digest_entry entry; /* first: the table's entries are these */
    struct pass pass;
    uint64_t ends_ms;
    bool looked_at;
};

struct session {
    struct digest_entry entry; /* the same */
    struct pass pass;
    uint64_t ends_ms;
    struct digest began_with[SESSION_REMEMBERS];
    size_t began_count; /* all there ever were: the next one's place is this, modulo */
};

int tickets_open(struct digester *digester, struct tickets **ret_tickets, struct err *err)
{
    struct tickets *t = calloc(1, sizeof *t);
    if (!t)
        return err_memory(err);
    t->digester = digester;
    if (digest_table_open(&t->fresh, TICKETS_MAX, err) < 0 ||
        digest_table_open(&t->sessions, SESSIONS_MAX, err) < 0) {
        tickets_close(t);
        return -1;
    }
    *ret_tickets = t;
    return 0;
}

static void drop(struct digest_table *table, struct digest_entry *entry)
{
    digest_table_remove(table, entry);
    free(entry);
}

void tickets_close(struct tickets *t)
{
    if (!t)
        return;
    while (t->fresh.oldest)
        drop(&t->fresh, t->fresh.oldest);
    while (t->sessions.oldest)
        drop(&t->sessions, t->sessions.oldest);
    digest_table_close(&t->fresh);
    digest_table_close(&t->sessions);
    free(t);
}

/* ---- paths ---- */

static int bad_path(struct err *err, const char *what)
{
    return err_field(err, "path", "field 'path' %s", what);
}

/* One that the router could see: it takes paths as they are, so this must be one way to write it.
 */
int pass_set_path(struct pass *pass, const char *path, size_t n, struct err *err)
{
    while (n && path[n - 1] == '/')
        n--;
    if (n && path[0] != '/')
        return bad_path(err, "must be an absolute path");
    if (n > PASS_PATH_MAX)
        return bad_path(err, "is longer than 256 bytes");
    for (size_t i = 0; i < n; i++) {
        if (path[i] == '?' || path[i] == '#' || (unsigned char)path[i] < 0x20 || path[i] == 0x7f)
            return bad_path(err, "must be a path alone, without a query");
        if (path[i] != '/')
            continue;
        const char *segment = path + i + 1, *end = memchr(segment, '/', n - i - 1);
        size_t length = end ? (size_t)(end - segment) : n - i - 1;
        if (length == 0 || (length == 1 && segment[0] == '.') ||
            (length == 2 && segment[0] == '.' && segment[1] == '.'))
            return bad_path(err, "must not hold '//', '.' or '..'");
    }
    memcpy(pass->path, path, n);
    pass->path[n] = '\0';
    return 0;
}

/* Segment by segment: "/vnc" holds "/vnc" and "/vnc/x", not "/vncx". */
static bool is_within(const char *path, const char *prefix)
{
    size_t n = strlen(prefix);
    while (n && prefix[n - 1] == '/')
        n--;
    return strncmp(path, prefix, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

bool pass_permits(const struct pass *pass, const struct demand *demand)
{
    if ((pass->scopes & demand->scopes) != demand->scopes)
        return false;
    if (!pass->path[0] || is_within(demand->path, pass->path))
        return true;
    /* Part of the page that the pass is for, or of the one it lies in. */
    return demand->serves &&
           (is_within(pass->path, demand->serves) || is_within(demand->serves, pass->path));
}

/* ---- tickets ---- */

static bool is_over(const struct pass *pass, uint64_t ends_ms, struct moment now)
{
    return now.ms >= ends_ms || (pass->until && now.wall >= pass->until);
}

/* Those that nobody used. */
static void drop_stale(struct tickets *t, struct moment now)
{
    struct digest_entry *entry = t->fresh.oldest;
    while (entry) {
        struct digest_entry *newer = entry->newer;
        const struct ticket *ticket = (const void *)entry;
        if (is_over(&ticket->pass, ticket->ends_ms, now))
            drop(&t->fresh, entry);
        entry = newer;
    }
}

int ticket_issue(struct tickets *t, const struct pass *pass, uint64_t seconds, struct moment now,
                 char ret_secret[static SECRET_LENGTH + 1], struct err *err)
{
    if (t->fresh.count == t->fresh.max)
        drop_stale(t, now);
    if (t->fresh.count == t->fresh.max)
        return err_set(err, ERR_LIMIT, "%d tickets are waiting to be used; try again later",
                       TICKETS_MAX);
    if (secret_make(ret_secret, err) < 0)
        return -1;
    struct ticket *ticket = malloc(sizeof *ticket);
    if (!ticket)
        return err_memory(err);
    *ticket = (struct ticket){.pass = *pass, .ends_ms = now.ms + seconds * 1000};
    if (digest_of(t->digester, ret_secret, SECRET_LENGTH, &ticket->entry.key) < 0) {
        free(ticket);
        return err_memory(err);
    }
    digest_table_put(&t->fresh, &ticket->entry);
    return 0;
}

static struct ticket *find_ticket(struct tickets *t, const char *secret, struct moment now)
{
    struct digest key;
    if (strlen(secret) != SECRET_LENGTH || digest_of(t->digester, secret, SECRET_LENGTH, &key) < 0)
        return NULL;
    struct ticket *ticket = (void *)digest_table_get(&t->fresh, &key);
    if (!ticket || !is_over(&ticket->pass, ticket->ends_ms, now))
        return ticket;
    drop(&t->fresh, &ticket->entry);
    return NULL;
}

const struct pass *ticket_find(struct tickets *t, const char *secret, struct moment now)
{
    const struct ticket *ticket = find_ticket(t, secret, now);
    return ticket ? &ticket->pass : NULL;
}

void ticket_use_up(struct tickets *t, const char *secret, struct moment now)
{
    struct ticket *ticket = find_ticket(t, secret, now);
    if (ticket)
        drop(&t->fresh, &ticket->entry);
}

bool ticket_look_once(struct tickets *t, const char *secret, struct moment now)
{
    struct ticket *ticket = find_ticket(t, secret, now);
    bool first = ticket && !ticket->looked_at;
    if (first)
        ticket->looked_at = true;
    return first;
}

/* ---- sessions ---- */

static struct session *find_session(struct tickets *t, const char *secret, size_t n,
                                    struct moment now)
{
    struct digest key;
    if (n != SECRET_LENGTH || digest_of(t->digester, secret, n, &key) < 0)
        return NULL;
    struct session *session = (void *)digest_table_get(&t->sessions, &key);
    if (!session)
        return NULL;
    if (is_over(&session->pass, session->ends_ms, now)) {
        drop(&t->sessions, &session->entry);
        return NULL;
    }
    digest_table_touch(&t->sessions, &session->entry);
    return session;
}

static void remember_ticket(struct tickets *t, struct session *session, const char *ticket)
{
    struct digest *place = &session->began_with[session->began_count % SESSION_REMEMBERS];
    if (ticket && digest_of(t->digester, ticket, strlen(ticket), place) == 0)
        session->began_count++;
}

int session_begin(struct tickets *t, const struct pass *pass, const char *ticket, struct moment now,
                  char ret_secret[static SECRET_LENGTH + 1], struct err *err)
{
    if (secret_make(ret_secret, err) < 0)
        return -1;
    struct session *session = malloc(sizeof *session);
    if (!session)
        return err_memory(err);
    *session =
        (struct session){.pass = *pass, .ends_ms = now.ms + (uint64_t)SESSION_SECONDS * 1000};
    if (digest_of(t->digester, ret_secret, SECRET_LENGTH, &session->entry.key) < 0) {
        free(session);
        return err_memory(err);
    }
    if (t->sessions.count == t->sessions.max)
        drop(&t->sessions, t->sessions.oldest);
    digest_table_put(&t->sessions, &session->entry);
    remember_ticket(t, session, ticket);
    return 0;
}

const struct pass *session_find(struct tickets *t, const char *secret, size_t n, struct moment now)
{
    const struct session *session = find_session(t, secret, n, now);
    return session ? &session->pass : NULL;
}

bool session_knows(struct tickets *t, const char *secret, size_t n, const char *ticket,
                   struct moment now)
{
    const struct session *session = find_session(t, secret, n, now);
    struct digest key;
    if (!session || strlen(ticket) != SECRET_LENGTH ||
        digest_of(t->digester, ticket, SECRET_LENGTH, &key) < 0)
        return false;
    for (size_t i = 0; i < SESSION_REMEMBERS && i < session->began_count; i++)
        if (memcmp(&session->began_with[i], &key, sizeof key) == 0)
            return true;
    return false;
}

bool session_adopt(struct tickets *t, const char *secret, size_t n, const struct pass *pass,
                   const char *ticket, struct moment now)
{
    struct session *session = find_session(t, secret, n, now);
    if (!session || session->pass.scopes != pass->scopes || session->pass.until != pass->until ||
        strcmp(session->pass.who, pass->who) != 0 || strcmp(session->pass.path, pass->path) != 0)
        return false;
    remember_ticket(t, session, ticket);
    return true;
}
