/* io/zmtp.h: a connection of ours to a ZeroMQ socket of a local process, speaking ZMTP 3.0 (ZeroMQ
 * RFC 23, mechanism NULL) over a Unix socket. A DEALER speaks to a ROUTER, a SUB hears all that a
 * PUB says.
 *
 * It is on our own loop and reads no more than there is room for: a peer that floods waits. Which
 * processes may listen at the address is for the folder it lies in to decide. Loop thread only. */
#ifndef SANDGATE_IO_ZMTP_H
#define SANDGATE_IO_ZMTP_H

#include <stddef.h>

#include "base/err.h"
#include "base/json.h"
#include "io/address.h"
#include "io/loop.h"

/* Parts of one message. */
#define ZMTP_PARTS 32

enum zmtp_kind { ZMTP_DEALER, ZMTP_SUB };

struct zmtp_hooks {
    /* The peer's socket is there and what is sent will reach it. */
    void (*opened)(void *arg);
    /* A whole message; it holds until the hook returns. The connection may be closed in here. */
    void (*message)(void *arg, const struct text *parts, size_t n);
    /* Broken, or not what it should be: the last call. Close it then. */
    void (*broken)(void *arg, const char *why);
    void *arg;
};

struct zmtp_spec {
    struct loop *loop;
    const struct address *address;
    enum zmtp_kind kind;
    size_t ceiling; /* of one message in all its parts, both ways */
    struct zmtp_hooks hooks;
};

struct zmtp;

/* Fails with ERR_UNAVAILABLE when nothing listens (yet). Hooks never run inside these calls. */
int zmtp_open(const struct zmtp_spec *spec, struct zmtp **ret_zmtp, struct err *err) MUST_CHECK;
/* Once it is open. */
int zmtp_send(struct zmtp *zmtp, const struct text *parts, size_t n, struct err *err) MUST_CHECK;
/* No hook is called any more. NULL is fine. */
void zmtp_close(struct zmtp *zmtp);

#endif
