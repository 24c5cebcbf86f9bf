/* phases.h: what the gateway is put through. Each returns when everything it began has ended. */
#ifndef SOAK_PHASES_H
#define SOAK_PHASES_H

#include <stdint.h>

struct site {
    uint16_t gateway, app; /* ports */
    const char *folder;    /* where files may be written */
};

/* `connections` clients at once, of every kind, for so many seconds. */
void load_run(const struct site *site, unsigned connections, unsigned seconds);
/* 64 clients that run commands without a pause. */
void exec_run(const struct site *site, unsigned seconds);
/* Sessions made, used and deleted. */
void cycles_run(const struct site *site, unsigned cycles);

/* ---- for the phases ---- */

/* Runs `fn(arg of i)` on `n` threads with small stacks and waits for all. */
void crowd_run(unsigned n, void *(*fn)(void *), void *args, unsigned size);
/* The next number of a sequence of one's own. */
uint32_t chance(uint32_t *state);

#endif
