/* What node_sessions.c (who is there) and node_calls.c (what they run) share. */
#ifndef SANDGATE_CORE_NODE_SESSIONS_INTERNAL_H
#define SANDGATE_CORE_NODE_SESSIONS_INTERNAL_H

#include "core/node_sessions.h"

struct node_sessions {
    struct loop *loop;
    struct children *children;
    const struct config *config;
    const struct environment *environment;
    struct code_jobs *jobs;
    struct map map;
    char *script, *output_dir;
    struct timer *sweep;
    struct node_worker *spare;
    char *spare_node; /* the interpreter it runs */
    int spare_major;
    uint64_t spare_until;
    bool sweeping, stopping;
};

/* A process for the session: the spare one where it fits, else a new one. */
int node_take_worker(struct node_session *session, const struct node_worker_hooks *hooks,
                     struct err *err) MUST_CHECK;
int node_calls_open(struct node_session *session, struct err *err) MUST_CHECK;
/* Ends every call with an error that names the reason, and the process. */
void node_calls_close(struct node_session *session, const char *reason);

#endif
