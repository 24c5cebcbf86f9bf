/* io/spawn_internal.h: what spawn.c and spawn_wait.c share; for no one else. */
#ifndef SANDGATE_IO_SPAWN_INTERNAL_H
#define SANDGATE_IO_SPAWN_INTERNAL_H

#include "io/spawn.h"

/* A worker that waits for its child. Belongs to the worker, which may free it once `event` (an
 * eventfd) is readable: from then on the list no longer holds it. */
struct waiter {
    struct waiter *next;
    pid_t pid;
    int event;
    struct exit_status status;
};

int spawn_process(const struct spawn_spec *spec, pid_t *ret_pid, struct err *err) MUST_CHECK;

void waiter_spawn_lock(void);
void waiter_spawn_unlock(void);
/* The lock is held. */
void waiter_add(struct waiter *waiter);

#endif
