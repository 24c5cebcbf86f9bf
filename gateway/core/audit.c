#include "core/audit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/audit_mask.h"
#include "core/history.h"

/* Rows that go at once when there are too many: the log grows so much past its ceiling. */
#define BATCH 64
/* Refused callers have a tenth of the rows. */
#define REFUSED_PART 10
#define DAY_MS       INT64_C(86400000)
#define PRUNE_MS     (UINT64_C(3600) * 1000)

/* Folded entries, and how long one stands for the same again. */
#define FOLD_SETS   64
#define FOLD_WAYS   4
#define FOLD_MS     (UINT64_C(5) * 60 * 1000)
#define FOLD_LATE   1000 /* a count is written after so many ms */
#define REFUSED_NEW 120  /* new entries for unknown callers in FOLD_MS */

/* Read a little beyond what is kept: a secret cut in two is known still. */
#define BEYOND 512

const char *const audit_result_names[] = {
    [AUDIT_RUNNING] = "running",       [AUDIT_OK] = "ok",
    [AUDIT_REFUSED] = "refused",       [AUDIT_FAILED] = "failed",
    [AUDIT_UNANSWERED] = "unanswered", [AUDIT_INTERRUPTED] = "interrupted",
    [AUDIT_INTERRUPTED + 1] = NULL,
};

enum part { PART_REFUSED, PART_OTHERS };

struct fold {
    uint64_t key, until;
    int64_t id, count, written;
};

struct audit {
    struct loop *loop;
    struct store *store;
    struct timer *prune, *counts;
    bool counting; /* `counts` is set */
    int64_t days, max[2], rows[2];
    int64_t last_id;
    uint64_t written, seed;
    struct fold folds[FOLD_SETS][FOLD_WAYS];
    struct fold strangers; /* unknown callers beyond REFUSED_NEW, all in one */
    uint64_t refused_until;
    unsigned refused_new;
};

/* ---- retention ---- */

static const char *const delete_oldest[] = {
    [PART_REFUSED] = "DELETE FROM audit WHERE id IN"
                     " (SELECT id FROM audit WHERE result = 'refused' ORDER BY id LIMIT ?1)",
    [PART_OTHERS] = "DELETE FROM audit WHERE id IN"
                    " (SELECT id FROM audit WHERE result <> 'refused' ORDER BY id LIMIT ?1)",
};

static const char delete_old[] =
    "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ?1 ORDER BY at LIMIT 64)";

static int take_int(void *arg, const struct row *row)
{
    *(int64_t *)arg = row_int(row, 0);
    return 1;
}

/* From the indexes: a few milliseconds of a full log. */
static int count_rows(struct audit *a, struct err *err)
{
    int64_t all = 0, refused = 0;
    store_flush_if_pending(a->store);
    if (store_read(a->store, "SELECT COUNT(*) FROM audit", NULL, 0, take_int, &all, err) < 0 ||
        store_read(a->store, "SELECT COUNT(*) FROM audit WHERE result = 'refused'", NULL, 0,
                   take_int, &refused, err) < 0)
        return -1;
    a->rows[PART_REFUSED] = refused;
    a->rows[PART_OTHERS] = all - refused;
    return 0;
}

static void hold_ceiling(struct audit *a, enum part part)
{
    if (a->rows[part] < a->max[part] + BATCH)
        return;
    struct value n = V_INT(BATCH);
    store_write(a->store, delete_oldest[part], &n, 1);
    a->rows[part] -= BATCH;
}

/* Counted anew, for what was written may have been lost. */
static void on_pruned(void *arg, int64_t deleted)
{
    struct err err;
    (void)deleted;
    (void)count_rows(arg, &err);
}

static void on_prune(void *arg)
{
    struct audit *a = arg;
    struct value oldest = V_INT(history_now() - a->days * DAY_MS);
    /* One that is under way still does the same. */
    int busy = store_prune(a->store, delete_old, oldest, on_pruned, a);
    (void)busy;
    timer_set(a->prune, PRUNE_MS);
}

