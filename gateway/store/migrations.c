#include "store/migrations.h"

#include <stddef.h>

/* Times are milliseconds since the epoch. `kind` is 'shell' or 'bash'. Output kept here is bounded
 * by the writer; what is longer lives in log files beside the database. */
const char *const migrations[] = {
    "CREATE TABLE sessions ("
    " kind TEXT NOT NULL, id TEXT NOT NULL, working_dir TEXT NOT NULL,"
    " created_at INTEGER NOT NULL, last_used_at INTEGER NOT NULL,"
    " closed_at INTEGER, close_reason TEXT,"
    " PRIMARY KEY (kind, id)) WITHOUT ROWID;"
    "CREATE TABLE commands ("
    " id TEXT PRIMARY KEY, kind TEXT NOT NULL, session_id TEXT NOT NULL, command TEXT NOT NULL,"
    " status TEXT NOT NULL, exit_code INTEGER, started_at INTEGER NOT NULL, ended_at INTEGER,"
    " stdout BLOB, stderr BLOB, stdout_bytes INTEGER, stderr_bytes INTEGER) WITHOUT ROWID;"
    "CREATE INDEX commands_by_session ON commands (kind, session_id, started_at);"
    "CREATE INDEX commands_by_time ON commands (started_at);",
    "CREATE INDEX sessions_by_end ON sessions (closed_at) WHERE closed_at IS NOT NULL;",
    /* The order things were begun in, which the machine's clock may tell wrongly. */
    "ALTER TABLE commands ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;"
    "DROP INDEX commands_by_session;"
    "CREATE INDEX commands_by_session ON commands (kind, session_id, seq, started_at);"
    "CREATE INDEX commands_by_seq ON commands (seq);",
    NULL,
};
