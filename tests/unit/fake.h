/* fake.h: tests/fakes/upstream.py as a child, for unit tests that need a service to talk to. */
#ifndef SANDGATE_TESTS_FAKE_H
#define SANDGATE_TESTS_FAKE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "io/address.h"

static inline uint16_t fake_free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int r = bind(fd, (struct sockaddr *)&at, size);
    if (r == 0)
        r = getsockname(fd, (struct sockaddr *)&at, &size);
    (void)close(fd);
    return r == 0 ? ntohs(at.sin_port) : 0;
}

static inline void fake_exec(const struct address *address, const char *name)
{
    char port[16];
    (void)snprintf(port, sizeof port, "%u", address->port);
    (void)setenv("SERVICE_PORT", port, 1);
    (void)setenv("SERVICE_SOCKET", address->path, 1);
    (void)setenv("FAKE_QUIET", "1", 1);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)execlp("python3", "python3", "tests/fakes/upstream.py", name, (char *)NULL);
    _exit(127);
}

/* "browser" on a port, or "desktop" on a Unix socket; returns when it listens. 0: it did not. */
static inline pid_t fake_start(const char *name, const struct address *address)
{
    int out[2];
    char byte = 0;
    if (pipe(out) < 0)
        return 0;
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(out[1], 1);
        (void)close(out[0]);
        (void)close(out[1]);
        fake_exec(address, name);
    }
    (void)close(out[1]);
    while (byte != '\n' && read(out[0], &byte, 1) == 1)
        ;
    (void)close(out[0]);
    return byte == '\n' ? pid : 0;
}

static inline void fake_stop(pid_t pid)
{
    if (pid <= 0)
        return;
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

#endif
