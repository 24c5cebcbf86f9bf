/* The audit log, to read. Entries are written by the pipeline, as the rows say (http/record.h). */
#include "core/audit.h"
#include "api/app.h"
#include "base/when.h"
#include "http/envelope.h"

struct audit_input {
    struct text who, action, session_id, contains, since, until;
    int result;
    int64_t before, after, limit;
};

static int read_when(const char *name, struct text text, int64_t *ret_ms, struct err *err)
{
    *ret_ms = INT_ABSENT;
    if (!text.p || when_parse(text.p, text.n, ret_ms) == 0)
        return 0;
    return err_field(
        err, name, "field '%s' is neither an ISO 8601 time nor milliseconds since the epoch", name);
}

static int list(struct exchange *ex, struct err *err)
{
    const struct audit_input *in = exchange_input(ex);
    struct audit_filter filter = {
        .who = in->who.p,
        .session_id = in->session_id.p,
        .action = in->action.p,
        .contains = in->contains.p,
        .result = in->result,
        .before = in->before,
        .after = in->after,
        .limit = in->limit,
    };
    if (read_when("since", in->since, &filter.since, err) < 0 ||
        read_when("until", in->until, &filter.until, err) < 0)
        return -1;
    struct jsonw *w = reply_begin(ex, "Audit log listed");
    if (audit_list(app_of(ex)->store, &filter, w, err) < 0)
        return -1;
    reply_end(ex);
    return 0;
}

#define IN(member) offsetof(struct audit_input, member)

static const struct field fields[] = {
    {"who", FIELD_TEXT, IN(who), .max = 128, .doc = "Of this caller."},
    {"action", FIELD_TEXT, IN(action), .max = 64, .doc = "This action, or all that begin so."},
    {"result", FIELD_CHOICE, IN(result), .choices = audit_result_names, .doc = "How it ended."},
    {"session_id", FIELD_TEXT, IN(session_id), .max = 128, .doc = "In this session."},
    {"contains", FIELD_TEXT, IN(contains), .max = 256, .doc = "Text in subject or path."},
    {"since", FIELD_TEXT, IN(since), .max = 40,
     .doc = "Begun then or later: ISO 8601 or Unix milliseconds."},
    {"until", FIELD_TEXT, IN(until), .max = 40, .doc = "Begun before then."},
    {"before", FIELD_INT, IN(before), .min = 0, .max = INT64_MAX,
     .doc = "Older than this id: next_before of a page."},
    {"after", FIELD_INT, IN(after), .min = 0, .max = INT64_MAX, .doc = "Newer than this id."},
    {"limit", FIELD_INT, IN(limit), .min = 1, .max = 1000, .fallback = "100",
     .doc = "At most so many."},
    FIELDS_END,
};

const struct route audit_routes[] = {
    {"GET", "/v1/audit", SCOPE_ADMIN, ROUTE_SLOW, list, INPUT(fields, struct audit_input),
     .tag = "audit",
     .summary = "Who did what, when, with which result: newest first, secrets masked."},
    ROUTES_END,
};
