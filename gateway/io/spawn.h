/* io/spawn.h: start a program cleanly, and hear of its end.
 *
 * A child gets exactly the descriptors it is given, default signals, an empty signal mask,
 * its own session or process group, and SIGKILL when the gateway dies. vfork(2) is used so that the
 * cost does not grow with the gateway; between fork and exec there are system calls only.
 *
 * The gateway is a child subreaper (prctl(2)): what a command leaves behind when it ends becomes
 * ours, is reaped here, and can be found and ended by children_kill_all().
 *
 * Loop thread only, except spawn_wait() and its kin, which any worker may call. */
#ifndef SANDGATE_IO_SPAWN_H
#define SANDGATE_IO_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/observers.h"
#include "io/loop.h"

struct spawn_spec {
    const char *const *argv; /* argv[0] is an absolute path */
    const char *const *envp;
    const char *cwd;           /* absolute */
    int stdio[3];              /* become 0, 1, 2; closed in the child elsewhere; -1: /dev/null */
    int channel;               /* becomes 3 where it is above 2 and there is no terminal */
    const char *terminal;      /* path of a PTY slave: new session, controlling terminal, stdio */
    unsigned short rows, cols; /* with terminal */
    bool session;              /* a session of its own (setsid) instead of a process group */
};

/* How a child ended. */
struct exit_status {
    bool signaled;
    int code; /* exit code, or 128 + signal as a shell tells it */
    int signal;
    bool out_of_memory; /* SIGKILL, and the kernel has ended something for want of memory */
};

struct children;
struct child;

int children_open(struct loop *loop, struct children **ret_children, struct err *err) MUST_CHECK;
void children_close(struct children *children);
/* Children that were spawned here and have not ended. */
size_t children_count(const struct children *children);

/* `fn` runs once, on the loop, after the child was reaped; *ret_child is gone after it. */
int child_spawn(struct children *children, const struct spawn_spec *spec,
                void (*fn)(void *arg, struct exit_status status), void *arg,
                struct child **ret_child, struct err *err) MUST_CHECK;
pid_t child_pid(const struct child *child);
/* Forget the callback; the child is still reaped. NULL is fine. */
void child_disown(struct child *child);

/* Signal every process that descends from the gateway, however it was daemonised.
 * Returns how many there were. */
size_t children_kill_all(int signal);
/* Told after something was reaped that nobody here had started: what a child left behind. */
struct observers *children_orphans(struct children *children);
/* Signal every process of the session (setsid) led by `sid`. Returns how many there were. */
size_t session_kill(pid_t sid, int signal);

/* All that a child started, however it went its own way: what is in the session the child leads,
 * what was started with `mark` (NAME=VALUE) in its environment, and what descends from either. */
struct tree {
    pid_t session; /* set to 0 by tree_kill() once nothing is in it: the number may be used again */
    const char *mark;
};
/* Signal (0: only look) every process of the tree that has not ended. Returns how many there were.
 */
size_t tree_kill(struct tree *tree, int signal);

/* Whether the process was started with `mark` (NAME=VALUE) in its environment. */
bool process_carries(pid_t pid, const char *mark);

/* For workers: run a program to its end, collecting at most the limits of `out` and `errors`
 * (struct bytes; may be NULL) and killing its group at `deadline_ms` from now. A full buffer ends
 * the program too and is not an error: look at `out->failed`. */
struct bytes;
int spawn_wait(const struct spawn_spec *spec, const char *input, size_t input_length,
               struct bytes *out, struct bytes *errors, uint64_t deadline_ms,
               struct exit_status *ret_status, struct err *err) MUST_CHECK;

/* The same without input, with standard output handed over as it comes, so that any amount of it
 * takes no memory. `take` ends the program by returning other than 0, which is not an error. */
struct spawn_taker {
    int (*take)(void *arg, const char *data, size_t n);
    void *arg;
};
int spawn_wait_taking(const struct spawn_spec *spec, const struct spawn_taker *taker,
                      struct bytes *errors, uint64_t deadline_ms, struct exit_status *ret_status,
                      struct err *err) MUST_CHECK;

#endif
