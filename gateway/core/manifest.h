/* core/manifest.h: what a service says about itself, in services/NAME/manifest.json.
 *
 *   title, description   for people
 *   command              the program and its arguments; "./x" lies in the service's folder, a bare
 *                        name on the PATH
 *   environment          further variables; null takes one away
 *   needs, wants         names of services; see core/supervisor.h
 *   listen.tcp           the port of the loopback it prefers; listen.socket: a Unix socket
 *   listen.port_from     a variable: where it is set it names the port to be used instead
 *   disabled_by          a variable: where it is set, to anything but false, 0, no or off, there is
 *                        no such service
 *   ready.probe          tcp, unix or http; default: what it listens on; where it does not listen
 *                        it is ready as soon as it runs
 *   ready.path           of an http request, or of a socket that is not the one it listens on
 *   ready.timeout_seconds
 *   start                lazy (at first use) or boot
 *   idle_stop_seconds    without use until it is stopped; 0: never
 *   idle_path            an http request that it answers with 2xx when it may be stopped for that
 *   stop_signal          how it is asked to end: TERM, INT, HUP or QUIT
 *   stop_seconds         from then until it is ended by force
 *   memory_mb            what it may be expected to take
 *
 * ${NAME} in the command, the environment and ready.path stands for a variable of the service's
 * environment, for nothing when it has none of that name. Reading is strict: what is unknown or
 * wrong is an error that names the service and the field. Plain values in the caller's arena; any
 * thread. */
#ifndef SANDGATE_CORE_MANIFEST_H
#define SANDGATE_CORE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"

#define SERVICE_NAME_MAX 32

struct manifest {
    const char *name, *dir; /* its folder */
    struct text title, description;
    struct text_list command;
    struct text_map environment;
    struct text_list needs, wants;
    int64_t port; /* INT_ABSENT: none */
    bool socket;
    struct text port_from, disabled_by, idle_path;
    int probe; /* enum probe_kind, or CHOICE_ABSENT: none */
    struct text probe_path;
    double ready_seconds;
    int boot; /* 1: starts with the gateway */
    double idle_stop_seconds, stop_seconds;
    int stop_signal; /* for manifest_signal() */
    int64_t memory_mb;
};

/* Lower-case letters, digits and '-', beginning with a letter. */
bool service_name_valid(const char *name, size_t n);

/* Reads services_dir/NAME/manifest.json. ERR_NOT_FOUND when there is none. */
int manifest_read(struct arena *arena, const char *services_dir, const char *name,
                  struct manifest *ret_manifest, struct err *err) MUST_CHECK;
/* The same from `n` bytes of text. */
int manifest_parse(struct arena *arena, const char *dir, const char *name, const char *text,
                   size_t n, struct manifest *ret_manifest, struct err *err) MUST_CHECK;

/* The number of its stop_signal. */
int manifest_signal(const struct manifest *manifest);

/* What the variables of `envp` change: where it listens, and whether it is wanted at all. */
int manifest_apply(struct manifest *m, const char *const *envp, bool *ret_disabled,
                   struct err *err) MUST_CHECK;

/* No service may come to need or want itself. Names that are not in the list are passed over. */
int manifest_check_order(const struct manifest *list, size_t n, struct err *err) MUST_CHECK;

/* `text` with each ${NAME} replaced from `envp`, in `arena`; NULL when memory is out. */
const char *manifest_expand(struct arena *arena, const char *text, const char *const *envp);

#endif
