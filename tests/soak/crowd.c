#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "phases.h"

#define STACK (192 * 1024)

uint32_t chance(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

void crowd_run(unsigned n, void *(*fn)(void *), void *args, unsigned size)
{
    pthread_t *threads = calloc(n, sizeof *threads);
    pthread_attr_t small;
    (void)pthread_attr_init(&small);
    (void)pthread_attr_setstacksize(&small, STACK);
    for (unsigned i = 0; i < n; i++) {
        if (!threads || pthread_create(&threads[i], &small, fn, (char *)args + (size_t)i * size)) {
            (void)fprintf(stderr, "soak: cannot start %u threads\n", n);
            exit(2);
        }
    }
    for (unsigned i = 0; i < n; i++)
        (void)pthread_join(threads[i], NULL);
    (void)pthread_attr_destroy(&small);
    free(threads);
}
