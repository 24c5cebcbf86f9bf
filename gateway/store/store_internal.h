/* store/store_internal.h: what the files of the store share.
 *
 * database.c opens connections, store.c queues and applies writes, tidy.c keeps the files small,
 * read.c reads. */
#ifndef SANDGATE_STORE_STORE_INTERNAL_H
#define SANDGATE_STORE_STORE_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "io/loop.h"
#include "store/store.h"

/* Prepared statements kept by the writer, by the address of their (constant) text. */
#define CACHED 32
/* Writes after which tables are trimmed and the log is folded into the database: a few hundred
 * pages. */
#define FOLD_AFTER 256

struct write {
    struct write *next;
    const char *sql;
    size_t n;
    struct value values[MAX_VALUES];
    char data[]; /* the text and blobs */
};

struct reader {
    sqlite3 *db;
    pthread_mutex_t lock;
};

/* A deletion that goes on in rounds. */
struct prune {
    const char *sql; /* NULL: none under way */
    struct value value;
    int64_t deleted, last;
    void (*done)(void *arg, int64_t deleted);
    void *arg;
    bool stopped;
};

struct store {
    struct lane *lane;
    sqlite3 *writer;
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } cache[CACHED];
    struct reader quick, slow;
    sqlite3 *folder;            /* folds the log into the database; used by the lane only */
    _Atomic unsigned unfolded;  /* writes since it last did */
    pthread_mutex_t apply_lock; /* held while a batch is taken and applied: keeps the order */
    pthread_mutex_t queue_lock; /* guards the three below */
    struct write *head, **tail;
    size_t queued, lost;
    bool scheduled; /* loop thread only */
    bool retrying;  /* loop thread only: `retry` is armed */
    struct timer *retry;
    _Atomic bool failing;      /* the disk took nothing: what is queued waits */
    _Atomic uint64_t failures; /* writes that were lost */
    uint64_t refused;          /* of these, since a batch last went well; under apply_lock */
    struct write *trims;       /* fixed before the first write */
    struct prune prune;
};

/* database.c */
int sql_error(struct err *err, sqlite3 *db, const char *what);
int run_sql(sqlite3 *db, const char *sql, struct err *err);
/* *ret_damaged: it failed for what is in the file. */
int open_connection(const char *path, sqlite3 **ret_db, bool *ret_damaged,
                    struct err *err) MUST_CHECK;
/* The same, checked whole and with the newest tables. */
int open_writer(const char *path, sqlite3 **ret_db, bool *ret_damaged, struct err *err) MUST_CHECK;
void move_aside(const char *path);

/* store.c */
void bind_values(sqlite3_stmt *statement, const struct value *values, size_t n);
/* Under apply_lock. False when it is worth another try. */
bool apply_write(struct store *store, struct write *write);
/* All of it or nothing; with what is worth another try. */
bool apply_list(struct store *store, struct write *list, struct err *err);
struct write *copy_write(const char *sql, const struct value *values, size_t n);

/* tidy.c: on the lane. */
void fold(struct store *store);

#endif
