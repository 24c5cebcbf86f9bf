/* http/tunnel.h: joins two sockets until one ends. The only place that knows how to relay bytes
 * both ways: what cannot be written yet is kept (at most 64 KiB a direction) and its source is not
 * read meanwhile. A half-close is passed on; from then on the other side must keep talking (60 s).
 * Loop thread only. */
#ifndef SANDGATE_HTTP_TUNNEL_H
#define SANDGATE_HTTP_TUNNEL_H

#include <stddef.h>

#include "base/err.h"
#include "io/loop.h"

struct tunnel;

struct tunnel_side {
    int fd;
    /* Give the socket back: called once, after which the fd is not touched. */
    void (*release)(void *arg);
    void *arg;
    /* Bytes that were already read from it. */
    const char *first;
    size_t first_n;
};

/* Takes both sides, also on failure. With `skip_head`, what `b` sends up to and including the first
 * empty line is dropped (a handshake answer that was already given). The tunnel frees itself when
 * it ends; *ret_tunnel (may be NULL) is for tunnel_end() until the sides are released. */
int tunnel_open(struct loop *loop, const struct tunnel_side *a, const struct tunnel_side *b,
                int skip_head, struct tunnel **ret_tunnel, struct err *err) MUST_CHECK;
/* At once, whatever is under way. */
void tunnel_end(struct tunnel *tunnel);

#endif
