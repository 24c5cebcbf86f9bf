/* core/jupyter_sessions.h: sessions of Jupyter kernels, whose variables stay from call to call.
 *
 * A session has a kernel of its own from its first call on; calls wait their turn. A call that
 * passes its time is interrupted, which keeps the state; a kernel that goes on all the same is
 * killed a little later. A kernel that ends is told of, and the next call gets a new one. An idle
 * session ends after its time. Code without a session gets a kernel that nobody has used.
 *
 * Nothing runs before the first call. From then on one more kernel is kept warm for the next
 * newcomer, until nobody has asked for a while. Loop thread only. */
#ifndef SANDGATE_CORE_JUPYTER_SESSIONS_H
#define SANDGATE_CORE_JUPYTER_SESSIONS_H

#include "base/ident.h"
#include "base/map.h"
#include "core/code_job.h"
#include "core/config.h"
#include "core/environment.h"
#include "core/kernel.h"
#include "core/kernel_outputs.h"

/* Calls that wait in one session. */
#define JUPYTER_MAX_QUEUED     64
#define JUPYTER_SPARE_SECONDS  300
#define JUPYTER_SESSION_PREFIX "jupyter-"

struct jupyter_sessions;
struct jupyter_session;

struct jupyter_call {
    struct code_job job; /* first: they are one to whoever asked */
    struct jupyter_call *next;
    struct text code, cwd; /* in the job's arena */
    uint64_t timeout_ms;
    char id[IDENT_SIZE]; /* of its message */
    struct kernel_outputs outputs;
    bool idle, answered, failed; /* what the kernel said */
};

struct jupyter_session {
    char id[IDENT_SIZE];
    char *cwd;
    struct arena *arena; /* of the spec's text */
    struct kernel_spec spec;
    int64_t created_at, last_used_at; /* ms since the epoch */
    uint64_t used_clock;              /* loop_clock() then: what deadlines go by */
    struct jupyter_call *current, *queue, **queue_end;
    size_t queued;
    bool disposable; /* nobody gave it a name: it may make room for another */
    bool once;       /* ends with its call */
    /* jupyter_calls.c's */
    struct kernel *kernel;
    struct kernel_outputs between; /* what is shown while no call is under way */
    struct timer *timer;
    int stage;
    bool move;             /* the kernel is to go to `cwd` at the next call */
    char late[IDENT_SIZE]; /* the message of a call that was answered and goes on; "" */
    char lost[320];        /* why the state is gone, for the next call to tell; "" */
    struct jupyter_sessions *table;
};

struct jupyter_session_spec {
    struct text id, cwd; /* absent: a new name; the workspace */
    const struct kernel_spec *spec;
    bool once;
};

int jupyter_sessions_open(struct loop *loop, struct children *children, const struct config *config,
                          const struct environment *environment, struct code_jobs *jobs,
                          struct jupyter_sessions **ret_table, struct err *err) MUST_CHECK;
/* Kills every kernel; calls end with an error. */
void jupyter_sessions_stop(struct jupyter_sessions *table);
void jupyter_sessions_close(struct jupyter_sessions *table);

const struct map *jupyter_sessions_all(const struct jupyter_sessions *table);
/* NULL when there is none. */
struct jupyter_session *jupyter_session_find(struct jupyter_sessions *table, const char *id);
/* Makes one; the name must not be there yet. */
int jupyter_session_make(struct jupyter_sessions *table, const struct jupyter_session_spec *spec,
                         struct jupyter_session **ret_session, struct err *err) MUST_CHECK;
void jupyter_session_end(struct jupyter_session *session, const char *reason);
/* Have its kernel start already; failing is for the first call to tell. */
void jupyter_session_warm(struct jupyter_session *session);

struct jupyter_call_spec {
    struct text code, cwd; /* cwd absent: where the session is */
    uint64_t timeout_ms;
};
/* (*ret_call)->job is released by the caller, and may outlive the session. */
int jupyter_session_call(struct jupyter_session *session, const struct jupyter_call_spec *spec,
                         struct jupyter_call **ret_call, struct err *err) MUST_CHECK;

#endif
