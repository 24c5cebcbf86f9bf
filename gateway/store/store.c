#include "store/store.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/migrations.h"
#include "store/queue.h"

/* Prepared statements kept by the writer, by the address of their (constant) text. */
#define CACHED 32
/* Writes after which tables are trimmed and the log is folded into the database: a few hundred
 * pages. */
#define FOLD_AFTER 256
/* After the disk took nothing. */
#define RETRY_MS 1000
/* How long somebody else's lock is waited for, by the loop too. */
#define BUSY_MS 1000

struct store {
    struct lane *lane;
    sqlite3 *writer;
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } cache[CACHED];
    sqlite3 *reader;
    sqlite3 *folder;           /* folds the log into the database; used by the lane only */
    _Atomic unsigned unfolded; /* writes since it last did */
    pthread_mutex_t read_lock;
    pthread_mutex_t apply_lock; /* held while a batch is taken and applied: keeps the order */
    struct queue queue;
    bool scheduled; /* loop thread only */
    bool retrying;  /* loop thread only: `retry` is armed */
    struct timer *retry;
    _Atomic bool failing; /* the disk took nothing: what is queued waits */
    struct write *trims;
};

struct row {
    sqlite3_stmt *statement;
};

struct value value_text(const char *text)
{
    return text ? (struct value){.type = VALUE_TEXT, .p = text, .n = strlen(text)}
                : (struct value){.type = VALUE_NULL};
}

static bool lacks_room(sqlite3 *db)
{
    int number = sqlite3_system_errno(db);
    return (sqlite3_errcode(db) & 0xff) == SQLITE_FULL || number == ENOSPC || number == EDQUOT ||
           number == EFBIG;
}

static int sql_error(struct err *err, sqlite3 *db, const char *what)
{
    if (db && sqlite3_errcode(db) != SQLITE_OK && lacks_room(db))
        return err_errno(err, ENOSPC, "%s", what);
    return err_set(err, ERR_INTERNAL, "%s: %s", what, db ? sqlite3_errmsg(db) : "out of memory");
}

static int run_sql(sqlite3 *db, const char *sql, struct err *err)
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

static int open_connection(const char *path, sqlite3 **ret_db, bool *ret_damaged, struct err *err)
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

static int open_writer(const char *path, sqlite3 **ret_db, bool *ret_damaged, struct err *err)
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

static void move_aside(const char *path)
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

static void on_retry(void *store);

int store_open(struct loop *loop, const char *path, struct store **ret_store, bool *ret_moved,
               struct err *err)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return err_memory(err);
    *ret_moved = false;
    (void)pthread_mutex_init(&s->read_lock, NULL);
    (void)pthread_mutex_init(&s->apply_lock, NULL);
    queue_init(&s->queue);
    bool damaged;
    if (open_writer(path, &s->writer, &damaged, err) < 0) {
        if (!damaged || strcmp(path, STORE_IN_MEMORY) == 0)
            goto failed;
        move_aside(path);
        *ret_moved = true;
        if (open_writer(path, &s->writer, &damaged, err) < 0)
            goto failed;
    }
    if (open_connection(path, &s->reader, &damaged, err) < 0 ||
        open_connection(path, &s->folder, &damaged, err) < 0 ||
        timer_open(loop, on_retry, s, &s->retry, err) < 0 || lane_open(loop, &s->lane, err) < 0)
        goto failed;
    *ret_store = s;
    return 0;
failed:
    store_close(s);
    return -1;
}

static sqlite3_stmt *prepared(struct store *s, const char *sql)
{
    for (size_t i = 0; i < CACHED; i++) {
        if (s->cache[i].sql == sql)
            return s->cache[i].statement;
        if (s->cache[i].sql)
            continue;
        if (sqlite3_prepare_v3(s->writer, sql, -1, SQLITE_PREPARE_PERSISTENT,
                               &s->cache[i].statement, NULL) != SQLITE_OK)
            return NULL;
        s->cache[i].sql = sql;
        return s->cache[i].statement;
    }
    return NULL;
}

