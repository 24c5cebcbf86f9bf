/* core/resources.h: how much of the computer is in use.
 *
 * Inside a container the figures are its control group's (cgroup v2): the tightest limit on the way
 * up is what it may use, and use is counted where that limit stands. Elsewhere, and for what no
 * group limits or counts, they are the machine's. Each read looks anew, at a dozen small files of
 * the kernel. Any thread. */
#ifndef SANDGATE_CORE_RESOURCES_H
#define SANDGATE_CORE_RESOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct resources;

struct resource_use {
    double cpu_cores;   /* how many it may use at once; 0: unknown */
    double cpu_percent; /* of those, over the last `cpu_window` seconds */
    double cpu_window;  /* since the call before, half a second at least; 0: nothing measured yet */
    uint64_t memory_used, memory_total; /* without what the kernel would give back when asked */
    uint64_t disk_used, disk_free, disk_total; /* the file system of the workspace */
    double load[3];                            /* over 1, 5 and 15 minutes: the machine's */
    unsigned processes;                        /* those that can be seen from here */
    bool cpu_grouped, memory_grouped;          /* the group's figures, not the machine's */
};

/* `root` stands before /proc and /sys: "" but in tests. Both texts outlive it. */
int resources_open(const char *root, const char *workspace, struct resources **ret_resources,
                   struct err *err) MUST_CHECK;
/* NULL is fine. */
void resources_close(struct resources *resources);

/* Fails when the workspace cannot be asked; what the kernel does not tell is 0. */
int resources_read(struct resources *resources, struct resource_use *ret_use,
                   struct err *err) MUST_CHECK;

#endif
