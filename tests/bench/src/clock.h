/* clock.h: reading the time, and what a row of timings says.
 * Shared by every measuring program; a helper that cannot measure ends with die(), so a number is
 * never a guess. */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Nanoseconds of the monotonic clock. */
int64_t now_ns(void);

/* The value below which `share` (0…1) of the timings lie. Sorts `timings` in place; count must be
 * at least 1. */
int64_t quantile(int64_t *timings, size_t count, double share);

/* Prints "bench: …" to stderr and ends the program with status 1. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* A whole decimal number between 1 and `most`, or die() naming `what`. */
size_t number_arg(const char *text, size_t most, const char *what);

#endif