static void bind(sqlite3_stmt *st, const struct value *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int at = (int)i + 1;
        switch (values[i].type) {
        case VALUE_NULL:
            (void)sqlite3_bind_null(st, at);
            break;
        case VALUE_INT:
            (void)sqlite3_bind_int64(st, at, values[i].i);
            break;
        case VALUE_TEXT:
            (void)sqlite3_bind_text64(st, at, values[i].p, values[i].n, SQLITE_STATIC, SQLITE_UTF8);
            break;
        case VALUE_BLOB:
            (void)sqlite3_bind_blob64(st, at, values[i].p, values[i].n, SQLITE_STATIC);
            break;
        }
    }
}

/* What room, rights or time may mend, and not a fault of the statement. */
static bool may_pass(int code)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        return true;
    default:
        return false;
    }
}

/* False when it is worth another try. */
static bool apply(struct store *s, const struct write *w)
{
    sqlite3_stmt *st = prepared(s, w->sql);
    int code = sqlite3_errcode(s->writer);
    if (st) {
        bind(st, w->values, w->n);
        code = sqlite3_step(st);
    }
    bool later = code != SQLITE_DONE && may_pass(code);
    if (code != SQLITE_DONE && !later)
        log_error("database: %s", sqlite3_errmsg(s->writer));
    if (st) {
        (void)sqlite3_reset(st);
        (void)sqlite3_clear_bindings(st);
    }
    return !later;
}

/* All or nothing. */
static bool apply_list(struct store *s, const struct write *list, struct err *err)
{
    unsigned n = 0;
    bool done = run_sql(s->writer, "BEGIN IMMEDIATE", err) == 0;
    for (const struct write *w = list; w && done; w = w->next, n++) {
        done = apply(s, w);
        if (!done)
            (void)sql_error(err, s->writer, "database");
    }
    done = done && run_sql(s->writer, "COMMIT", err) == 0;
    if (done)
        (void)atomic_fetch_add(&s->unfolded, n);
    else if (!sqlite3_get_autocommit(s->writer))
        (void)sqlite3_exec(s->writer, "ROLLBACK", NULL, NULL, NULL);
    return done;
}

static void tell_recovery(struct store *s)
{
    size_t lost = queue_lost(&s->queue);
    log_warn("database: written again; %zu records were lost meanwhile", lost);
}

static void apply_queue(struct store *s)
{
    struct err err;
    (void)pthread_mutex_lock(&s->apply_lock);
    struct write *list = queue_take(&s->queue);
    if (list && apply_list(s, list, &err)) {
        writes_free(list);
        if (atomic_exchange(&s->failing, false))
            tell_recovery(s);
    } else if (list) {
        queue_put_back(&s->queue, list);
        if (!atomic_exchange(&s->failing, true))
            log_error("%s; what is to be recorded waits", err.text);
    }
    (void)pthread_mutex_unlock(&s->apply_lock);
}

static void trim(struct store *s)
{
    struct err err;
    (void)pthread_mutex_lock(&s->apply_lock);
    if (run_sql(s->writer, "BEGIN IMMEDIATE", &err) < 0)
        log_error("%s", err.text);
    for (const struct write *w = s->trims; w; w = w->next)
        (void)apply(s, w);
    if (run_sql(s->writer, "COMMIT", &err) < 0) {
        log_error("%s", err.text);
        (void)run_sql(s->writer, "ROLLBACK", &err);
    }
    (void)pthread_mutex_unlock(&s->apply_lock);
}

/* A passive checkpoint takes what no reader still needs, and blocks nobody (SQLite, "Write-Ahead
 * Logging", section 3.1). */
