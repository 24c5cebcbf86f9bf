/* core/node_worker.h: one Node.js process that runs calls for a session (services/node/repl.js).
 *
 * Calls and answers are frames of four bytes of length and JSON on a socket of their own, so that
 * nothing the code prints can be taken for an answer; standard output and error are pipes, and the
 * input is a file, filled anew for each call. The process leads a group, which ends with it.
 * Whatever comes from it was possibly written by the code it runs. Loop thread only. */
#ifndef SANDGATE_CORE_NODE_WORKER_H
#define SANDGATE_CORE_NODE_WORKER_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/json.h"
#include "core/outlog.h"
#include "io/loop.h"
#include "io/spawn.h"

struct node_worker;

struct node_worker_hooks {
    /* One frame. The worker may be closed in here. */
    /* -1: it could not be heard for want of memory, and the process is killed. */
    int (*said)(void *arg, const char *json, size_t n);
    /* The process is gone, or spoke what is no frame and was killed. Close the worker then. */
    void (*ended)(void *arg, struct exit_status status);
    void *arg;
};

struct node_worker_spec {
    struct loop *loop;
    struct children *children;
    const char *node, *script, *cwd;
    const char *const *envp;
    struct node_worker_hooks hooks;
};

int node_worker_open(const struct node_worker_spec *spec, struct node_worker **ret_worker,
                     struct err *err) MUST_CHECK;
/* Kills the group; no hook is called any more. NULL is fine. */
void node_worker_close(struct node_worker *worker);
/* Hand it to another owner. */
void node_worker_give(struct node_worker *worker, const struct node_worker_hooks *hooks);

/* Where output goes from now on; what was written before is gathered first. NULL: nowhere. */
void node_worker_set_output(struct node_worker *worker, struct outlog *out, struct outlog *errors);
int node_worker_ask(struct node_worker *worker, struct text input, const struct bytes *json,
                    struct err *err) MUST_CHECK;
/* SIGINT for the group: ends a child that the code waits for. */
void node_worker_interrupt(struct node_worker *worker);

#endif
