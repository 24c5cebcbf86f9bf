#include "store/store_internal.h"

struct row {
    sqlite3_stmt *statement;
};

static int read_from(struct reader *reader, const char *sql, const struct value *values, size_t n,
                     int (*row)(void *arg, const struct row *row), void *arg, struct err *err)
{
    struct row current = {NULL};
    int r = 0, step;
    (void)pthread_mutex_lock(&reader->lock);
    if (sqlite3_prepare_v2(reader->db, sql, -1, &current.statement, NULL) != SQLITE_OK) {
        r = sql_error(err, reader->db, "database");
    } else {
        bind_values(current.statement, values, n);
        while ((step = sqlite3_step(current.statement)) == SQLITE_ROW)
            if (row(arg, &current) != 0)
                break;
        if (step != SQLITE_ROW && step != SQLITE_DONE)
            r = sql_error(err, reader->db, "database");
    }
    (void)sqlite3_finalize(current.statement);
    (void)pthread_mutex_unlock(&reader->lock);
    return r;
}

int store_read(struct store *s, const char *sql, const struct value *values, size_t n,
               int (*row)(void *arg, const struct row *row), void *arg, struct err *err)
{
    return read_from(&s->quick, sql, values, n, row, arg, err);
}

int store_scan(struct store *s, const char *sql, const struct value *values, size_t n,
               int (*row)(void *arg, const struct row *row), void *arg, struct err *err)
{
    return read_from(&s->slow, sql, values, n, row, arg, err);
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
