/* core/command.h: one bash command: a child in its own process group with pipes, its two output
 * logs, and how it ended.
 *
 * A command ends when its process ends; what it leaves in the background may keep writing to the
 * logs, but holds no one up. Observers are told of news and of the end. Loop thread only. */
#ifndef SANDGATE_CORE_COMMAND_H
#define SANDGATE_CORE_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ident.h"
#include "base/json.h"
#include "base/observers.h"
#include "core/outlog.h"
#include "io/loop.h"
#include "io/spawn.h"

enum command_status {
    COMMAND_PENDING,
    COMMAND_RUNNING,
    COMMAND_COMPLETED,
    COMMAND_TIMED_OUT,
    COMMAND_KILLED,
};
extern const char *const command_status_names[];

struct command;

struct command_spec {
    struct loop *loop;
    struct children *children;
    const char *output_dir; /* for logs that grow, and for long scripts */
    uint64_t output_ceiling;
    struct text text;
    const char *cwd;
    const char *const *envp;
    const char *snapshot;     /* sourced first; NULL: none */
    uint64_t hard_timeout_ms; /* 0: none */
    void (*ended)(void *arg, struct command *command);
    void *arg;
};

struct command {
    char id[IDENT_SIZE];
    char *text;
    size_t text_length;
    enum command_status status;
    struct exit_status exit; /* once ended by itself or a signal */
    bool exited;
    int64_t started_at, ended_at; /* ms since the epoch */
    struct outlog out, errors;
    struct observers observers; /* told of output and of the end */
    struct command *next;       /* for its owner's lists */
    /* the rest is command.c's */
    struct command_inside *inside;
};

/* Not started yet: COMMAND_PENDING. Copies what it needs of the spec. */
int command_new(const struct command_spec *spec, struct command **ret_command,
                struct err *err) MUST_CHECK;
int command_start(struct command *command, struct err *err) MUST_CHECK;
/* Kills the group if it still runs, tells nobody, frees. NULL is fine. */
void command_free(struct command *command);

bool command_ended(const struct command *command);
/* Send a signal to the whole group. SIGTERM and SIGKILL make the status `killed`; SIGTERM is
 * followed by SIGKILL after two seconds. A pending command is killed at once. */
void command_signal(struct command *command, int signal);
/* Kill the group and call it ended (killed) without waiting for the process. */
void command_end_now(struct command *command);
/* Queue bytes for its standard input (ceiling 1 MiB), and close it after them if `end`. */
int command_write(struct command *command, const char *data, size_t n, bool end,
                  struct err *err) MUST_CHECK;

#endif
