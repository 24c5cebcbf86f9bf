/* core/shell_sessions.h: named shell sessions: making, finding, forgetting, remembering.
 * Loop thread only. */
#ifndef SANDGATE_CORE_SHELL_SESSIONS_H
#define SANDGATE_CORE_SHELL_SESSIONS_H

#include "base/err.h"
#include "base/map.h"
#include "core/config.h"
#include "core/environment.h"
#include "core/shell.h"
#include "store/store.h"

#define SHELL_NO_CHANGE_SECONDS 120 /* the incumbent's default */

struct shell_sessions;

struct shell_session {
    char id[IDENT_SIZE];
    struct shell *shell;
    int64_t created_at, last_used_at; /* ms since the epoch */
    int64_t no_change_seconds;
    bool disposable; /* nobody gave it a name: it may make room for another */
    struct shell_sessions *table;
};

int shell_sessions_open(struct loop *loop, struct children *children, struct store *store,
                        const struct config *config, const struct environment *environment,
                        struct shell_sessions **ret_table, struct err *err) MUST_CHECK;
/* Ends every session; `reason` as below. */
void shell_sessions_stop(struct shell_sessions *table, const char *reason);
void shell_sessions_close(struct shell_sessions *table);

struct shell_session *shell_session_find(struct shell_sessions *table, const char *id);
/* Finds or makes; `id` absent or "": a new one. `dir` (may be absent) is where a new one starts.
 * *ret_made tells which. At the ceiling the nameless session idle for longest makes room. */
int shell_session_get(struct shell_sessions *table, struct text id, struct text dir,
                      struct shell_session **ret_session, bool *ret_made,
                      struct err *err) MUST_CHECK;
/* The same for a viewer with a terminal of `size` (0: any), which both kinds of session then have.
 */
int shell_session_get_sized(struct shell_sessions *table, struct text id, struct pty_size size,
                            struct shell_session **ret_session, struct err *err) MUST_CHECK;
/* Somebody used it just now. */
void shell_session_touch(struct shell_session *session);
/* `reason` is a constant: kept in the history, and told to viewers. */
void shell_session_end(struct shell_session *session, const char *reason);

const struct map *shell_sessions_all(const struct shell_sessions *table);
size_t shell_sessions_busy(const struct shell_sessions *table);

#endif
