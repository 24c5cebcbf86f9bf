/* Credentials: tickets for addresses, and the question of a proxy in front. Neither answer is in
 * the envelope: clients expect the members at the top. */
#include "core/auth.h"
#include "api/app.h"
#include "http/envelope.h"
#include "http/judge.h"
#include "http/signin.h"

#define BODY_TICKET (16 * KIB)

struct ticket_input {
    struct text path;
    struct text_list scopes;
};

static const struct field ticket_fields[] = {
    {.name = "path",
     .type = FIELD_PATH,
     .offset = offsetof(struct ticket_input, path),
     .doc = "what it opens: this and what is below, and what the page there needs; default: all"},
    {.name = "scopes",
     .type = FIELD_TEXT_LIST,
     .offset = offsetof(struct ticket_input, scopes),
     .max = 16,
     .doc = "of read, exec, desktop, admin; default: the maker's own"},
    FIELDS_END,
};

static int scopes_wanted(const struct text_list *list, unsigned *scopes, struct err *err)
{
    if (list->given)
        *scopes = SCOPE_NONE;
    for (size_t i = 0; i < list->n; i++) {
        enum scope scope = scope_of_name(list->items[i].p, list->items[i].n);
        if (scope == SCOPE_NONE)
            return err_field(err, "scopes", "field 'scopes' knows read, exec, desktop and admin");
        *scopes |= scope;
    }
    return 0;
}

static int make_ticket(struct exchange *ex, struct err *err)
{
    const struct ticket_input *in = exchange_input(ex);
    const struct grant *maker = pipeline_grant(ex);
    unsigned scopes = maker->scopes;
    struct auth_ticket ticket;
    char names[SCOPE_NAMES];
    if (scopes_wanted(&in->scopes, &scopes, err) < 0 ||
        auth_issue_ticket(app_of(ex)->auth, maker, scopes, in->path.p ? in->path.p : "", in->path.n,
                          &ticket, err) < 0)
        return -1;
    struct bytes out = BYTES_INIT(8 * KIB);
    struct jsonw w = jsonw_on(&out);
    scope_names(scopes, names);
    jsonw_object(&w);
    jsonw_kstr(&w, "ticket", ticket.secret);
    jsonw_kint(&w, "expires_in", ticket.seconds);
    jsonw_kstr(&w, "path", ticket.pass.path[0] ? ticket.pass.path : "/");
    jsonw_kstr(&w, "scope", names);
    reply_write_hint(ex, &w);
    jsonw_object_end(&w);
    exchange_add_header(ex, "Cache-Control", "no-store");
    reply_json(ex, 200, &out);
    return 0;
}

struct judge_input {
    struct text prefix;
};

static const struct field judge_fields[] = {
    {.name = "prefix",
     .type = FIELD_PATH,
     .offset = offsetof(struct judge_input, prefix),
     .doc = "what the proxy takes off the paths of requests before it passes them on"},
    FIELDS_END,
};

static int judge(struct exchange *ex, struct err *err)
{
    const struct judge_input *in = exchange_input(ex);
    char names[SCOPE_NAMES];
    if (judge_original(ex, app_of(ex)->router, in->prefix.p, err) < 0) {
        if (err->kind != ERR_UNAUTHORIZED)
            return -1;
        signin_refuse(ex);
        return 0;
    }
    const struct grant *grant = pipeline_grant(ex);
    const char *who = arena_printf(exchange_arena(ex), "%s", grant->who);
    scope_names(grant->scopes, names);
    const char *scopes = arena_printf(exchange_arena(ex), "%s", names);
    if (!who || !scopes)
        return err_memory(err);
    struct bytes out = BYTES_INIT(4 * KIB);
    struct jsonw w = jsonw_on(&out);
    jsonw_object(&w);
    jsonw_kstr(&w, "user", who);
    jsonw_kstr(&w, "scope", scopes);
    jsonw_object_end(&w);
    exchange_add_header(ex, "X-Auth-User", who);
    exchange_add_header(ex, "X-Auth-Scopes", scopes);
    exchange_add_header(ex, "Cache-Control", "no-store");
    reply_json(ex, 200, &out);
    return 0;
}

const struct route auth_routes[] = {
    {"POST", "/tickets", SCOPE_NONE, ROUTE_INLINE, make_ticket,
     INPUT(ticket_fields, struct ticket_input), .body = BODY_JSON, .body_limit = BODY_TICKET,
     .audit = {.action = "ticket.create", .subject = "path"}, .tag = "auth",
     .answers = "application/json",
     .summary = "A one-time ticket that opens an address once, as ?ticket=, where no header can be "
                "sent."},
    {"GET", "/auth", SCOPE_NONE, ROUTE_INLINE, judge, INPUT(judge_fields, struct judge_input),
     .judges = true, .serves = "/", .tag = "auth", .answers = "application/json",
     .summary = "Whether the credential opens what X-Original-URI and X-Original-Method name: for "
                "a proxy in front."},
    ROUTES_END,
};
