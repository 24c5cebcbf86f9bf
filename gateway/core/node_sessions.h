/* core/node_sessions.h: Node.js sessions, whose variables stay from call to call.
 *
 * A session has a process from its first call on; calls wait their turn. A call that passes its
 * time is first interrupted inside the process, which keeps the state; what cannot be interrupted
 * is killed, and the next call gets a new process and is told so. An idle session ends after its
 * time. After the first session one more process is kept warm for the next one, until nobody has
 * asked for a while. Loop thread only. */
#ifndef SANDGATE_CORE_NODE_SESSIONS_H
#define SANDGATE_CORE_NODE_SESSIONS_H

#include "base/ident.h"
#include "base/map.h"
#include "core/code_run.h"
#include "core/node_worker.h"

#define NODE_MAX_SESSIONS 64
/* Calls that wait in one session. */
#define NODE_MAX_QUEUED     64
#define NODE_MIN_IDLE       60
#define NODE_MAX_IDLE       86400
#define NODE_MAX_IDLE_TEXT  "86400"
#define NODE_SCRIPT         "node/repl.js"
#define NODE_RUNNER         "node/run.js"
#define NODE_SPARE_SECONDS  300
#define NODE_FILES          256
#define NODE_SESSION_PREFIX "node-"

struct node_sessions;
struct node_call;

struct node_session {
    char id[IDENT_SIZE];
    char *cwd, *node;                 /* `node`: the interpreter */
    int major;                        /* its version; 0: not known yet */
    bool move;                        /* the process is to go to `cwd` at the next call */
    int64_t created_at, last_used_at; /* ms since the epoch */
    uint64_t used_clock;              /* loop_clock() then: what deadlines go by */
    int64_t max_idle;                 /* seconds */
    int64_t count;                    /* calls begun */
    struct node_call *current, *queue, **queue_end;
    size_t queued;
    bool disposable; /* nobody gave it a name: it may make room for another */
    /* node_sessions.c's */
    struct node_worker *worker;
    struct code_logs *logs; /* of the call under way, or else what is printed between calls */
    struct timer *timer;    /* of the call under way */
    int stage;
    char lost[128]; /* why the state is gone, for the next call to tell; "" */
    struct node_sessions *table;
};

struct node_session_spec {
    struct text id;   /* absent or "": a new name */
    struct text cwd;  /* absent: the workspace */
    const char *node; /* the interpreter */
    int major;        /* 0: whatever it is */
    int64_t max_idle;
};

struct node_call_spec {
    struct text code, stdin_text, cwd; /* cwd absent: where the session is */
    struct text_map files;
    uint64_t timeout_ms;
};

int node_sessions_open(struct loop *loop, struct children *children, const struct config *config,
                       const struct environment *environment, struct code_jobs *jobs,
                       struct node_sessions **ret_table, struct err *err) MUST_CHECK;
/* Kills every process; calls end with an error. */
void node_sessions_stop(struct node_sessions *table);
void node_sessions_close(struct node_sessions *table);

const struct map *node_sessions_all(const struct node_sessions *table);
/* NULL when there is none. */
struct node_session *node_session_find(struct node_sessions *table, const char *id);
/* Finds or makes; *ret_made tells which. */
int node_session_get(struct node_sessions *table, const struct node_session_spec *spec,
                     struct node_session **ret_session, bool *ret_made, struct err *err) MUST_CHECK;
int node_session_set_cwd(struct node_session *session, struct text cwd, struct err *err) MUST_CHECK;
void node_session_set_idle(struct node_session *session, int64_t seconds);
void node_session_end(struct node_session *session, const char *reason);
/* Have a warm process of this interpreter for whoever comes next; failing is no matter. */
void node_keep_spare(struct node_sessions *table, const char *node);

/* *ret_job is released by the caller, and may outlive the session. */
int node_session_call(struct node_session *session, const struct node_call_spec *spec,
                      struct code_job **ret_job, struct err *err) MUST_CHECK;

#endif
