#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/store_internal.h"

/* Queued writes beyond this are applied by the queuing thread itself: the ceiling of the queue. */
#define MAX_QUEUED 4096
/* After the disk took nothing. */
#define RETRY_MS 1000

struct value value_text(const char *text)
{
    return text ? (struct value){.type = VALUE_TEXT, .p = text, .n = strlen(text)}
                : (struct value){.type = VALUE_NULL};
}

static void on_retry(void *store);

int store_open(struct loop *loop, const char *path, struct store **ret_store, bool *ret_moved,
               struct err *err)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return err_memory(err);
    *ret_moved = false;
    s->tail = &s->head;
    (void)pthread_mutex_init(&s->quick.lock, NULL);
    (void)pthread_mutex_init(&s->slow.lock, NULL);
    (void)pthread_mutex_init(&s->apply_lock, NULL);
    (void)pthread_mutex_init(&s->queue_lock, NULL);
    bool damaged;
    if (open_writer(path, &s->writer, &damaged, err) < 0) {
        if (!damaged || strcmp(path, STORE_IN_MEMORY) == 0)
            goto failed;
        move_aside(path);
        *ret_moved = true;
        if (open_writer(path, &s->writer, &damaged, err) < 0)
            goto failed;
    }
    if (open_connection(path, &s->quick.db, &damaged, err) < 0 ||
        open_connection(path, &s->slow.db, &damaged, err) < 0 ||
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

void bind_values(sqlite3_stmt *st, const struct value *values, size_t n)
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

/* Once: a write that is tried again has its values already. */
static void rewrite(struct write *w)
{
    for (size_t i = 0; i < w->n; i++) {
        struct value *v = &w->values[i];
        if (!v->through || !v->n)
            continue;
        char *out = w->data + (v->p - w->data) + v->n; /* the room behind it */
        size_t n = v->through(v->p, v->n, out, (size_t)v->i);
        *v = (struct value){.type = v->type, .p = out, .n = n};
    }
}

/* A fault that every write meets is said once. */
static void note_refused(struct store *s)
{
    (void)atomic_fetch_add(&s->failures, 1);
    if (s->refused++ == 0)
        log_error("database: %s; such writes are lost", sqlite3_errmsg(s->writer));
}

static void note_working(struct store *s)
{
    if (s->refused)
        log_warn("database: writing works again; %llu writes were lost",
                 (unsigned long long)s->refused);
    s->refused = 0;
}

bool apply_write(struct store *s, struct write *w)
{
    rewrite(w);
    sqlite3_stmt *st = prepared(s, w->sql);
    int code = sqlite3_errcode(s->writer);
    if (st) {
        bind_values(st, w->values, w->n);
        code = sqlite3_step(st);
    }
    bool later = code != SQLITE_DONE && may_pass(code);
    if (code != SQLITE_DONE && !later)
        note_refused(s);
    if (st) {
        (void)sqlite3_reset(st);
        (void)sqlite3_clear_bindings(st);
    }
    return !later;
}

static struct write *take_queue(struct store *s)
{
    (void)pthread_mutex_lock(&s->queue_lock);
    struct write *list = s->head;
    s->head = NULL;
    s->tail = &s->head;
    s->queued = 0;
    (void)pthread_mutex_unlock(&s->queue_lock);
    return list;
}

bool apply_list(struct store *s, struct write *list, struct err *err)
{
    unsigned n = 0;
    uint64_t refused = s->refused;
    bool done = run_sql(s->writer, "BEGIN IMMEDIATE", err) == 0;
    for (struct write *w = list; w && done; w = w->next, n++) {
        done = apply_write(s, w);
        if (!done)
            (void)sql_error(err, s->writer, "database");
    }
    done = done && run_sql(s->writer, "COMMIT", err) == 0;
    if (done && s->refused == refused)
        note_working(s);
    if (done)
        (void)atomic_fetch_add(&s->unfolded, n);
    else if (!sqlite3_get_autocommit(s->writer))
        (void)sqlite3_exec(s->writer, "ROLLBACK", NULL, NULL, NULL);
    return done;
}

static void free_list(struct write *list)
{
    while (list) {
        struct write *w = list;
        list = w->next;
        free(w);
    }
}

/* The oldest go: the lock is held. */
static void keep_to_ceiling(struct store *s)
{
    while (s->queued > MAX_QUEUED && s->head) {
        struct write *oldest = s->head;
        s->head = oldest->next;
        free(oldest);
        s->queued--;
        s->lost++;
        (void)atomic_fetch_add(&s->failures, 1);
    }
}

/* In front of what was queued meanwhile. */
static void put_back(struct store *s, struct write *list)
{
    struct write *last = list;
    size_t n = 1;
    for (; last->next; last = last->next)
        n++;
    (void)pthread_mutex_lock(&s->queue_lock);
    last->next = s->head;
    if (!s->head)
        s->tail = &last->next;
    s->head = list;
    s->queued += n;
    keep_to_ceiling(s);
    (void)pthread_mutex_unlock(&s->queue_lock);
}

static void tell_recovery(struct store *s)
{
    (void)pthread_mutex_lock(&s->queue_lock);
    size_t lost = s->lost;
    s->lost = 0;
    (void)pthread_mutex_unlock(&s->queue_lock);
    log_warn("database: written again; %zu records were lost meanwhile", lost);
}

static void apply_queue(struct store *s)
{
    struct err err;
    (void)pthread_mutex_lock(&s->apply_lock);
    struct write *list = take_queue(s);
    if (list && apply_list(s, list, &err)) {
        free_list(list);
        if (atomic_exchange(&s->failing, false))
            tell_recovery(s);
    } else if (list) {
        put_back(s, list);
        if (!atomic_exchange(&s->failing, true))
            log_error("%s; what is to be recorded waits", err.text);
    }
    (void)pthread_mutex_unlock(&s->apply_lock);
}

static void batch_work(void *arg)
{
    apply_queue(arg);
    fold(arg);
}

static bool has_queue(struct store *s)
{
    (void)pthread_mutex_lock(&s->queue_lock);
    bool any = s->head != NULL;
    (void)pthread_mutex_unlock(&s->queue_lock);
    return any;
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
    if (!has_queue(s))
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

struct write *copy_write(const char *sql, const struct value *values, size_t n)
{
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += values[i].n + (values[i].through ? (size_t)values[i].i : 0);
    struct write *w = malloc(sizeof *w + size);
    if (!w)
        return NULL;
    w->next = NULL;
    w->sql = sql;
    w->n = n;
    char *to = w->data;
    for (size_t i = 0; i < n; i++) {
        w->values[i] = values[i];
        if (!values[i].n)
            continue;
        memcpy(to, values[i].p, values[i].n);
        w->values[i].p = to;
        to += values[i].n + (values[i].through ? (size_t)values[i].i : 0);
    }
    return w;
}

/* Returns how many are queued now. */
static size_t enqueue(struct store *s, const char *sql, const struct value *values, size_t n)
{
    struct write *w = copy_write(sql, values, n);
    if (!w) {
        (void)atomic_fetch_add(&s->failures, 1);
        log_error("database: out of memory, a record is lost");
        return 0;
    }
    (void)pthread_mutex_lock(&s->queue_lock);
    *s->tail = w;
    s->tail = &w->next;
    s->queued++;
    if (atomic_load(&s->failing))
        keep_to_ceiling(s);
    size_t queued = s->queued;
    (void)pthread_mutex_unlock(&s->queue_lock);
    return queued;
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
    (void)enqueue(s, sql, values, n);
    if (!atomic_load(&s->failing))
        apply_queue(s);
    keep_going(s);
}

void store_write(struct store *s, const char *sql, const struct value *values, size_t n)
{
    size_t queued = enqueue(s, sql, values, n);
    if (queued > MAX_QUEUED)
        store_flush(s);
    else if (!s->scheduled && !atomic_load(&s->failing))
        schedule(s);
    keep_going(s);
}

int store_idle(void *arg)
{
    struct store *s = arg;
    return !s->scheduled && !s->prune.sql && (atomic_load(&s->failing) || !has_queue(s));
}

void store_flush(struct store *s)
{
    apply_queue(s);
}

void store_flush_if_pending(struct store *s)
{
    if ((s->scheduled || has_queue(s)) && !atomic_load(&s->failing))
        store_flush(s);
}

uint64_t store_failures(const struct store *s)
{
    return atomic_load(&s->failures);
}

void store_close(struct store *s)
{
    if (!s)
        return;
    if (s->writer)
        store_flush(s);
    if (s->queued)
        log_error("database: %zu records could not be written", s->queued);
    free_list(take_queue(s));
    timer_close(s->retry);
    for (size_t i = 0; i < CACHED; i++)
        (void)sqlite3_finalize(s->cache[i].statement);
    (void)sqlite3_close(s->writer);
    (void)sqlite3_close(s->quick.db);
    (void)sqlite3_close(s->slow.db);
    (void)sqlite3_close(s->folder);
    lane_close(s->lane);
    free_list(s->trims);
    (void)pthread_mutex_destroy(&s->quick.lock);
    (void)pthread_mutex_destroy(&s->slow.lock);
    (void)pthread_mutex_destroy(&s->apply_lock);
    (void)pthread_mutex_destroy(&s->queue_lock);
    free(s);
}
