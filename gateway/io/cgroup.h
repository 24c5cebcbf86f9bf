/* io/cgroup.h: a control group for the children, where the kernel and whoever started us permit one
 * (cgroups(7)).
 *
 * With version 2 the gateway first leaves its own group for a leaf beside the children's, because a
 * group that hands controllers down holds no processes itself; a container's other processes come
 * along. With version 1 each controller has a tree of its own. Loop thread only. */
#ifndef SANDGATE_IO_CGROUP_H
#define SANDGATE_IO_CGROUP_H

#include <limits.h>
#include <stdint.h>

#include "base/err.h"

enum controller { CONTROLLER_MEMORY, CONTROLLER_PIDS, CONTROLLERS };

struct cgroup {
    int version;           /* of the limits below: 1, 2; 0: there is no group */
    char folder[PATH_MAX]; /* where it counts and limits */
    char own[PATH_MAX];    /* version 2: the leaf that the gateway went to; "" */
    char parent[PATH_MAX]; /* where both are */
};

/* Make a group in which children use at most `max` of what the controller counts. Two controllers
 * of version 2 share one: give the struct of the first as `sibling`, else NULL. `root` stands
 * before /proc and /sys: "" but in tests. On failure there is no group, and `err` says why. */
int cgroup_open(const char *root, enum controller controller, uint64_t max,
                const struct cgroup *sibling, struct cgroup *ret_group, struct err *err) MUST_CHECK;
/* Takes the group away when nothing runs in it any more. */
void cgroup_close(struct cgroup *group);

/* A descriptor; who writes "0" to it is moved into the group. -1: errno. */
int cgroup_entrance(const struct cgroup *group);
/* How many processes and threads are in it; 0: unknown. */
uint64_t cgroup_count(const struct cgroup *group);
/* How many of it the kernel has ended for want of memory. */
uint64_t cgroup_oom_kills(const struct cgroup *group);

#endif