/* ---- writing ---- */

/* By whoever writes it to the database. */
static struct value masked(struct text text, size_t room)
{
    if (!text.p)
        return (struct value){.type = VALUE_NULL};
    return (struct value){.type = VALUE_TEXT,
                          .p = text.p,
                          .n = text.n < room + BEYOND ? text.n : room + BEYOND,
                          .i = (int64_t)room,
                          .through = audit_mask};
}

static struct value number(int64_t value)
{
    return value == INT_ABSENT ? (struct value){.type = VALUE_NULL} : V_INT(value);
}

static struct value bounded(const char *text, size_t most)
{
    struct value value = value_text(text);
    if (value.n > most)
        value.n = most;
    return value;
}

static int64_t insert(struct audit *a, const struct audit_entry *e)
{
    enum part part = e->result == AUDIT_REFUSED ? PART_REFUSED : PART_OTHERS;
    struct value v[] = {
        V_INT(++a->last_id),
        V_INT(e->at),
        V_TEXT(e->who && *e->who ? e->who : "unknown"),
        V_TEXT(e->peer ? e->peer : ""),
        V_TEXT(e->action),
        masked(e->subject, AUDIT_SUBJECT),
        bounded(e->session_id, 128),
        bounded(e->method, 16),
        masked(e->path, AUDIT_PATH),
        V_TEXT(audit_result_names[e->result]),
        e->status ? V_INT(e->status) : (struct value){.type = VALUE_NULL},
        number(e->exit_code),
        number(e->ms),
    };
    store_write(a->store,
                "INSERT INTO audit (id, at, who, peer, action, subject, session_id, method, path,"
                " result, status, exit_code, duration_ms, count)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 1)",
                v, COUNT_OF(v));
    a->written++;
    a->rows[part]++;
    hold_ceiling(a, part);
    return a->last_id;
}

void audit_end(struct audit *a, int64_t id, const struct audit_entry *e)
{
    struct value v[] = {
        V_INT(id),
        V_TEXT(audit_result_names[e->result]),
        e->status ? V_INT(e->status) : (struct value){.type = VALUE_NULL},
        number(e->exit_code),
        number(e->ms),
    };
    store_write(a->store,
                "UPDATE audit SET result = ?2, status = ?3, exit_code = ?4, duration_ms = ?5"
                " WHERE id = ?1",
                v, COUNT_OF(v));
}

/* ---- folding ---- */

/* FNV-1a (Fowler, Noll, Vo), begun with a number nobody outside knows. */
static uint64_t mix(uint64_t hash, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
    return mix(hash, text ? text : "", text ? strlen(text) : 0);
}

static bool only_looks(const char *method)
{
    return method && (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0);
}

static uint64_t key_of(const struct audit *a, const struct audit_entry *e)
{
    uint64_t hash = mix_text(mix_text(mix_text(a->seed, e->who), e->peer), e->action);
    if (e->result == AUDIT_REFUSED)
        return mix(hash, (const char *)&e->status, sizeof e->status);
    hash = mix(hash, e->subject.p ? e->subject.p : "", e->subject.p ? e->subject.n : 0);
    hash = mix_text(hash, e->session_id);
    return mix_text(hash, only_looks(e->method) ? "looks" : "changes");
}

static void write_count(struct audit *a, struct fold *f)
{
    if (!f->id || f->count == f->written)
        return;
    struct value v[] = {V_INT(f->id), V_INT(f->count)};
    store_write(a->store, "UPDATE audit SET count = ?2 WHERE id = ?1", v, COUNT_OF(v));
    f->written = f->count;
}

static void write_counts(struct audit *a)
{
    for (size_t i = 0; i < FOLD_SETS; i++)
        for (size_t j = 0; j < FOLD_WAYS; j++)
            write_count(a, &a->folds[i][j]);
    write_count(a, &a->strangers);
}

static void on_counts(void *arg)
{
    struct audit *a = arg;
    a->counting = false;
    write_counts(a);
}

