/* Tickets and sessions, with a clock of our own; and how credentials add up. */
#include "core/ticket.h"

#include "base/mem.h"
#include "check.h"
#include "core/auth.h"

static struct digester *digester;
static struct tickets *tickets;
static struct moment at;
static struct err err;

static void begin(void)
{
    at = (struct moment){1000000, 1700000000};
    CHECK(tickets_open(digester, &tickets, &err) == 0);
}

static struct pass pass_for(const char *path, unsigned scopes)
{
    struct pass pass = {.scopes = scopes, .who = "key"};
    CHECK(pass_set_path(&pass, path, strlen(path), &err) == 0);
    return pass;
}

static void used_once(void)
{
    char one[65], two[65];
    const struct pass pass = pass_for("", SCOPE_READ);
    begin();
    CHECK(ticket_issue(tickets, &pass, 30, at, one, &err) == 0);
    CHECK(ticket_issue(tickets, &pass, 30, at, two, &err) == 0);
    CHECK(strlen(one) == 64 && strcmp(one, two) != 0);
    const struct pass *found = ticket_find(tickets, one, at);
    CHECK(found && found->scopes == SCOPE_READ && strcmp(found->who, "key") == 0);
    ticket_use_up(tickets, one, at);
    CHECK(!ticket_find(tickets, one, at) && ticket_find(tickets, two, at));
    at.ms += 29999;
    CHECK(ticket_find(tickets, two, at));
    at.ms += 1;
    CHECK(!ticket_find(tickets, two, at));
    CHECK(!ticket_find(tickets, "", at) && !ticket_find(tickets, "x", at));
    tickets_close(tickets);
}

static void looked_at_once(void)
{
    char secret[65];
    const struct pass pass = pass_for("", SCOPE_ALL);
    begin();
    CHECK(ticket_issue(tickets, &pass, 30, at, secret, &err) == 0);
    CHECK(ticket_look_once(tickets, secret, at) && !ticket_look_once(tickets, secret, at));
    CHECK(ticket_find(tickets, secret, at));
    ticket_use_up(tickets, secret, at);
    CHECK(!ticket_look_once(tickets, secret, at));
    tickets_close(tickets);
}

static void ends_with_its_maker(void)
{
    char ticket[65], cookie[65];
    struct pass pass = pass_for("", SCOPE_ALL);
    begin();
    pass.until = at.wall + 10;
    CHECK(ticket_issue(tickets, &pass, 30, at, ticket, &err) == 0);
    CHECK(session_begin(tickets, &pass, NULL, at, cookie, &err) == 0);
    at.wall += 9;
    CHECK(ticket_find(tickets, ticket, at) && session_find(tickets, cookie, 64, at));
    at.wall += 1;
    CHECK(!ticket_find(tickets, ticket, at) && !session_find(tickets, cookie, 64, at));
    tickets_close(tickets);
}

static void sessions_live_half_a_day(void)
{
    char cookie[65];
    const struct pass pass = pass_for("", SCOPE_ALL);
    begin();
    CHECK(session_begin(tickets, &pass, NULL, at, cookie, &err) == 0);
    CHECK(!session_find(tickets, cookie, 63, at));
    at.ms += (uint64_t)SESSION_SECONDS * 1000 - 1;
    at.wall += 1000000; /* a clock that is set does not end them */
    CHECK(session_find(tickets, cookie, 64, at));
    at.ms += 1;
    CHECK(!session_find(tickets, cookie, 64, at));
    tickets_close(tickets);
}

static void a_session_knows_its_tickets(void)
{
    char first[65], other[65], later[SESSION_REMEMBERS][65], cookie[65];
    const struct pass pass = pass_for("/vnc", SCOPE_ALL), wider = pass_for("", SCOPE_ALL);
    begin();
    CHECK(ticket_issue(tickets, &pass, 30, at, first, &err) == 0);
    CHECK(ticket_issue(tickets, &pass, 30, at, other, &err) == 0);
    CHECK(session_begin(tickets, &pass, first, at, cookie, &err) == 0);
    CHECK(session_knows(tickets, cookie, 64, first, at));
    CHECK(!session_knows(tickets, cookie, 64, other, at));
    CHECK(!session_knows(tickets, cookie, 64, "", at));
    CHECK(!session_adopt(tickets, cookie, 64, &wider, other, at));
    CHECK(!session_knows(tickets, cookie, 64, other, at));
    CHECK(session_adopt(tickets, cookie, 64, &pass, other, at));
    CHECK(session_knows(tickets, cookie, 64, other, at));
    for (int i = 0; i < SESSION_REMEMBERS; i++) {
        CHECK(ticket_issue(tickets, &pass, 30, at, later[i], &err) == 0);
        CHECK(session_adopt(tickets, cookie, 64, &pass, later[i], at));
    }
    CHECK(!session_knows(tickets, cookie, 64, first, at));
    for (int i = 0; i < SESSION_REMEMBERS; i++)
        CHECK(session_knows(tickets, cookie, 64, later[i], at));
    tickets_close(tickets);
}

