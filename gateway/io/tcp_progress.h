/* io/tcp_progress.h: how far a TCP connection has come, as the kernel counts it: it is the kernel
 * that sends, so no one else can tell a peer that takes its answer from one that only holds it. */
#ifndef SANDGATE_IO_TCP_PROGRESS_H
#define SANDGATE_IO_TCP_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct tcp_progress {
    uint64_t received; /* bytes that came, ever */
    uint64_t taken;    /* bytes the peer has acknowledged, ever */
    bool held;         /* something waits here because the peer does not take it */
};

/* False where the kernel does not count (no TCP socket, an old kernel). */
bool tcp_progress(int fd, struct tcp_progress *ret_progress);

#endif
