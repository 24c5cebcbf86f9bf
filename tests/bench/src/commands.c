/* commands PORT BLOCKS COUNT: what running `true` costs through the gateway and without it, side by
 * side. PORT 0 leaves the gateway out. Three ways take turns in blocks of COUNT runs, BLOCKS times:
 *   gateway  POST /v1/bash/exec on one keep-alive connection
 *   plain    posix_spawn of `bash -c true`, then waitpid
 *   piped    the same with pipes on stdin, stdout and stderr, read to their ends as any command
 * runner must Prints "GATEWAY PLAIN PIPED RATIO_PLAIN RATIO_PIPED": medians over blocks of the
 * block's p50 in milliseconds, and the medians of the blocks' own ratios, which a machine that
 * speeds up or slows down between blocks does not disturb. */
#include "clock.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GATEWAY, PLAIN, PIPED, WAYS, BLOCKS_MOST = 1000, COUNT_MOST = 10000 };

extern char **environ;
static char *const command[] = {(char[]){"bash"}, (char[]){"-c"}, (char[]){"true"}, NULL};
static struct wire wire;

static void start(pid_t *ret, const posix_spawn_file_actions_t *actions)
{
    int error = posix_spawnp(ret, command[0], actions, NULL, command, environ);

    if (error != 0)
        die("posix_spawn: %s", strerror(error));
}

static void await(pid_t child)
{
    int status;

    if (waitpid(child, &status, 0) != child || status != 0)
        die("bash -c true failed");
}

static void run_plain(void)
{
    pid_t child;

    start(&child, NULL);
    await(child);
}

static void make_pipe(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) != 0)
        die("pipe2: %s", strerror(errno));
}

/* Reads both outputs until the command has closed them. */
static void drain(int out, int err)
{
    struct pollfd sources[2] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};
    int living = 2;
    char buffer[4096];

    while (living > 0) {
        if (poll(sources, 2, -1) < 0 && errno != EINTR)
            die("poll: %s", strerror(errno));
        for (int i = 0; i < 2; i++) {
            if (sources[i].revents == 0 || read(sources[i].fd, buffer, sizeof(buffer)) > 0)
                continue;
            close(sources[i].fd);
            sources[i].fd = -1; /* poll passes over it from now on */
            sources[i].revents = 0;
            living--;
        }
    }
}

static void run_piped(void)
{
    posix_spawn_file_actions_t actions;
    int in[2], out[2], err[2];
    pid_t child;

    make_pipe(in);
    make_pipe(out);
    make_pipe(err);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
    start(&child, &actions);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    close(err[1]);
    close(in[1]);
    drain(out[0], err[0]);
    await(child);
}

static void run_gateway(void)
{
    static const char request[] = "POST /v1/bash/exec HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                                  "Content-Type: application/json\r\nContent-Length: 18\r\n\r\n"
                                  "{\"command\":\"true\"}";

    http_ask(&wire, request, "\"exit_code\":0");
}

static void (*const ways[WAYS])(void) = {
    [GATEWAY] = run_gateway, [PLAIN] = run_plain, [PIPED] = run_piped};

static int64_t block_p50(void (*run)(void), size_t count)
{
    static int64_t timings[COUNT_MOST];

    for (size_t i = 0; i < count; i++) {
        int64_t from = now_ns();

        run();
        timings[i] = now_ns() - from;
    }
    return quantile(timings, count, 0.5);
}

int main(int argc, char **argv)
{
    static int64_t p50[WAYS][BLOCKS_MOST], ratio[WAYS][BLOCKS_MOST]; /* ratios in millionths */
    size_t blocks, count;
    int first;

    if (argc != 4)
        die("usage: commands PORT BLOCKS COUNT");
    blocks = number_arg(argv[2], BLOCKS_MOST, "BLOCKS");
    count = number_arg(argv[3], COUNT_MOST, "COUNT");
    first = strcmp(argv[1], "0") == 0 ? PLAIN : GATEWAY;
    if (first == GATEWAY)
        wire_open(&wire, number_arg(argv[1], 65535, "PORT"));
    for (int way = first; way < WAYS; way++)
        block_p50(ways[way], count); /* warm-up */
    for (size_t b = 0; b < blocks; b++) {
        for (int way = first; way < WAYS; way++)
            p50[way][b] = block_p50(ways[way], count);
        for (int way = PLAIN; way < WAYS; way++)
            ratio[way][b] = p50[GATEWAY][b] * 1000000 / p50[way][b];
    }
    for (int way = GATEWAY; way < WAYS; way++)
        printf("%.3f ", (double)quantile(p50[way], blocks, 0.5) / 1e6);
    printf("%.3f %.3f\n", (double)quantile(ratio[PLAIN], blocks, 0.5) / 1e6,
           (double)quantile(ratio[PIPED], blocks, 0.5) / 1e6);
    return 0;
}
