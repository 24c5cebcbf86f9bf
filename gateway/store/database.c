#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "store/migrations.h"
#include "store/store_internal.h"

/* How long somebody else's lock is waited for, by the loop too. */
#define BUSY_MS 1000

static bool lacks_room(sqlite3 *db)
{
    int number = sqlite3_system_errno(db);
    return (sqlite3_errcode(db) & 0xff) == SQLITE_FULL || number == ENOSPC || number == EDQUOT ||
           number == EFBIG;
}

int sql_error(struct err *err, sqlite3 *db, const char *what)
{
    if (db && sqlite3_errcode(db) != SQLITE_OK && lacks_room(db))
        return err_errno(err, ENOSPC, "%s", what);
    return err_set(err, ERR_INTERNAL, "%s: %s", what, db ? sqlite3_errmsg(db) : "out of memory");
}

int run_sql(sqlite3 *db, const char *sql, struct err *err)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    return sql_error(err, db, "database");
}

static int user_version(sqlite3 *db)
{
    sqlite3_stmt *st;
    int version = 0;
    if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL) != SQLITE_OK)
        return -1;
    if (sqlite3_step(st) == SQLITE_ROW)
        version = sqlite3_column_int(st, 0);
    (void)sqlite3_finalize(st);
    return version;
}

static int migrate(sqlite3 *db, struct err *err)
{
    int from = user_version(db);
    if (from < 0)
        return sql_error(err, db, "database");
    for (int i = 0; migrations[i]; i++) {
        char version[64];
        if (i < from)
            continue;
        (void)snprintf(version, sizeof version, "PRAGMA user_version=%d;COMMIT", i + 1);
        if (run_sql(db, "BEGIN IMMEDIATE", err) < 0 || run_sql(db, migrations[i], err) < 0 ||
            run_sql(db, version, err) < 0)
            return -1;
    }
    return 0;
}

/* What is wrong with the file, and not with the disk or whoever else has it open. */
static bool is_damage(int code)
{
    return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

int open_connection(const char *path, sqlite3 **ret_db, bool *ret_damaged, struct err *err)
{
    sqlite3 *db = NULL;
    *ret_damaged = false;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI;
    if (sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK) {
        (void)sql_error(err, db, "cannot open the database");
        (void)sqlite3_close(db);
        return -1;
    }
    (void)sqlite3_busy_timeout(db, BUSY_MS);
    if (run_sql(db,
                "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA cache_size=-256;"
                "PRAGMA wal_autocheckpoint=0;PRAGMA temp_store=MEMORY",
                err) < 0) {
        *ret_damaged = is_damage(sqlite3_errcode(db));
        (void)sqlite3_close(db);
        return -1;
    }
    *ret_db = db;
    return 0;
}

/* Where it cannot be checked, nothing is said about it. */
static int check_sound(sqlite3 *db, bool *ret_damaged, struct err *err)
{
    sqlite3_stmt *st = NULL;
    int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(st);
    const char *told = code == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
    bool sound = told && strcmp(told, "ok") == 0;
    *ret_damaged = !sound && (code == SQLITE_ROW || is_damage(code));
    if (!sound && told)
        (void)err_set(err, ERR_INTERNAL, "the database is damaged: %s", told);
    else if (!sound)
        (void)sql_error(err, db, "the database cannot be read");
    (void)sqlite3_finalize(st);
    return sound ? 0 : -1;
}

int open_writer(const char *path, sqlite3 **ret_db, bool *ret_damaged, struct err *err)
{
    sqlite3 *db;
    if (open_connection(path, &db, ret_damaged, err) < 0)
        return -1;
    int r = check_sound(db, ret_damaged, err);
    if (r == 0 && (r = migrate(db, err)) < 0) /* tables that are not ours */
        *ret_damaged = is_damage(sqlite3_errcode(db)) || sqlite3_errcode(db) == SQLITE_ERROR;
    if (r < 0) {
        (void)sqlite3_close(db);
        return -1;
    }
    *ret_db = db;
    return 0;
}

void move_aside(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        char from[4096], to[4160];
        (void)snprintf(from, sizeof from, "%s%s", path, suffixes[i]);
        (void)snprintf(to, sizeof to, "%s.damaged-%lld%s", path, (long long)time(NULL),
                       suffixes[i]);
        (void)rename(from, to);
    }
}
