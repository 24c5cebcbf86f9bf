/* store/queue.h: writes that wait for the database. Any thread; the inside of store.c. */
#ifndef SANDGATE_STORE_QUEUE_H
#define SANDGATE_STORE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "store/store.h"

/* Queued writes beyond this are applied by the queuing thread itself: the ceiling of the queue. */
#define MAX_QUEUED 4096

struct write {
    struct write *next;
    const char *sql;
    size_t n;
    struct value values[MAX_VALUES];
    char data[]; /* the text and blobs */
};

struct queue {
    pthread_mutex_t lock; /* guards the rest */
    struct write *head, **tail;
    size_t queued, lost;
};

void queue_init(struct queue *queue);
void queue_done(struct queue *queue);
/* NULL: no memory. */
struct write *write_copy(const char *sql, const struct value *values, size_t n);
void writes_free(struct write *list);
/* Returns how many are queued now. `bounded`: the oldest are lost beyond the ceiling. */
size_t queue_add(struct queue *queue, bool bounded, const char *sql, const struct value *values,
                 size_t n);
/* All of it. */
struct write *queue_take(struct queue *queue);
/* In front of what was queued meanwhile. */
void queue_put_back(struct queue *queue, struct write *list);
bool queue_any(struct queue *queue);
/* How many were lost since this was asked last. */
size_t queue_lost(struct queue *queue);

#endif
