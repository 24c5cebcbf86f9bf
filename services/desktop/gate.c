#include "desktop/gate.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PREPARE_SECONDS 15

/* Not close-on-exec: the program is to hold it. */
static int bind_ready(int *ret_fd, struct err *err)
{
    const char *run = getenv("SERVICE_RUN");
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (!run)
        return err_set(err, ERR_INVALID, "SERVICE_RUN is not set");
    int n = snprintf(name.sun_path, sizeof name.sun_path, "%s/ready", run);
    if (n < 0 || (size_t)n >= sizeof name.sun_path)
        return err_set(err, ERR_INVALID, "%s is too long a folder name for sockets", run);
    (void)unlink(name.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof name) < 0)
        return err_errno(err, errno, "cannot make the socket %s", name.sun_path);
    *ret_fd = fd;
    return 0;
}

static void prepare_and_listen(int fd, pid_t program, int (*prepare)(void *arg, struct err *err),
                               void *arg)
{
    struct err err = ERR_INIT;
    (void)alarm(PREPARE_SECONDS);
    if (prepare(arg, &err) == 0 && listen(fd, SOMAXCONN) == 0)
        _exit(0);
    (void)fprintf(stderr, "%s\n", err.kind ? err.text : "cannot listen");
    (void)kill(program, SIGTERM);
    _exit(1);
}

int gate_open(int (*prepare)(void *arg, struct err *err), void *arg, struct err *err)
{
    int fd = -1, status;
    if (bind_ready(&fd, err) < 0)
        return -1;
    pid_t program = getpid();
    pid_t child = fork();
    if (child < 0)
        return err_errno(err, errno, "cannot fork");
    if (child == 0) {
        /* The grandchild does the work: the program would not wait for a child it does not know. */
        pid_t grandchild = fork();
        if (grandchild == 0)
            prepare_and_listen(fd, program, prepare, arg);
        _exit(grandchild < 0);
    }
    if (waitpid(child, &status, 0) < 0 || status != 0)
        return err_set(err, ERR_SYSTEM, "cannot fork");
    return 0;
}