static int64_t count_again(struct audit *a, struct fold *f)
{
    f->count++;
    if (!a->counting) {
        a->counting = true;
        timer_set(a->counts, FOLD_LATE);
    }
    return 0;
}

/* The entry of that key which still stands, or the place for it: of those with no use any more, or
 * else the oldest. */
static struct fold *find_fold(struct audit *a, uint64_t key, uint64_t now, bool *ret_stands)
{
    struct fold *set = a->folds[key % FOLD_SETS], *best = set;
    for (size_t i = 0; i < FOLD_WAYS; i++) {
        if (set[i].id && set[i].key == key && now < set[i].until) {
            *ret_stands = true;
            return &set[i];
        }
        if (set[i].until < best->until)
            best = &set[i];
    }
    *ret_stands = false;
    return best;
}

static int64_t fold_into(struct audit *a, struct fold *f, uint64_t key, uint64_t now,
                         const struct audit_entry *e)
{
    write_count(a, f);
    *f = (struct fold){.key = key, .until = now + FOLD_MS, .count = 1, .written = 1};
    f->id = insert(a, e);
    return f->id;
}

/* Whether strangers have spent what all of them may spend. */
static bool strangers_enough(struct audit *a, uint64_t now, const struct audit_entry *e)
{
    if (e->result != AUDIT_REFUSED || (e->who && *e->who))
        return false;
    if (now >= a->refused_until) {
        a->refused_until = now + FOLD_MS;
        a->refused_new = 0;
    }
    return ++a->refused_new > REFUSED_NEW;
}

static int64_t add_stranger(struct audit *a, uint64_t now, const struct audit_entry *e)
{
    struct audit_entry all = *e;
    if (a->strangers.id && now < a->strangers.until)
        return count_again(a, &a->strangers);
    all.who = "unknown";
    all.peer = "many";
    return fold_into(a, &a->strangers, 0, now, &all);
}

int64_t audit_add(struct audit *a, const struct audit_entry *e)
{
    bool stands;
    if (!e->fold && e->result != AUDIT_REFUSED)
        return insert(a, e);
    uint64_t now = loop_now(a->loop), key = key_of(a, e);
    struct fold *f = find_fold(a, key, now, &stands);
    if (stands)
        return count_again(a, f);
    if (strangers_enough(a, now, e))
        return add_stranger(a, now, e);
    return fold_into(a, f, key, now, e);
}

uint64_t audit_written(const struct audit *a)
{
    return a->written;
}

/* ---- birth and death ---- */

int audit_open(struct loop *loop, struct store *store, const struct config *config,
               struct audit **ret_audit, struct err *err)
{
    struct audit *a = calloc(1, sizeof *a);
    if (!a)
        return err_memory(err);
    a->loop = loop;
    a->store = store;
    a->days = config->audit_days;
    a->max[PART_REFUSED] = config->audit_rows / REFUSED_PART;
    a->max[PART_OTHERS] = config->audit_rows - a->max[PART_REFUSED];
    if (getrandom(&a->seed, sizeof a->seed, 0) != sizeof a->seed) {
        audit_close(a);
        return err_set(err, ERR_SYSTEM, "no random numbers");
    }
    if (count_rows(a, err) < 0 ||
        store_read(store, "SELECT seq FROM sqlite_sequence WHERE name = 'audit'", NULL, 0, take_int,
                   &a->last_id, err) < 0 ||
        timer_open(loop, on_prune, a, &a->prune, err) < 0 ||
        timer_open(loop, on_counts, a, &a->counts, err) < 0) {
        audit_close(a);
        return -1;
    }
    store_write(store, "UPDATE audit SET result = 'interrupted' WHERE result = 'running'", NULL, 0);
    on_prune(a);
    *ret_audit = a;
    return 0;
}

void audit_close(struct audit *a)
{
    if (!a)
        return;
    write_counts(a);
    store_prune_stop(a->store);
    timer_close(a->prune);
    timer_close(a->counts);
    free(a);
}
