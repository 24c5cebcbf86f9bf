/* core/bash_sessions.h: named lines of bash commands, one at a time each.
 *
 * A session keeps a default directory and its latest commands; there is no process behind it. A
 * command given while another runs waits its turn. Different sessions run side by side, up to the
 * ceiling of running commands. Open sessions come back after a restart. Loop thread only. */
#ifndef SANDGATE_CORE_BASH_SESSIONS_H
#define SANDGATE_CORE_BASH_SESSIONS_H

#include "base/err.h"
#include "base/json.h"
#include "base/map.h"
#include "core/command.h"
#include "core/config.h"
#include "core/environment.h"
#include "io/spawn.h"
#include "store/store.h"

/* Commands that wait in one session. */
#define BASH_MAX_QUEUED 64
/* Ended commands kept in memory with their logs, per session; older ones are in the database. */
#define BASH_KEPT 16

struct bash_sessions;

struct bash_session {
    char id[IDENT_SIZE];
    char *working_dir, *snapshot;
    int64_t created_at, last_used_at;
    uint64_t used_clock;                /* loop_clock() then: what deadlines go by */
    struct command *current;            /* running, or NULL */
    struct command *queue, **queue_end; /* pending */
    struct command *kept, **kept_end;   /* ended, oldest first */
    size_t queued, kept_count;
    int64_t command_count;
    bool closing;
    bool disposable; /* nobody gave it a name: it may make room for another */
    struct bash_sessions *table;
};

struct bash_exec {
    struct text session_id; /* absent or "": a new session */
    struct text command;
    struct text exec_dir; /* absent: the session's */
    struct text_map env;
    double hard_timeout; /* seconds; NUMBER_ABSENT: none */
};

int bash_sessions_open(struct loop *loop, struct children *children, struct store *store,
                       const struct config *config, const struct environment *environment,
                       struct bash_sessions **ret_table, struct err *err) MUST_CHECK;
/* Ends every command, as killed. */
void bash_sessions_stop(struct bash_sessions *table);
void bash_sessions_close(struct bash_sessions *table);

/* NULL when there is none. */
struct bash_session *bash_session_find(struct bash_sessions *table, const char *id);
/* Finds or makes; `id` absent or "" makes one with a random name. */
int bash_session_get(struct bash_sessions *table, struct text id, struct bash_session **ret_session,
                     struct err *err) MUST_CHECK;
int bash_session_set_dir(struct bash_session *session, struct text dir, struct err *err) MUST_CHECK;
int bash_session_set_snapshot(struct bash_session *session, struct text path,
                              struct err *err) MUST_CHECK;
/* Kills what runs, forgets it. */
void bash_session_end(struct bash_session *session, const char *reason);

/* Start a command, or queue it. *ret_command is borrowed: the session keeps it at least until
 * BASH_KEPT later ones have ended. */
int bash_sessions_exec(struct bash_sessions *table, const struct bash_exec *exec,
                       struct bash_session **ret_session, struct command **ret_command,
                       struct err *err) MUST_CHECK;
/* The command of that id, or (NULL) the running one, else the newest. NULL when there is none. */
struct command *bash_session_command(const struct bash_session *session, const char *id);

const struct map *bash_sessions_all(const struct bash_sessions *table);
size_t bash_sessions_running(const struct bash_sessions *table);
/* Commands accepted since the start. */
uint64_t bash_sessions_started(const struct bash_sessions *table);

#endif
