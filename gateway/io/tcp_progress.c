#include "io/tcp_progress.h"

#include <linux/sockios.h>
#include <linux/tcp.h> /* netinet/tcp.h ends before the counters */
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

bool tcp_progress(int fd, struct tcp_progress *ret_progress)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    int unsent = 0;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 ||
        size < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received ||
        ioctl(fd, SIOCOUTQNSD, &unsent) < 0)
        return false;
    *ret_progress =
        (struct tcp_progress){info.tcpi_bytes_received, info.tcpi_bytes_acked, unsent > 0};
    return true;
}
