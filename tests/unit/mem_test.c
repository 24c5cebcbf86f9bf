#include "base/mem.h"

#include <fcntl.h>
#include <stdint.h>

#include "check.h"

static void aligns_and_zeroes(void)
{
    struct arena *arena = arena_new();
    for (size_t size = 0; size < 3000; size += 7) {
        char *p = arena_alloc(arena, size);
        CHECK(p && (uintptr_t)p % 16 == 0);
        for (size_t i = 0; i < size; i++)
            CHECK(p[i] == 0);
        if (size)
            memset(p, 0xff, size);
    }
    arena_free(arena);
}

static void serves_large_and_refuses_absurd(void)
{
    struct arena *arena = arena_new();
    char *large = arena_alloc(arena, 1 << 20);
    CHECK(large != NULL);
    if (large)
        large[(1 << 20) - 1] = 1;
    volatile size_t absurd = SIZE_MAX - 5;
    CHECK(arena_alloc(arena, absurd) == NULL);
    CHECK(arena_alloc(arena, 16) != NULL);
    arena_free(arena);
    arena_free(NULL);
}

static void copies_and_prints(void)
{
    struct arena *arena = arena_new();
    CHECK_TEXT(arena_copy(arena, "abcdef", 3), "abc");
    CHECK_TEXT(arena_copy(arena, "", 0), "");
    CHECK_TEXT(arena_printf(arena, "%d-%s", 7, "x"), "7-x");
    arena_free(arena);
}

static int order[3], count;

static void note(void *arg)
{
    order[count++] = *(int *)arg;
}

static void runs_deferred_newest_first_once(void)
{
    static int one = 1, two = 2, three = 3;
    struct arena *arena = arena_new();
    count = 0;
    CHECK(arena_defer(arena, note, &one) == 0 && arena_defer(arena, note, &two) == 0);
    arena_clear(arena);
    CHECK(count == 2 && order[0] == 2 && order[1] == 1);
    CHECK(arena_defer(arena, note, &three) == 0);
    arena_free(arena);
    CHECK(count == 3 && order[2] == 3);
}

static void clears_to_the_first_block(void)
{
    struct arena *arena = arena_new();
    char *first = arena_alloc(arena, 8);
    for (int i = 0; i < 100; i++)
        CHECK(arena_alloc(arena, 1000) != NULL);
    arena_clear(arena);
    CHECK(arena_alloc(arena, 8) == (void *)first);
    arena_free(arena);
}

static void cleans_up_and_steals(void)
{
    int kept = -1, closed;
    {
        cleanup_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        closed = fd;
        cleanup_close int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
        kept = steal_fd(&other);
        CHECK(other == -1);
        cleanup_free char *text = malloc(4);
        char *mine = steal(&text);
        CHECK(text == NULL && mine != NULL);
        free(mine);
    }
    CHECK(fcntl(closed, F_GETFD) == -1);
    CHECK(fcntl(kept, F_GETFD) != -1);
    CHECK(close(kept) == 0);
}

int main(void)
{
    RUN(aligns_and_zeroes);
    RUN(serves_large_and_refuses_absurd);
    RUN(copies_and_prints);
    RUN(runs_deferred_newest_first_once);
    RUN(clears_to_the_first_block);
    RUN(cleans_up_and_steals);
    return CHECK_DONE();
}
