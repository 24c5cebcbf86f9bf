/* What was run in a session, from the database: living sessions and ended ones alike. */
#include "core/history.h"
#include "api/app.h"
#include "core/bash_sessions.h"
#include "core/shell_sessions.h"
#include "http/envelope.h"

struct history_input {
    int64_t limit;
};

static int list_commands(struct exchange *ex, const char *kind, const char *id, bool living,
                         struct err *err)
{
    const struct history_input *in = exchange_input(ex);
    struct store *store = app_of(ex)->store;
    char reason[128];
    store_flush_if_pending(store);
    if (!living && history_find_session(store, kind, id, reason, err) < 0)
        return -1;
    struct jsonw *w = reply_begin(ex, "Commands listed");
    if (history_commands(store, kind, id, in->limit, w, err) < 0)
        return -1;
    reply_end(ex);
    return 0;
}

static int shell_commands(struct exchange *ex, struct err *err)
{
    const char *id = exchange_param(ex, "session_id");
    return list_commands(ex, "shell", id, shell_session_find(app_of(ex)->shells, id) != NULL, err);
}

static int bash_commands(struct exchange *ex, struct err *err)
{
    const char *id = exchange_param(ex, "session_id");
    return list_commands(ex, "bash", id, bash_session_find(app_of(ex)->bash, id) != NULL, err);
}

static const struct field history_fields[] = {
    {.name = "limit",
     .type = FIELD_INT,
     .offset = offsetof(struct history_input, limit),
     .min = 1,
     .max = 1000,
     .fallback = "100",
     .doc = "How many commands at most."},
    FIELDS_END,
};

#define SUMMARY "What was run in a session, newest first, restarts included."

const struct route history_routes[] = {
    {"GET", "/v1/shell/sessions/{session_id}/commands", SCOPE_READ, ROUTE_INLINE, shell_commands,
     INPUT(history_fields, struct history_input), .tag = "shell", .summary = SUMMARY},
    {"GET", "/v1/bash/sessions/{session_id}/commands", SCOPE_READ, ROUTE_INLINE, bash_commands,
     INPUT(history_fields, struct history_input), .tag = "bash", .summary = SUMMARY},
    ROUTES_END,
};
