/* store/store.h: what survives a restart, in SQLite. The only door to sqlite3.h.
 *
 * Writes are queued by the loop thread and applied in order by one worker at a time, many to a
 * transaction, or applied at once where an answer depends on it (WAL, synchronous=NORMAL: a killed
 * gateway loses nothing that was applied). The log is folded into the database by a worker on a
 * connection of its own, so no writer waits for the disk. Reads are quick look-ups on a further
 * connection, made where they are needed. */
#ifndef SANDGATE_STORE_STORE_H
#define SANDGATE_STORE_STORE_H

#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "io/loop.h"

struct store;

enum value_type { VALUE_NULL, VALUE_INT, VALUE_TEXT, VALUE_BLOB };
struct value {
    enum value_type type;
    int64_t i;
    const char *p;
    size_t n;
};

#define V_INT(x)     ((struct value){.type = VALUE_INT, .i = (x)})
#define V_TEXT(s)    value_text(s)
#define V_BLOB(d, l) ((struct value){.type = VALUE_BLOB, .p = (d), .n = (l)})
/* NULL becomes SQL NULL. */
struct value value_text(const char *text);

/* Opens `path`, creating and migrating it. A damaged file is moved aside (PATH.damaged-TIME) and a
 * fresh one begun; *ret_moved tells. One that cannot be opened for another reason (a full disk,
 * somebody's lock) is left where it is; err->sys is ENOSPC for want of room. */
#define STORE_IN_MEMORY "file:/sandgate?vfs=memdb" /* a path that needs no disk */
int store_open(struct loop *loop, const char *path, struct store **ret_store, bool *ret_moved,
               struct err *err) MUST_CHECK;
/* Applies everything queued first. NULL is fine. */
void store_close(struct store *store);

/* Queue one statement; `sql` is a constant, values are copied. Failures are logged by the worker:
 * what the API answered does not depend on them. Where the disk takes nothing, writes wait, 4096 at
 * most, the oldest going first, and are tried again every second. Loop thread only. */
#define MAX_VALUES 12
void store_write(struct store *store, const char *sql, const struct value *values, size_t n);
/* The same, applied before this returns, with everything queued before it. */
void store_write_now(struct store *store, const char *sql, const struct value *values, size_t n);
/* The same, applied again and again as the database grows: what keeps a table within bounds. To be
 * said before anything is written. */
int store_trim(struct store *store, const char *sql, const struct value *values, size_t n,
               struct err *err) MUST_CHECK;
/* 1 when nothing is queued or being applied, or nothing can be. */
int store_idle(void *store);
/* Apply everything queued, now, on this thread. */
void store_flush(struct store *store);
/* The same, when anything is queued or under way: so that a read sees it. */
void store_flush_if_pending(struct store *store);

/* Calls `row` for each result row; text and blobs live until it returns. A row function that
 * returns non-zero ends the read. Sees what was applied, not what is queued. Any thread. */
struct row;
int store_read(struct store *store, const char *sql, const struct value *values, size_t n,
               int (*row)(void *arg, const struct row *row), void *arg, struct err *err) MUST_CHECK;
int64_t row_int(const struct row *row, int column);
bool row_is_null(const struct row *row, int column);
/* "" for NULL; n may be NULL. */
const char *row_text(const struct row *row, int column, size_t *ret_n);

#endif
