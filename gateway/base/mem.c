#include "base/mem.h"

#include <sanitizer/asan_interface.h> /* nothing in other builds */
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

/* The first block lives beside the arena and serves an ordinary request whole. */
#define FIRST_BLOCK 2784
#define BLOCK       8192

struct block {
    struct block *next;
    size_t size, used;
    alignas(max_align_t) char data[];
};

struct deferred {
    struct deferred *next;
    void (*done)(void *);
    void *arg;
};

struct arena {
    struct block *blocks; /* newest first; the last one is `first` */
    struct deferred *deferred;
    struct block *first;
};

static struct block *block_new(size_t size)
{
    struct block *b = malloc(sizeof *b + size);
    if (!b)
        return NULL;
    b->next = NULL;
    b->size = size;
    b->used = 0;
    return b;
}

struct arena *arena_new(void)
{
    struct arena *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->first = a->blocks = block_new(FIRST_BLOCK);
    if (!a->first) {
        free(a);
        return NULL;
    }
    return a;
}

void arena_clear(struct arena *a)
{
    while (a->deferred) {
        struct deferred *d = a->deferred;
        a->deferred = d->next;
        d->done(d->arg);
    }
    while (a->blocks != a->first) {
        struct block *b = a->blocks;
        a->blocks = b->next;
        free(b);
    }
    a->first->used = 0;
    ASAN_POISON_MEMORY_REGION(a->first->data, a->first->size);
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    arena_clear(a);
    free(a->first);
    free(a);
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t align = alignof(max_align_t);
    if (size > SIZE_MAX - BLOCK)
        return NULL;
    size_t need = (size + align - 1) & ~(align - 1);
    struct block *b = a->blocks;
    if (b->size - b->used < need) {
        b = block_new(need > BLOCK ? need : BLOCK);
        if (!b)
            return NULL;
        b->next = a->blocks;
        a->blocks = b;
    }
    void *p = b->data + b->used;
    b->used += need;
    ASAN_UNPOISON_MEMORY_REGION(p, size);
    memset(p, 0, size);
    return p;
}

char *arena_copy(struct arena *a, const char *text, size_t n)
{
    char *copy = arena_alloc(a, n + 1);
    if (copy && n)
        memcpy(copy, text, n);
    return copy;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (!text)
        return NULL;
    va_start(args, format);
    (void)vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    return text;
}

int arena_defer(struct arena *a, void (*done)(void *arg), void *arg)
{
    struct deferred *d = arena_alloc(a, sizeof *d);
    if (!d)
        return -1;
    d->done = done;
    d->arg = arg;
    d->next = a->deferred;
    a->deferred = d;
    return 0;
}
