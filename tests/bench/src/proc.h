/* proc.h: what a server's processes have used, read from the kernel while they live. */
#ifndef BENCH_PROC_H
#define BENCH_PROC_H

#include <stddef.h>
#include <stdint.h>

struct usage {
    int64_t own_ns;  /* CPU time of the process itself, all threads */
    int64_t tree_ns; /* of it and every descendant, living or already waited for */
    size_t children; /* descendants living */
};

/* Ends with die() when there is no such process. */
struct usage usage_of(const char *pid);

/* A line of /proc/PID/smaps_rollup in KiB, e.g. "Rss:". */
long memory_kib(const char *pid, const char *name);

#endif
