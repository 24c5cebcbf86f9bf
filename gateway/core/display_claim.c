#include "core/display_claim.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

#define FIRST 99
#define LAST  999

/* X servers listen on /tmp/.X11-unix/XN (X(7)). */
static bool server_listens(int number)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    (void)snprintf(to.sun_path, sizeof to.sun_path, "/tmp/.X11-unix/X%d", number);
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
}

/* The descriptor is kept open for good: it is the claim. */
static bool claim(int number)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int n = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "sandgate-display-%d", number);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&name, size) == 0)
        return true;
    if (fd >= 0)
        (void)close(fd);
    return false;
}

int display_claim(int *ret_number, struct err *err)
{
    for (int number = FIRST; number <= LAST; number++) {
        if (server_listens(number) || !claim(number))
            continue;
        *ret_number = number;
        return 0;
    }
    return err_set(err, ERR_LIMIT, "--display: no number from %d to %d is free", FIRST, LAST);
}
