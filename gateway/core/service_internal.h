/* core/service_internal.h: the inside of a service, for service.c, service_process.c and
 * supervisor.c only.
 *
 * A service's state and its processes are two things: leftovers of an earlier run may be ending
 * while the state is already STARTING or BACKOFF, and a new run waits until they are gone. What one
 * service means for another (who waits for whom) is settled in one place, service_settle(), which
 * runs for all of them after anything has changed. */
#ifndef SANDGATE_CORE_SERVICE_INTERNAL_H
#define SANDGATE_CORE_SERVICE_INTERNAL_H

#include "core/manifest.h"
#include "core/outlog.h"
#include "core/probe.h"
#include "core/supervisor.h"

enum ending {
    ENDING_NO,
    ENDING_ASKED,  /* TERM was sent */
    ENDING_FORCED, /* KILL is sent until none is left */
};

struct service {
    struct supervisor *supervisor;
    const struct manifest *manifest;
    struct service **needs, **wants; /* NULL-terminated */
    const char *const *need_names, *const *want_names;
    struct observers observers;
    unsigned holds;

    enum service_state state;
    char reason[300];
    int64_t since_ms;
    bool wanted;       /* comes back by itself */
    bool eager;        /* somebody waits for it to be READY */
    bool blocked;      /* BACKOFF or FAILED because of a need, and comes back with it */
    unsigned failures; /* in a row */
    unsigned starts;   /* since it was last wanted by hand */
    bool news;         /* observers are to be told */
    uint64_t entered;  /* loop_clock() at the change of state */
    struct timer *retry, *idle;
    bool idling; /* `idle` is set, or `idle_probe` asks */
    struct probe *idle_probe;

    /* service_process.c */
    const char *run_dir, *state_dir;
    struct address address;
    int port_claim; /* -1: none */
    struct child *child;
    struct tree tree;
    bool busy; /* processes of this or the last run may be left */
    enum ending ending;
    uint64_t end_due; /* of the forced end: beyond it, it is given up */
    struct timer *end_timer;
    struct probe *probe;
    int output; /* -1: closed */
    struct watch *output_watch;
    struct outlog log;
    uint64_t log_start; /* of this run */
};

struct supervisor {
    struct loop *loop;
    struct children *children;
    const struct config *config;
    const struct environment *environment;
    struct arena *arena;
    struct manifest *manifests;
    struct service *services; /* by name */
    size_t count;
    const char *run_dir; /* holds the run folders */
    struct timer *settle;
    struct observer orphans;
    bool stopping;
};

/* ---- service.c ---- */

int service_init(struct service *service, struct err *err) MUST_CHECK;
void service_done(struct service *service);
/* Do what the state of the others asks for now. */
void service_settle(struct service *service);
/* From service_process.c: it answers; the run failed; all of its processes are gone. */
void service_on_ready(struct service *service);
void service_on_failure(struct service *service, const char *why);
void service_on_gone(struct service *service);

/* ---- service_process.c ---- */

int process_init(struct service *service, struct err *err) MUST_CHECK;
void process_done(struct service *service);
/* One run: folders, address, environment, program, probe. Nothing of an earlier run may be left. */
int process_start(struct service *service, struct err *err) MUST_CHECK;
/* TERM to all of its processes, KILL when the manifest's time is over. */
void process_end(struct service *service);
/* See whether something is still left when the program itself has ended. */
void process_look(struct service *service);
/* The last line the run has written, or "". */
void process_last_line(struct service *service, char *out, size_t size);

/* ---- service_place.c ---- */

/* Empties the service's run folder and chooses its address. */
int place_prepare(struct service *service, struct err *err) MUST_CHECK;
void place_release(struct service *service);
/* Where run folders are: STATE/run, or, where a socket's path would get too long, a short private
 * folder that STATE/run points to. */
int place_open(struct supervisor *supervisor, struct err *err) MUST_CHECK;
void place_close(struct supervisor *supervisor);

/* ---- supervisor.c ---- */

/* Have every service settled soon. */
void supervisor_wake(struct supervisor *supervisor);

#endif
