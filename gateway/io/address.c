#include "io/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/mem.h"

static int begin(int fd, const void *address, socklen_t size, struct err *err)
{
    if (connect(fd, address, size) == 0 || errno == EINPROGRESS)
        return 0;
    /* EAGAIN: the backlog of a Unix socket is full. */
    int why = errno;
    (void)err_set(err, ERR_UNAVAILABLE, "cannot connect: %s", strerrordesc_np(why));
    err->sys = why;
    return -1;
}

static int connect_unix(const struct address *a, int fd, struct err *err)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    (void)snprintf(to.sun_path, sizeof to.sun_path, "%s", a->path);
    return begin(fd, &to, sizeof to, err);
}

static void send_at_once(int fd)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static int connect_port(const struct address *a, int fd, struct err *err)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(a->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    send_at_once(fd);
    return begin(fd, &to, sizeof to, err);
}

int address_connect_v6(const struct address *a, int *ret_fd, struct err *err)
{
    struct sockaddr_in6 to = {
        .sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    cleanup_close int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(err, errno, "cannot open a socket");
    send_at_once(fd);
    if (begin(fd, &to, sizeof to, err) < 0)
        return -1;
    *ret_fd = steal_fd(&fd);
    return 0;
}

int address_connect(const struct address *a, int *ret_fd, struct err *err)
{
    int family = a->path[0] ? AF_UNIX : AF_INET;
    cleanup_close int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(err, errno, "cannot open a socket");
    if ((family == AF_UNIX ? connect_unix(a, fd, err) : connect_port(a, fd, err)) < 0)
        return -1;
    *ret_fd = steal_fd(&fd);
    return 0;
}