static void fold(struct store *s)
{
    if (atomic_load(&s->unfolded) < FOLD_AFTER)
        return;
    atomic_store(&s->unfolded, 0);
    trim(s);
    (void)sqlite3_wal_checkpoint_v2(s->folder, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

static void batch_work(void *arg)
{
    apply_queue(arg);
    fold(arg);
}

static void schedule(struct store *s);

static void retry_later(struct store *s)
{
    if (!s->retrying)
        timer_set(s->retry, RETRY_MS);
    s->retrying = true;
}

static void batch_done(void *arg)
{
    struct store *s = arg;
    s->scheduled = false;
    if (!queue_any(&s->queue))
        return;
    if (atomic_load(&s->failing))
        retry_later(s);
    else
        schedule(s);
}

static void on_retry(void *arg)
{
    struct store *s = arg;
    s->retrying = false;
    if (!s->scheduled)
        schedule(s);
}

static void schedule(struct store *s)
{
    struct err err;
    s->scheduled = true;
    if (lane_offload(s->lane, batch_work, batch_done, s, &err) == 0)
        return;
    s->scheduled = false;
    apply_queue(s);
}

/* What failed is tried again later, also where nobody was scheduled to. */
static void keep_going(struct store *s)
{
    if (s->scheduled)
        return;
    if (atomic_load(&s->failing))
        retry_later(s);
    else if (atomic_load(&s->unfolded) >= FOLD_AFTER)
        schedule(s);
}

void store_write_now(struct store *s, const char *sql, const struct value *values, size_t n)
{
    (void)queue_add(&s->queue, atomic_load(&s->failing), sql, values, n);
    if (!atomic_load(&s->failing))
        apply_queue(s);
    keep_going(s);
}

void store_write(struct store *s, const char *sql, const struct value *values, size_t n)
{
    size_t queued = queue_add(&s->queue, atomic_load(&s->failing), sql, values, n);
    if (queued > MAX_QUEUED)
        store_flush(s);
    else if (!s->scheduled && !atomic_load(&s->failing))
        schedule(s);
    keep_going(s);
}

int store_trim(struct store *s, const char *sql, const struct value *values, size_t n,
               struct err *err)
{
    struct write *w = write_copy(sql, values, n);
    if (!w)
        return err_memory(err);
    w->next = s->trims;
    s->trims = w;
    return 0;
}

int store_idle(void *arg)
{
    struct store *s = arg;
    return !s->scheduled && (atomic_load(&s->failing) || !queue_any(&s->queue));
}

void store_flush(struct store *s)
{
    apply_queue(s);
}

void store_flush_if_pending(struct store *s)
{
    if (!store_idle(s) && !atomic_load(&s->failing))
        store_flush(s);
}

int store_read(struct store *s, const char *sql, const struct value *values, size_t n,
               int (*row)(void *arg, const struct row *row), void *arg, struct err *err)
{
    struct row current = {NULL};
    int r = 0, step;
    (void)pthread_mutex_lock(&s->read_lock);
    if (sqlite3_prepare_v2(s->reader, sql, -1, &current.statement, NULL) != SQLITE_OK) {
        r = sql_error(err, s->reader, "database");
    } else {
        bind(current.statement, values, n);
        while ((step = sqlite3_step(current.statement)) == SQLITE_ROW)
            if (row(arg, &current) != 0)
                break;
        if (step != SQLITE_ROW && step != SQLITE_DONE)
            r = sql_error(err, s->reader, "database");
    }
    (void)sqlite3_finalize(current.statement);
    (void)pthread_mutex_unlock(&s->read_lock);
    return r;
}

int64_t row_int(const struct row *row, int column)
{
    return sqlite3_column_int64(row->statement, column);
}

bool row_is_null(const struct row *row, int column)
{
    return sqlite3_column_type(row->statement, column) == SQLITE_NULL;
}

const char *row_text(const struct row *row, int column, size_t *ret_n)
{
    const void *text = sqlite3_column_blob(row->statement, column);
    if (ret_n)
        *ret_n = (size_t)sqlite3_column_bytes(row->statement, column);
    return text ? (const char *)sqlite3_column_text(row->statement, column) : "";
}

void store_close(struct store *s)
{
    if (!s)
        return;
    if (s->writer)
        store_flush(s);
    if (s->queue.queued)
        log_error("database: %zu records could not be written", s->queue.queued);
    timer_close(s->retry);
    for (size_t i = 0; i < CACHED; i++)
        (void)sqlite3_finalize(s->cache[i].statement);
    (void)sqlite3_close(s->writer);
    (void)sqlite3_close(s->reader);
    (void)sqlite3_close(s->folder);
    lane_close(s->lane);
    while (s->trims) {
        struct write *w = s->trims;
        s->trims = w->next;
        free(w);
    }
    (void)pthread_mutex_destroy(&s->read_lock);
    (void)pthread_mutex_destroy(&s->apply_lock);
    queue_done(&s->queue);
    free(s);
}
