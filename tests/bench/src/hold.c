/* hold PORT PATH COUNT: opens COUNT keep-alive connections, asks PATH once on each, prints "held
 * COUNT" and keeps them open and idle until a line (or the end) comes on stdin; then asks once more
 * on each to prove all were kept. */
#include "clock.h"
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { COUNT_MOST = 20000 };

static struct wire
    wire; /* one buffer serves all: each exchange is read to its end before the next begins */

static void allow_files(size_t count)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        die("getrlimit: %s", strerror(errno));
    if (limit.rlim_cur >= count)
        return;
    limit.rlim_cur = limit.rlim_max < count ? limit.rlim_max : count;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < count)
        die("this machine does not allow %zu open files", count);
}

static void ask_all(const int *fds, size_t count, const char *request)
{
    for (size_t i = 0; i < count; i++) {
        wire.fd = fds[i];
        wire.start = wire.end = 0;
        http_ask(&wire, request, NULL);
    }
}

int main(int argc, char **argv)
{
    static int fds[COUNT_MOST];
    size_t count, port;
    char *request;

    if (argc != 4)
        die("usage: hold PORT PATH COUNT");
    port = number_arg(argv[1], 65535, "PORT");
    count = number_arg(argv[3], COUNT_MOST, "COUNT");
    request = http_request(argv[2], NULL);
    allow_files(count + 16);
    for (size_t i = 0; i < count; i++) {
        wire_open(&wire, port);
        fds[i] = wire.fd;
    }
    ask_all(fds, count, request);
    printf("held %zu\n", count);
    fflush(stdout);
    getchar();
    ask_all(fds, count, request);
    printf("kept %zu\n", count);
    free(request);
    return 0;
}
