/* fuzz.h: what every fuzz target needs. A target is one function fed with arbitrary bytes; besides
 * not crashing, it states what must hold, and ends the program where it does not. */
#ifndef SANDGATE_TESTS_FUZZ_H
#define SANDGATE_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The text up to `end` (or all that is left), taken off the front of the input, in `arena`. */
static inline struct text take_until(struct arena *arena, const uint8_t **data, size_t *size,
                                     char end)
{
    const uint8_t *at = *size ? memchr(*data, end, *size) : NULL;
    size_t n = at ? (size_t)(at - *data) : *size;
    struct text text = {arena_copy(arena, (const char *)*data, n), n};
    *data += at ? n + 1 : n;
    *size -= at ? n + 1 : n;
    return text;
}

#endif
