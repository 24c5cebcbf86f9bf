/* first PATH BODY EXPECT PROGRAM ARG…: starts the gateway, asks it one thing the moment it serves,
 * and prints the milliseconds from just before the fork to the whole answer. The gateway is then
 * ended and must leave with status 0. The serving moment is its "listening http://ADDR:PORT" line,
 * so nothing is polled. */
#include "clock.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static struct wire wire;
static pid_t gateway;

/* die() leaves through exit(): the gateway must not stay behind. */
static void end_gateway(void)
{
    if (gateway > 0)
        kill(gateway, SIGKILL);
}

static int start(char **argv)
{
    posix_spawn_file_actions_t actions;
    int ends[2], error;

    if (pipe2(ends, O_CLOEXEC) != 0)
        die("pipe2: %s", strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    error = posix_spawn(&gateway, argv[0], &actions, NULL, argv, environ);
    if (error != 0)
        die("%s: %s", argv[0], strerror(error));
    atexit(end_gateway);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    return ends[0];
}

static size_t read_port(int fd)
{
    char line[128] = "";
    size_t length = 0;
    const char *colon;

    while (length < sizeof(line) - 1 && memchr(line, '\n', length) == NULL) {
        ssize_t got = read(fd, line + length, sizeof(line) - 1 - length);

        if (got <= 0)
            die("the gateway ended before it served");
        length += (size_t)got;
    }
    line[length] = '\0';
    line[strcspn(line, "\n")] = '\0';
    colon = strrchr(line, ':');
    if (strncmp(line, "listening http://", 17) != 0 || colon == NULL)
        die("unexpected first line: %s", line);
    return number_arg(colon + 1, 65535, "the port served");
}

int main(int argc, char **argv)
{
    char *request;
    int64_t from;
    double taken;
    int lines, status;

    if (argc < 5)
        die("usage: first PATH BODY EXPECT PROGRAM ARG…");
    request = http_request(argv[1], argv[2]);
    from = now_ns();
    lines = start(argv + 4);
    wire_open(&wire, read_port(lines));
    http_ask(&wire, request, argv[3]);
    taken = (double)(now_ns() - from) / 1e6;
    kill(gateway, SIGTERM);
    if (waitpid(gateway, &status, 0) != gateway)
        die("waitpid: %s", strerror(errno));
    gateway = 0;
    if (status != 0)
        die("the gateway did not leave with status 0 on SIGTERM (wait status %#x)",
            (unsigned)status);
    printf("%.2f\n", taken);
    free(request);
    return 0;
}
