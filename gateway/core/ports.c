#include "core/ports.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/mem.h"

#define LISTENING 10 /* TCP_LISTEN of the kernel's socket states */
/* Connection lines of /proc/net/tcp that are passed over in search of listeners. */
#define MAX_LINES 20000

/* ---- asking the kernel for listeners only (sock_diag(7)) ---- */

static bool ask(int fd, unsigned char family)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 ask;
    } message = {
        .head = {.nlmsg_len = sizeof message,
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .ask = {.sdiag_family = family,
                .sdiag_protocol = IPPROTO_TCP,
                .idiag_states = 1U << LISTENING},
    };
    return send(fd, &message, sizeof message, 0) == (ssize_t)sizeof message;
}

enum told { TOLD_MORE, TOLD_ALL, TOLD_NOTHING };

static enum told take_messages(const struct nlmsghdr *m, size_t n, bool *taken)
{
    for (; NLMSG_OK(m, n); m = NLMSG_NEXT(m, n)) {
        if (m->nlmsg_type == NLMSG_DONE)
            return TOLD_ALL;
        if (m->nlmsg_type == NLMSG_ERROR)
            return TOLD_NOTHING;
        const struct inet_diag_msg *socket_found = NLMSG_DATA(m);
        if (m->nlmsg_len >= NLMSG_LENGTH(sizeof *socket_found))
            taken[ntohs(socket_found->id.idiag_sport)] = true;
    }
    return TOLD_MORE;
}

static bool from_kernel(unsigned char family, bool *taken)
{
    _Alignas(struct nlmsghdr) char buffer[16384];
    struct timeval patience = {.tv_sec = 1};
    cleanup_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0 || !ask(fd, family))
        return false;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (;;) {
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        if (n <= 0)
            return false;
        enum told told = take_messages((const void *)buffer, (size_t)n, taken);
        if (told != TOLD_MORE)
            return told == TOLD_ALL;
    }
}

/* ---- reading all sockets, where the above is not offered ---- */

/* "  0: 0100007F:1F90 00000000:0000 0A …" (proc(5)): local address, remote address, state. */
int ports_of_line(const char *line)
{
    unsigned port, state;
    if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x", &port, &state) != 2)
        return -1;
    return state == LISTENING && port <= UINT16_MAX ? (int)port : -1;
}

static void from_file(const char *path, bool *taken)
{
    char line[512];
    cleanup_file FILE *file = fopen(path, "re");
    for (int i = 0; file && i < MAX_LINES && fgets(line, sizeof line, file); i++) {
        int port = ports_of_line(line);
        if (port >= 0)
            taken[port] = true;
    }
}

void ports_listening(bool taken[PORTS_ALL])
{
    if (!from_kernel(AF_INET, taken))
        from_file("/proc/net/tcp", taken);
    if (!from_kernel(AF_INET6, taken))
        from_file("/proc/net/tcp6", taken);
}
