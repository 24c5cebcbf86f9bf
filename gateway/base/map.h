/* base/map.h: pointers by name. Keys are borrowed: they must live as long as their entry, normally
 * inside the value. Not thread-safe. */
#ifndef SANDGATE_BASE_MAP_H
#define SANDGATE_BASE_MAP_H

#include <stddef.h>

struct map_entry {
    struct map_entry *next;
    const char *key;
    void *value;
};

struct map {
    struct map_entry **buckets;
    size_t bucket_count, count;
};

void map_done(struct map *map);
void *map_get(const struct map *map, const char *key);
/* The key must not be there yet. -1 when memory is out. */
int map_put(struct map *map, const char *key, void *value);
/* The value that was there, or NULL. */
void *map_remove(struct map *map, const char *key);

/* for (struct map_walk w = {0}; (v = map_next(map, &w));) — no changes meanwhile. */
struct map_walk {
    size_t bucket;
    const struct map_entry *entry;
};
void *map_next(const struct map *map, struct map_walk *walk);

#endif
