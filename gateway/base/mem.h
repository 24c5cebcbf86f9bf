/* base/mem.h: three lifetimes, three tools.
 *
 * What dies with the block: the cleanup_* attributes, and steal() to hand a thing over.
 * What dies with the request: the arena. What dies later: a close callback of io/loop. */
#ifndef SANDGATE_BASE_MEM_H
#define SANDGATE_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void mem_free_at(void *at)
{
    void **pointer = at;
    free(*pointer);
    *pointer = NULL;
}

static inline void mem_close_at(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static inline void mem_fclose_at(FILE **file)
{
    if (*file)
        (void)fclose(*file);
}

#define cleanup_free  __attribute__((cleanup(mem_free_at)))
#define cleanup_close __attribute__((cleanup(mem_close_at)))
#define cleanup_file  __attribute__((cleanup(mem_fclose_at)))

/* Take the value out of a cleanup variable and leave the harmless one behind. */
#define steal(pointer_at)                                                                          \
    __extension__({                                                                                \
        __typeof__(*(pointer_at)) stolen_ = *(pointer_at);                                         \
        *(pointer_at) = NULL;                                                                      \
        stolen_;                                                                                   \
    })
#define steal_fd(fd_at)                                                                            \
    __extension__({                                                                                \
        int stolen_ = *(fd_at);                                                                    \
        *(fd_at) = -1;                                                                             \
        stolen_;                                                                                   \
    })

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A bump allocator whose memory all goes at once. One owner at a time; not thread-safe. */
struct arena;

/* NULL when memory is out. */
struct arena *arena_new(void);
/* Runs the destructors, newest first, and frees everything. NULL is fine. */
void arena_free(struct arena *arena);
/* As arena_free, but the arena stays usable and keeps its first block. */
void arena_clear(struct arena *arena);

/* Zeroed memory aligned for any type; NULL when memory is out. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((alloc_size(2)));
/* A NUL-terminated copy of `n` bytes. */
char *arena_copy(struct arena *arena, const char *text, size_t n);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Have `done(arg)` called when the arena is cleared. -1 when memory is out (done was not kept). */
int arena_defer(struct arena *arena, void (*done)(void *arg), void *arg);

#endif
