#include "store/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct write *write_copy(const char *sql, const struct value *values, size_t n)
{
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += values[i].n;
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
        to += values[i].n;
    }
    return w;
}

/* The oldest go: the lock is held. */
static void keep_to_ceiling(struct queue *q)
{
    while (q->queued > MAX_QUEUED && q->head) {
        struct write *oldest = q->head;
        q->head = oldest->next;
        free(oldest);
        q->queued--;
        q->lost++;
    }
}

size_t queue_add(struct queue *q, bool bounded, const char *sql, const struct value *values,
                 size_t n)
{
    struct write *w = write_copy(sql, values, n);
    if (!w) {
        log_error("database: out of memory, a record is lost");
        return 0;
    }
    (void)pthread_mutex_lock(&q->lock);
    *q->tail = w;
    q->tail = &w->next;
    q->queued++;
    if (bounded)
        keep_to_ceiling(q);
    size_t queued = q->queued;
    (void)pthread_mutex_unlock(&q->lock);
    return queued;
}

struct write *queue_take(struct queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    struct write *list = q->head;
    q->head = NULL;
    q->tail = &q->head;
    q->queued = 0;
    (void)pthread_mutex_unlock(&q->lock);
    return list;
}

void writes_free(struct write *list)
{
    while (list) {
        struct write *w = list;
        list = w->next;
        free(w);
    }
}

void queue_put_back(struct queue *q, struct write *list)
{
    struct write *last = list;
    size_t n = 1;
    for (; last->next; last = last->next)
        n++;
    (void)pthread_mutex_lock(&q->lock);
    last->next = q->head;
    if (!q->head)
        q->tail = &last->next;
    q->head = list;
    q->queued += n;
    keep_to_ceiling(q);
    (void)pthread_mutex_unlock(&q->lock);
}

bool queue_any(struct queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    bool any = q->head != NULL;
    (void)pthread_mutex_unlock(&q->lock);
    return any;
}

void queue_init(struct queue *q)
{
    *q = (struct queue){.tail = &q->head};
    (void)pthread_mutex_init(&q->lock, NULL);
}

void queue_done(struct queue *q)
{
    writes_free(queue_take(q));
    (void)pthread_mutex_destroy(&q->lock);
}

size_t queue_lost(struct queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    size_t lost = q->lost;
    q->lost = 0;
    (void)pthread_mutex_unlock(&q->lock);
    return lost;
}
