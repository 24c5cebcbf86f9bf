#include "desktop/listen.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

int listen_at(const char *path, int *ret_fd, struct err *err)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if (n >= sizeof name.sun_path)
        return err_set(err, ERR_INVALID, "%s is too long a path for a socket", path);
    memcpy(name.sun_path, path, n);
    (void)unlink(path);
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof name) < 0 || listen(fd, SOMAXCONN) < 0)
        return err_errno(err, errno, "cannot listen on %s", path);
    *ret_fd = steal_fd(&fd);
    return 0;
}
