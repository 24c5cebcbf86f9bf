#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

/* Who root becomes inside: any number but root's does. */
#define INNER_ID 1000U

static int write_text(const char *path, const char *text)
{
    cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n = (ssize_t)strlen(text);
    return fd >= 0 && write(fd, text, (size_t)n) == n ? 0 : -1;
}

/* One user and one group, as far as an unprivileged process may map them (user_namespaces(7)). */
static int enter_namespaces(int flags, unsigned inner_uid, unsigned inner_gid)
{
    char uids[64], gids[64];
    (void)snprintf(uids, sizeof uids, "%u %u 1", inner_uid, (unsigned)geteuid());
    (void)snprintf(gids, sizeof gids, "%u %u 1", inner_gid, (unsigned)getegid());
    if (unshare(CLONE_NEWUSER | flags) < 0)
        return -1;
    if (write_text("/proc/self/setgroups", "deny") < 0 ||
        write_text("/proc/self/uid_map", uids) < 0)
        return -1;
    return write_text("/proc/self/gid_map", gids);
}

/* As execve() does for one who is not root; glibc has no name for it. */
static int drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return (int)syscall(SYS_capset, &head, none);
}

/* In the child: what Chromium's launch of its first sandboxed process does. */
static int rehearse(void)
{
    unsigned uid = (unsigned)geteuid(), gid = (unsigned)getegid();
    if (uid == 0) {
        if (enter_namespaces(0, INNER_ID, INNER_ID) < 0 || drop_capabilities() < 0)
            return -1;
        uid = gid = INNER_ID;
    }
    if (enter_namespaces(CLONE_NEWPID | CLONE_NEWNET, uid, gid) < 0)
        return -1;
    return chroot("/proc/self/fdinfo");
}

/* 0, or the errno value that the rehearsal ended with. */
static int outcome(void)
{
    int status;
    pid_t child = fork();
    if (child < 0)
        return errno;
    if (child == 0)
        _exit(rehearse() == 0 ? 0 : errno);
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
}

int confine(bool *ret_sandboxed, struct err *err)
{
    int refused = outcome();
    if (refused) {
        log_warn("Chromium runs without its own sandbox: user namespaces are refused here (%s)",
                 err_errno_name(refused));
        *ret_sandboxed = false;
        return 0;
    }
    if (geteuid() == 0 && enter_namespaces(0, INNER_ID, INNER_ID) < 0)
        return err_errno(err, errno, "cannot enter a user namespace");
    *ret_sandboxed = true;
    return 0;
}
