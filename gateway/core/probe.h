/* core/probe.h: asking a service whether it is there yet.
 *
 * Asked again and again, quickly at first, until it answers or the time is up. Loop thread only. */
#ifndef SANDGATE_CORE_PROBE_H
#define SANDGATE_CORE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/address.h"
#include "io/loop.h"

enum probe_kind {
    PROBE_TCP,  /* a port accepts a connection */
    PROBE_UNIX, /* so does a socket */
    PROBE_HTTP, /* GET answers 2xx */
};

struct probe_spec {
    enum probe_kind kind;
    struct address address;
    const char *target; /* of the GET; borrowed */
    uint64_t deadline_ms;
    void (*done)(void *arg, bool ready); /* once, later; the probe is gone then */
    void *arg;
};

struct probe;
int probe_open(struct loop *loop, const struct probe_spec *spec, struct probe **ret_probe,
               struct err *err) MUST_CHECK;
/* `done` will not be called. NULL is fine. */
void probe_close(struct probe *probe);

#endif
