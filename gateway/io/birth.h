/* io/birth.h: what every child gets before it becomes a program: its control group, the limits that
 * stand in where there is none, and a place before the gateway when memory runs out.
 *
 * One for the process, like its children. Loop thread only, except birth_apply() and
 * birth_permitted(). */
#ifndef SANDGATE_IO_BIRTH_H
#define SANDGATE_IO_BIRTH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct birth_limit {
    uint64_t max;   /* 0: none was asked for */
    const char *by; /* what holds children to it: "cgroup v2", "cgroup v1", "each process",
                       "the user"; NULL: nothing does */
};

/* Of all children together; 0: no limit. What cannot be done is logged, once, and told by
 * birth_memory() and birth_pids(). */
void birth_open(uint64_t memory_max, uint64_t pids_max);
void birth_close(void);
struct birth_limit birth_memory(void);
struct birth_limit birth_pids(void);

/* Whether one more may be started. */
int birth_permitted(struct err *err) MUST_CHECK;
/* In the vforked child: system calls only. */
void birth_apply(void);
/* In the parent, once the child has become its program: what it could not do itself. */
void birth_finish(pid_t pid);

/* Whether the kernel has ended a process for want of memory that nobody was told of yet: asked when
 * a child was ended by a SIGKILL that is not ours. */
bool birth_out_of_memory(void);

#endif