static void numbers_are_bounded(void)
{
    static char cookies[SESSIONS_MAX + 1][65];
    char ticket[65];
    const struct pass pass = pass_for("", SCOPE_ALL);
    begin();
    for (int i = 0; i < TICKETS_MAX; i++)
        CHECK(ticket_issue(tickets, &pass, 30, at, ticket, &err) == 0);
    CHECK(ticket_issue(tickets, &pass, 30, at, ticket, &err) < 0 && err.kind == ERR_LIMIT);
    at.ms += 30000;
    CHECK(ticket_issue(tickets, &pass, 30, at, ticket, &err) == 0);
    for (int i = 0; i < SESSIONS_MAX; i++)
        CHECK(session_begin(tickets, &pass, NULL, at, cookies[i], &err) == 0);
    CHECK(session_find(tickets, cookies[0], 64, at) != NULL);
    CHECK(session_begin(tickets, &pass, NULL, at, cookies[SESSIONS_MAX], &err) == 0);
    CHECK(!session_find(tickets, cookies[1], 64, at));
    CHECK(session_find(tickets, cookies[0], 64, at) && session_find(tickets, cookies[2], 64, at));
    tickets_close(tickets);
}

static bool opens(const char *bound, const char *path, const char *serves)
{
    const struct pass pass = pass_for(bound, SCOPE_READ);
    const struct demand demand = {SCOPE_READ, path, serves};
    return pass_permits(&pass, &demand);
}

static void bounds(void)
{
    CHECK(opens("", "/v1/x", NULL) && opens("/", "/v1/x", NULL));
    CHECK(opens("/vnc", "/vnc", NULL) && opens("/vnc/", "/vnc", NULL));
    CHECK(opens("/vnc/", "/vnc/", NULL) && opens("/vnc//", "/vnc/x/y", NULL));
    CHECK(!opens("/vnc", "/vncx", NULL) && !opens("/vnc", "/vn", NULL));
    CHECK(!opens("/vnc", "/", NULL) && !opens("/vnc", "/v1/vnc", NULL));
    CHECK(!opens("/vnc", "/VNC", NULL));
    CHECK(opens("/vnc", "/websockify", "/vnc") && opens("/vnc/index.html", "/websockify", "/vnc"));
    CHECK(!opens("/terminal", "/websockify", "/vnc"));
    CHECK(opens("/proxy/3000", "/static/x.js", "/") && !opens("/proxy/3000", "/proxy/30001", NULL));
    const struct pass pass = pass_for("/vnc", SCOPE_READ);
    const struct demand exec = {SCOPE_READ | SCOPE_EXEC, "/vnc", "/"};
    CHECK(!pass_permits(&pass, &exec));
}

static void paths(void)
{
    static const char *const bad[] = {"vnc", "/a//b", "/a/../b", "/./a",
                                      "/..", "/a?b",  "/a#b",    "/a\n"};
    struct pass pass = {0};
    char longest[PASS_PATH_MAX + 2];
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        CHECK(pass_set_path(&pass, bad[i], strlen(bad[i]), &err) < 0 &&
              strcmp(err.field, "path") == 0);
    memset(longest, 'a', sizeof longest);
    longest[0] = '/';
    CHECK(pass_set_path(&pass, longest, PASS_PATH_MAX, &err) == 0);
    CHECK(pass_set_path(&pass, longest, PASS_PATH_MAX + 1, &err) < 0);
    CHECK(pass_set_path(&pass, "/...", 4, &err) == 0 && pass_set_path(&pass, "/.a", 3, &err) == 0);
}

