/* gateway.h: the gateway under test as a process in directories of its own, and what it holds. */
#ifndef SOAK_GATEWAY_H
#define SOAK_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct gateway {
    pid_t pid;
    uint16_t port;
    char root[64]; /* home, workspace, state and the log lie in it */
};

struct holding {
    long rss_kib, fds, processes, zombies, files; /* files: of its state, but for the database's */
    long commands, sessions;                      /* rows of the history */
    double cpu_seconds;
};

/* Ends the program when it cannot be started. */
void gateway_start(struct gateway *gateway, const char *program);
struct holding gateway_holds(const struct gateway *gateway);
/* The exit code, or -1 when it had to be killed. */
int gateway_stop(struct gateway *gateway);
/* Processes that have its home in their environment. */
long gateway_processes(const struct gateway *gateway);
/* Whether a sanitiser spoke up in the log. */
bool gateway_log_clean(const struct gateway *gateway);
void gateway_forget(const struct gateway *gateway);

#endif
