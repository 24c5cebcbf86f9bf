/* clock.c: see clock.h. */
#include "clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int64_t now_ns(void)
{
    struct timespec at;

    if (clock_gettime(CLOCK_MONOTONIC, &at) != 0)
        die("no monotonic clock");
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static int by_value(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;

    return (a > b) - (a < b);
}

int64_t quantile(int64_t *timings, size_t count, double share)
{
    qsort(timings, count, sizeof(*timings), by_value);
    return timings[(size_t)((double)(count - 1) * share)];
}

void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

size_t number_arg(const char *text, size_t most, const char *what)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < 1 || value > most)
        die("%s must be a number from 1 to %zu, not \"%s\"", what, most, text);
    return (size_t)value;
}
