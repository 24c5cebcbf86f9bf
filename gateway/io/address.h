/* io/address.h: where a local service listens: a Unix socket, or a port of the loopback. Plain
 * value; any thread. */
#ifndef SANDGATE_IO_ADDRESS_H
#define SANDGATE_IO_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct address {
    char path[108]; /* of a Unix socket, absolute; "" when it is a port */
    uint16_t port;  /* of 127.0.0.1 */
    bool or_v6;     /* or of ::1, where nothing listens on 127.0.0.1 */
};

static inline bool address_given(const struct address *a)
{
    return a->path[0] || a->port;
}

/* Begin to connect without blocking: *ret_fd is a non-blocking socket, connected or about to be
 * (writable when decided; SO_ERROR says how). Fails at once with ERR_UNAVAILABLE when nothing
 * listens. */
int address_connect(const struct address *address, int *ret_fd, struct err *err) MUST_CHECK;
/* The same to ::1. */
int address_connect_v6(const struct address *address, int *ret_fd, struct err *err) MUST_CHECK;

#endif
