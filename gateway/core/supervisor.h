/* core/supervisor.h: the services of the sandbox, kept as wanted.
 *
 * A service is a folder with a manifest (core/manifest.h); the supervisor knows no names. Each is
 * an explicit state machine, and every state says why:
 *
 *   STOPPED → STARTING → READY → STOPPING → STOPPED
 *               ↓  ↑       ↓
 *              BACKOFF ←───┘      FAILED after too many failures in a row, until started by hand or
 *                                 wanted again
 *
 * READY is said only after the ready probe has succeeded, and is taken back the moment the process
 * ends. A service that is wanted is started again by itself, later after each failure. One that
 * nobody has used for its idle time is stopped. What a service needs is started first, and when it
 * ends, those that need it end too and come back after it. Loop thread only. */
#ifndef SANDGATE_CORE_SUPERVISOR_H
#define SANDGATE_CORE_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/observers.h"
#include "core/config.h"
#include "core/environment.h"
#include "io/address.h"
#include "io/loop.h"
#include "io/spawn.h"

enum service_state {
    SERVICE_STOPPED,
    SERVICE_STARTING,
    SERVICE_READY,
    SERVICE_STOPPING,
    SERVICE_BACKOFF,
    SERVICE_FAILED,
};
extern const char *const service_state_names[];

struct supervisor;
struct service;

/* Reads the manifests of config->services_dir, those that config->services selects and what they
 * need. An unknown name or a bad manifest is an error that names it. Starts what starts at boot. */
int supervisor_open(struct loop *loop, struct children *children, const struct config *config,
                    const struct environment *environment, struct supervisor **ret_supervisor,
                    struct err *err) MUST_CHECK;
/* Stop all, those that are needed last; nothing starts any more. */
void supervisor_stop(struct supervisor *supervisor);
/* 1 when no process of any service is left. */
int supervisor_stopped(void *supervisor);
/* Whatever still runs is left to children_kill_all(). NULL is fine. */
void supervisor_close(struct supervisor *supervisor);

/* NULL when there is none of that name; in alphabetical order, NULL after the last. */
struct service *supervisor_find(const struct supervisor *supervisor, const char *name);
struct service *supervisor_at(const struct supervisor *supervisor, size_t index);

/* For telling. Text is the service's and holds until its next change of state. */
struct service_info {
    const char *name, *title, *description;
    enum service_state state;
    const char *reason;       /* one sentence: why it is in this state */
    pid_t pid;                /* 0: none */
    int64_t since_ms;         /* epoch: when it entered the state */
    unsigned restarts;        /* starts beyond the first since it was last wanted by hand */
    bool boot;                /* starts with the gateway, not at first use */
    double idle_stop_seconds; /* 0: never */
    unsigned holds;           /* uses under way */
    int64_t memory_mb;        /* what it may be expected to take; a hint */
    uint64_t log_length;
    const char *const *needs, *const *wants; /* NULL-terminated; as the manifest names them */
};
void service_describe(const struct service *service, struct service_info *ret_info);
enum service_state service_state(const struct service *service);
const char *service_name(const struct service *service);

/* Have it run: a service that is STOPPED or FAILED is started, with what it needs; in BACKOFF it is
 * started at once. Returns at once; observers hear of every change of state. */
void service_start(struct service *service);
/* Have it not run; those that need it are stopped first. `why` is told as the reason. */
void service_stop(struct service *service, const char *why);
/* Stop, then start; those that need it come back too. */
void service_restart(struct service *service, const char *why);
struct observers *service_observers(struct service *service);

/* A use: while held the service is not stopped for idleness. */
void service_hold(struct service *service);
void service_release(struct service *service);

/* Where it listens; not address_given() when its manifest says nowhere or it does not run. */
const struct address *service_address(const struct service *service);
/* Its folder for sockets and the like, emptied at each start. */
const char *service_run_dir(const struct service *service);
/* Its folder for what it keeps between starts; made at the first. */
const char *service_state_dir(const struct service *service);

/* Its output (standard output and error) over all runs, as text by offset (core/outlog.h). */
void service_log_read(struct service *service, uint64_t offset, size_t max, struct bytes *out,
                      uint64_t *ret_next, uint64_t *ret_skipped);

#endif
