#include "base/ident.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

void ident_random(char out[IDENT_SIZE], const char *prefix)
{
    uint64_t raw = 0;
    /* Eight bytes of getrandom(2) cannot fail or fall short once the pool is seeded (man page). */
    ssize_t n = getrandom(&raw, sizeof raw, 0);
    (void)n;
    (void)snprintf(out, IDENT_SIZE, "%.32s%016llx", prefix, (unsigned long long)raw);
}

bool ident_valid(const char *text, size_t n)
{
    if (n == 0 || n > IDENT_MAX || strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f || strchr("/\\", text[i]))
            return false;
    return true;
}
