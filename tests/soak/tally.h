/* tally.h: what was asked, how long it took and what went wrong, by kind of request. Any thread. */
#ifndef SOAK_TALLY_H
#define SOAK_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kind {
    KIND_REST,       /* small JSON answers */
    KIND_FILE,       /* a file written and read back */
    KIND_PROXY,      /* an app behind /proxy/{port}/ */
    KIND_TERMINAL,   /* a line typed into a terminal until its output is seen */
    KIND_SOCKET,     /* a WebSocket of an app behind /proxy/{port}/ */
    KIND_EVENTS,     /* a command as server-sent events */
    KIND_QUIT,       /* a client that leaves in the middle */
    KIND_BASH,       /* bash exec */
    KIND_SHELL,      /* shell exec */
    KIND_BASH_CYCLE, /* a session made, used and deleted */
    KIND_SHELL_CYCLE,
    KIND_NODE_CYCLE,
    KIND_JUPYTER_CYCLE,
    KINDS
};

uint64_t now_us(void); /* monotonic */

/* One request answered as it should be, `since` then. */
void tally_good(enum kind kind, uint64_t since);
/* One that was not; `wedged`: no answer came at all. The first ones are shown as they come. */
void tally_bad(enum kind kind, bool wedged, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

uint64_t tally_errors(void);
uint64_t tally_wedges(void);
uint64_t tally_total(void);
/* Forgets everything: what follows is measured. */
void tally_clear(void);
void tally_print(void);

#endif