static void cookies_beside_each_other(void)
{
    const struct auth_settings settings = {.api_key = "the-secret-key"};
    struct auth *auth = NULL;
    struct auth_ticket bound, whole;
    struct auth_cookie cookies[2];
    char both[400];
    CHECK(auth_open(&settings, &auth, &err) == 0);
    struct grant owner = auth_check(auth, &(struct credentials){.key_header = "the-secret-key"});
    CHECK(owner.known && owner.scopes == SCOPE_ALL && strcmp(owner.who, "key") == 0);
    CHECK(auth_issue_ticket(auth, &owner, SCOPE_DESKTOP, "/vnc", 4, &bound, &err) == 0);
    CHECK(auth_issue_ticket(auth, &owner, SCOPE_READ, "", 0, &whole, &err) == 0);
    const char *const secrets[] = {bound.secret, whole.secret};
    for (int i = 0; i < 2; i++) {
        struct grant grant = auth_check(auth, &(struct credentials){.query_ticket = secrets[i]});
        CHECK(grant.known && grant.by_query && grant.ticket);
        CHECK(auth_begin_session(auth, &grant, NULL, &cookies[i], &err) == 0);
        CHECK(!auth_check(auth, &(struct credentials){.query_ticket = secrets[i]}).known);
    }
    CHECK(strcmp(cookies[0].name, cookies[1].name) != 0);
    CHECK(auth_cookie_is_ours(cookies[0].name, strlen(cookies[0].name)));
    CHECK(!auth_cookie_is_ours("sandgate_sessions", 17) && !auth_cookie_is_ours("sandgate", 8));
    (void)snprintf(both, sizeof both, "a=1; sandgate_session=stale; %s=%s;%s=%s; b",
                   cookies[0].name, cookies[0].value, cookies[1].name, cookies[1].value);
    struct grant grant = auth_check(auth, &(struct credentials){.cookie = both});
    CHECK(grant.known && !grant.by_query);
    CHECK(auth_permits(auth, &grant, &(struct demand){SCOPE_READ, "/v1/sandbox", NULL}));
    CHECK(grant.scopes == SCOPE_READ && !grant.bound);
    CHECK(auth_permits(auth, &grant, &(struct demand){SCOPE_DESKTOP, "/vnc/x", NULL}));
    CHECK(grant.scopes == SCOPE_DESKTOP && grant.bound);
    CHECK(!auth_permits(auth, &grant, &(struct demand){SCOPE_DESKTOP, "/cdp/json", NULL}));
    CHECK(!auth_permits(auth, &grant, &(struct demand){SCOPE_READ | SCOPE_DESKTOP, "/vnc", NULL}));
    /* The ticket that began a session, beside its cookie; and beside another's. */
    CHECK(
        auth_check(auth, &(struct credentials){.cookie = both, .query_ticket = secrets[0]}).known);
    (void)snprintf(both, sizeof both, "%s=%s", cookies[1].name, cookies[1].value);
    CHECK(
        !auth_check(auth, &(struct credentials){.cookie = both, .query_ticket = secrets[0]}).known);
    CHECK(!auth_check(auth, &(struct credentials){.cookie = both, .key_header = "wrong"}).known);
    auth_close(auth);
}

static void makers(void)
{
    const struct auth_settings settings = {.api_key = "the-secret-key"};
    struct auth *auth = NULL;
    struct auth_ticket ticket;
    CHECK(auth_open(&settings, &auth, &err) == 0);
    struct grant maker = {.known = true, .scopes = SCOPE_READ | SCOPE_EXEC, .who = "jwt:a"};
    CHECK(auth_issue_ticket(auth, &maker, SCOPE_READ, "", 0, &ticket, &err) == 0);
    CHECK(ticket.seconds == TICKET_SECONDS);
    CHECK(auth_issue_ticket(auth, &maker, SCOPE_ADMIN, "", 0, &ticket, &err) < 0);
    CHECK(err.kind == ERR_FORBIDDEN);
    maker.bound = true;
    CHECK(auth_issue_ticket(auth, &maker, SCOPE_READ, "", 0, &ticket, &err) < 0);
    CHECK(err.kind == ERR_FORBIDDEN);
    auth_close(auth);
}

int main(void)
{
    if (digester_open(&digester, &err) < 0)
        return 1;
    RUN(used_once);
    RUN(looked_at_once);
    RUN(ends_with_its_maker);
    RUN(sessions_live_half_a_day);
    RUN(a_session_knows_its_tickets);
    RUN(numbers_are_bounded);
    RUN(bounds);
    RUN(paths);
    RUN(cookies_beside_each_other);
    RUN(makers);
    digester_close(digester);
    return CHECK_DONE();
}
