/* What keeps the database and its log small. */
#include <stddef.h>

#include "base/log.h"
#include "store/store_internal.h"

static void trim(struct store *s)
{
    struct err err;
    (void)pthread_mutex_lock(&s->apply_lock);
    if (s->trims && !apply_list(s, s->trims, &err))
        log_error("%s", err.text);
    (void)pthread_mutex_unlock(&s->apply_lock);
}

/* A passive checkpoint takes what no reader still needs, and blocks nobody (SQLite, "Write-Ahead
 * Logging", section 3.1). */
void fold(struct store *s)
{
    if (atomic_load(&s->unfolded) < FOLD_AFTER)
        return;
    atomic_store(&s->unfolded, 0);
    trim(s);
    (void)sqlite3_wal_checkpoint_v2(s->folder, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

int store_trim(struct store *s, const char *sql, const struct value *values, size_t n,
               struct err *err)
{
    struct write *w = copy_write(sql, values, n);
    if (!w)
        return err_memory(err);
    w->next = s->trims;
    s->trims = w;
    return 0;
}

static void prune_work(void *arg)
{
    struct store *s = arg;
    struct prune *prune = &s->prune;
    struct write once = {.sql = prune->sql, .n = 1, .values = {prune->value}};
    (void)pthread_mutex_lock(&s->apply_lock);
    /* Not by count alone: that stays what it was when nothing could be done. */
    int64_t before = sqlite3_total_changes64(s->writer);
    (void)apply_write(s, &once);
    prune->last = sqlite3_total_changes64(s->writer) - before;
    (void)pthread_mutex_unlock(&s->apply_lock);
    prune->deleted += prune->last;
    (void)atomic_fetch_add(&s->unfolded, (unsigned)prune->last);
    fold(s);
}

static void prune_done(void *arg);

static int prune_step(struct store *s)
{
    struct err err;
    return lane_offload(s->lane, prune_work, prune_done, s, &err);
}

static void prune_done(void *arg)
{
    struct store *s = arg;
    struct prune prune = s->prune;
    if (prune.last > 0 && !prune.stopped && prune_step(s) == 0)
        return;
    s->prune.sql = NULL;
    if (prune.done && !prune.stopped)
        prune.done(prune.arg, prune.deleted);
}

int store_prune(struct store *s, const char *sql, struct value value,
                void (*done)(void *arg, int64_t deleted), void *arg)
{
    if (s->prune.sql)
        return -1;
    if (s->prune.stopped)
        return -1;
    s->prune = (struct prune){.sql = sql, .value = value, .done = done, .arg = arg};
    if (prune_step(s) == 0)
        return 0;
    s->prune.sql = NULL;
    return -1;
}

void store_prune_stop(struct store *s)
{
    s->prune.stopped = true;
}
