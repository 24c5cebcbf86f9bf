/* What jupyter_sessions.c (who is there) and jupyter_calls.c (what they run) share. */
#ifndef SANDGATE_CORE_JUPYTER_SESSIONS_INTERNAL_H
#define SANDGATE_CORE_JUPYTER_SESSIONS_INTERNAL_H

#include "core/jupyter_sessions.h"

struct jupyter_sessions {
    struct loop *loop;
    struct children *children;
    const struct config *config;
    const struct environment *environment;
    struct code_jobs *jobs;
    struct map map;
    struct arena *arena;
    const char *dir; /* NULL until the first kernel */
    struct timer *sweep;
    struct kernel *spare;
    struct arena *spare_arena;
    struct kernel_spec spare_spec;
    uint64_t spare_until;
    bool sweeping, stopping;
};

/* A kernel for the session: the spare one where it fits, else a new one. */
int jupyter_take_kernel(struct jupyter_session *session, const struct kernel_hooks *hooks,
                        struct err *err) MUST_CHECK;
/* Have a warm kernel like the session's for whoever comes next; failing is no matter. */
void jupyter_keep_spare(struct jupyter_sessions *table, const struct kernel_spec *spec);
/* What a kernel that waits for its first call may do meanwhile. */
void jupyter_warm_up(struct kernel *kernel, const struct kernel_spec *spec);
int jupyter_calls_open(struct jupyter_session *session, struct err *err) MUST_CHECK;
/* Ends every call with an error that names the reason, and the kernel. */
void jupyter_calls_close(struct jupyter_session *session, const char *reason);

/* All text of a spec, copied. */
int jupyter_copy_spec(struct arena *arena, const struct kernel_spec *spec,
                      struct kernel_spec *ret_copy) MUST_CHECK;

#endif
