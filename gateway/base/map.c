#include "base/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a. Keys of peers are bounded in number by the tables' own ceilings. */
static size_t hash(const char *key)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (; *key; key++)
        h = (h ^ (unsigned char)*key) * UINT64_C(1099511628211);
    return (size_t)h;
}

static struct map_entry **slot(const struct map *m, const char *key)
{
    struct map_entry **at = &m->buckets[hash(key) & (m->bucket_count - 1)];
    while (*at && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

static int grow(struct map *m)
{
    size_t count = m->bucket_count ? m->bucket_count * 2 : 16;
    struct map_entry **buckets = calloc(count, sizeof(struct map_entry *));
    if (!buckets)
        return -1;
    struct map old = *m;
    m->buckets = buckets;
    m->bucket_count = count;
    for (size_t i = 0; i < old.bucket_count; i++) {
        while (old.buckets[i]) {
            struct map_entry *e = old.buckets[i];
            old.buckets[i] = e->next;
            e->next = NULL;
            *slot(m, e->key) = e;
        }
    }
    free(old.buckets);
    return 0;
}

void map_done(struct map *m)
{
    for (size_t i = 0; i < m->bucket_count; i++) {
        while (m->buckets[i]) {
            struct map_entry *e = m->buckets[i];
            m->buckets[i] = e->next;
            free(e);
        }
    }
    free(m->buckets);
    *m = (struct map){0};
}

void *map_get(const struct map *m, const char *key)
{
    if (!m->bucket_count)
        return NULL;
    const struct map_entry *e = *slot(m, key);
    return e ? e->value : NULL;
}

int map_put(struct map *m, const char *key, void *value)
{
    if (m->count >= m->bucket_count && grow(m) < 0)
        return -1;
    struct map_entry *e = malloc(sizeof *e);
    if (!e)
        return -1;
    *e = (struct map_entry){NULL, key, value};
    *slot(m, key) = e;
    m->count++;
    return 0;
}

void *map_remove(struct map *m, const char *key)
{
    if (!m->bucket_count)
        return NULL;
    struct map_entry **at = slot(m, key);
    struct map_entry *e = *at;
    if (!e)
        return NULL;
    void *value = e->value;
    *at = e->next;
    free(e);
    m->count--;
    return value;
}

void *map_next(const struct map *m, struct map_walk *w)
{
    const struct map_entry *e = w->entry;
    while (!e && w->bucket < m->bucket_count)
        e = m->buckets[w->bucket++];
    w->entry = e ? e->next : NULL;
    return e ? e->value : NULL;
}
