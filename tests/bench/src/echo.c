/* echo PORT: a web app for the tunnel to lead to: answers the WebSocket handshake of src/ws.c and
 * then sends back whatever comes, until it is ended. One thread, epoll. */
#include "clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FD 1024
#define HEAD   4096

/* The answer to the one key that src/ws.c sends (RFC 6455 section 4.2.2). */
#define ACCEPT "Jxcz4XjiX/UszULEIEzu7HjNioM="

static bool greeted[MAX_FD];

static int listen_on(size_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 128) != 0)
        die("port %zu: %s", port, strerror(errno));
    return fd;
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (fd >= MAX_FD || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        die("cannot watch descriptor %d", fd);
}

static void take_connection(int epoll, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), on = 1;

    if (fd < 0)
        return;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    watch(epoll, fd);
    greeted[fd] = false;
}

/* Blocking: who measures reads what it has sent before it sends more. */
static void send_whole(int fd, const char *at, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        at += sent;
        n -= (size_t)sent;
    }
}

/* Heads are sent at once by what stands before us, so one read has the whole of it. */
static void serve(int fd)
{
    static const char hello[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n";
    static char bytes[1 << 16];
    ssize_t got = recv(fd, bytes, sizeof(bytes), 0);

    if (got <= 0) {
        close(fd);
        return;
    }
    if (greeted[fd]) {
        send_whole(fd, bytes, (size_t)got);
        return;
    }
    if (got < 4 || got > HEAD || memcmp(bytes + got - 4, "\r\n\r\n", 4) != 0)
        die("not the head of one request");
    greeted[fd] = true;
    send_whole(fd, hello, sizeof(hello) - 1);
}

int main(int argc, char **argv)
{
    struct epoll_event events[64];
    int epoll, listener;

    if (argc != 2)
        die("usage: echo PORT");
    epoll = epoll_create1(EPOLL_CLOEXEC);
    listener = listen_on(number_arg(argv[1], 65535, "PORT"));
    watch(epoll, listener);
    for (;;) {
        int n = epoll_wait(epoll, events, 64, -1);

        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == listener)
                take_connection(epoll, listener);
            else
                serve(events[i].data.fd);
        }
    }
}
