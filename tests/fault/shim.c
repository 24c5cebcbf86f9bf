/* The calls a gateway makes, each able to fail at will; see shim.h. Built without sanitizers and
 * without the project's forced includes. The lines CALLn(…) are also the list of what the linker
 * wraps: the Makefile reads the names from them. */
#include "shim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <termios.h>
#include <unistd.h>

struct fault_page *fault_page;

extern const char __executable_start[];

static void __attribute__((constructor)) fault_open(void)
{
    const char *path = getenv("SANDGATE_FAULT_PAGE");
    int fd = path ? __extension__ open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *page = mmap(NULL, sizeof *fault_page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED)
        fault_page = page;
}

/* Also runs between vfork and exec: atomics and stores only. */
static bool fault(unsigned kind, const char *name, const void *site)
{
    struct fault_page *page = fault_page;
    if (!page || !(atomic_load_explicit(&page->kinds, memory_order_relaxed) & kind))
        return false;
    uint64_t first = atomic_load(&page->fail_at), n = atomic_fetch_add(&page->count, 1) + 1;
    if (!first || n < first || n >= first + atomic_load(&page->run))
        return false;
    if (atomic_fetch_add(&page->fired, 1) == 0) {
        atomic_store(&page->site, (uint64_t)((const char *)site - __executable_start));
        for (size_t i = 0; i < sizeof page->name - 1 && name[i]; i++) {
            page->name[i] = name[i];
            page->name[i + 1] = '\0';
        }
    }
    return true;
}

#define HERE __builtin_return_address(0)

/* name, kinds, errno, what comes back, its type, the parameters */
#define CALL0(name, kind, error, failed, type)                                                     \
    type __real_##name(void);                                                                      \
    type __wrap_##name(void);                                                                      \
    type __wrap_##name(void)                                                                       \
    {                                                                                              \
        if (fault(kind, #name, HERE))                                                              \
            return errno = (error), (failed);                                                      \
        return __real_##name();                                                                    \
    }
#define CALL1(name, kind, error, failed, type, A)                                                  \
    type __real_##name(A);                                                                         \
    type __wrap_##name(A);                                                                         \
    type __wrap_##name(A a)                                                                        \
    {                                                                                              \
        if (fault(kind, #name, HERE))                                                              \
            return errno = (error), (failed);                                                      \
        return __real_##name(a);                                                                   \
    }
#define CALL2(name, kind, error, failed, type, A, B)                                               \
    type __real_##name(A, B);                                                                      \
    type __wrap_##name(A, B);                                                                      \
    type __wrap_##name(A a, B b)                                                                   \
    {                                                                                              \
        if (fault(kind, #name, HERE))                                                              \
            return errno = (error), (failed);                                                      \
        return __real_##name(a, b);                                                                \
    }
#define CALL3(name, kind, error, failed, type, A, B, C)                                            \
    type __real_##name(A, B, C);                                                                   \
    type __wrap_##name(A, B, C);                                                                   \
    type __wrap_##name(A a, B b, C c)                                                              \
    {                                                                                              \
        if (fault(kind, #name, HERE))                                                              \
            return errno = (error), (failed);                                                      \
        return __real_##name(a, b, c);                                                             \
    }
#define CALL4(name, kind, error, failed, type, A, B, C, D)                                         \
    type __real_##name(A, B, C, D);                                                                \
    type __wrap_##name(A, B, C, D);                                                                \
    type __wrap_##name(A a, B b, C c, D d)                                                         \
    {                                                                                              \
        if (fault(kind, #name, HERE))                                                              \
            return errno = (error), (failed);                                                      \
        return __real_##name(a, b, c, d);                                                          \
    }
#define CALL5(name, kind, error, failed, type, A, B, C, D, E)                                      \
    type __real_##name(A, B, C, D, E);                                                             \
    type __wrap_##name(A, B, C, D, E);                                                             \
    type __wrap_##name(A a, B b, C c, D d, E e)                                                    \
    {                                                                                              \
        if (fault(kind, #name, HERE))                                                              \
            return errno = (error), (failed);                                                      \
        return __real_##name(a, b, c, d, e);                                                       \
    }

#define MEMORY FAULT_MEMORY
#define SYSTEM FAULT_SYSTEM
/* Without SA_RESTART, or where a wait has a deadline, these come back with EINTR (signal(7)); the
 * handlers of the gateway are libuv's, which restart. poll(2) is never restarted. */
#define WAITS (FAULT_SYSTEM | FAULT_INTERRUPT)
#define WHY(error)                                                                                 \
    (fault_page && (atomic_load(&fault_page->kinds) & FAULT_INTERRUPT) ? EINTR : (error))

/* ---- memory ---- */
CALL1(malloc, MEMORY, ENOMEM, NULL, void *, size_t)
CALL2(calloc, MEMORY, ENOMEM, NULL, void *, size_t, size_t)
CALL2(realloc, MEMORY, ENOMEM, NULL, void *, void *, size_t)
CALL1(strdup, MEMORY, ENOMEM, NULL, char *, const char *)
CALL2(realpath, MEMORY | SYSTEM, ENOMEM, NULL, char *, const char *, char *)
CALL3(vasprintf, MEMORY, ENOMEM, -1, int, char **, const char *, va_list)
CALL1(opendir, MEMORY | SYSTEM, ENFILE, NULL, DIR *, const char *)
CALL1(fdopendir, MEMORY | SYSTEM, ENOMEM, NULL, DIR *, int)
CALL2(fopen, MEMORY | SYSTEM, ENFILE, NULL, FILE *, const char *, const char *)

/* ---- descriptors ---- */
CALL4(accept4, SYSTEM, EMFILE, -1, int, int, struct sockaddr *, socklen_t *, int)
CALL2(pipe2, SYSTEM, EMFILE, -1, int, int *, int)
CALL3(socket, SYSTEM, EMFILE, -1, int, int, int, int)
CALL4(socketpair, SYSTEM, EMFILE, -1, int, int, int, int, int *)
CALL2(eventfd, SYSTEM, EMFILE, -1, int, unsigned, int)
CALL2(memfd_create, SYSTEM, EMFILE, -1, int, const char *, unsigned)
CALL1(posix_openpt, SYSTEM, ENOSPC, -1, int, int)
CALL2(dup2, SYSTEM, EBUSY, -1, int, int, int)
CALL3(bind, SYSTEM, EADDRINUSE, -1, int, int, const struct sockaddr *, socklen_t)
CALL2(listen, SYSTEM, EADDRINUSE, -1, int, int, int)
CALL3(connect, SYSTEM, EAGAIN, -1, int, int, const struct sockaddr *, socklen_t)
CALL3(getsockname, SYSTEM, ENOBUFS, -1, int, int, struct sockaddr *, socklen_t *)
CALL3(getpeername, SYSTEM, ENOTCONN, -1, int, int, struct sockaddr *, socklen_t *)
CALL5(setsockopt, SYSTEM, ENOMEM, -1, int, int, int, int, const void *, socklen_t)
CALL5(getsockopt, SYSTEM, ENOBUFS, -1, int, int, int, int, void *, socklen_t *)
CALL4(getaddrinfo, SYSTEM, ENOMEM, EAI_MEMORY, int, const char *, const char *,
      const struct addrinfo *, struct addrinfo **)
CALL3(poll, WAITS, WHY(ENOMEM), -1, int, struct pollfd *, nfds_t, int)
CALL2(flock, SYSTEM, ENOLCK, -1, int, int, int)
CALL4(sendfile, SYSTEM, EIO, -1, ssize_t, int, int, off_t *, size_t)

/* ---- files ---- */
CALL2(stat, SYSTEM, EIO, -1, int, const char *, struct stat *)
CALL2(lstat, SYSTEM, EIO, -1, int, const char *, struct stat *)
CALL2(fstat, SYSTEM, EIO, -1, int, int, struct stat *)
CALL4(fstatat, SYSTEM, EIO, -1, int, int, const char *, struct stat *, int)
CALL2(statvfs, SYSTEM, EIO, -1, int, const char *, struct statvfs *)
CALL2(access, SYSTEM, EIO, -1, int, const char *, int)
CALL4(faccessat, SYSTEM, EIO, -1, int, int, const char *, int, int)
CALL2(mkdir, SYSTEM, ENOSPC, -1, int, const char *, mode_t)
CALL1(mkdtemp, SYSTEM, ENOSPC, NULL, char *, char *)
CALL2(mkfifo, SYSTEM, ENOSPC, -1, int, const char *, mode_t)
CALL2(symlink, SYSTEM, ENOSPC, -1, int, const char *, const char *)
CALL5(linkat, SYSTEM, EMLINK, -1, int, int, const char *, int, const char *, int)
CALL2(rename, SYSTEM, EIO, -1, int, const char *, const char *)
CALL4(renameat, SYSTEM, EIO, -1, int, int, const char *, int, const char *)
CALL1(unlink, SYSTEM, EIO, -1, int, const char *)
CALL3(unlinkat, SYSTEM, EIO, -1, int, int, const char *, int)
CALL1(rmdir, SYSTEM, EIO, -1, int, const char *)
CALL2(ftruncate, SYSTEM, ENOSPC, -1, int, int, off_t)
CALL3(lseek, SYSTEM, EINVAL, -1, off_t, int, off_t, int)
CALL2(fchmod, SYSTEM, EPERM, -1, int, int, mode_t)
CALL2(chmod, SYSTEM, EPERM, -1, int, const char *, mode_t)
CALL3(fchown, SYSTEM, EPERM, -1, int, int, uid_t, gid_t)
CALL3(readlink, SYSTEM, EIO, -1, ssize_t, const char *, char *, size_t)
CALL4(readlinkat, SYSTEM, EIO, -1, ssize_t, int, const char *, char *, size_t)
CALL1(chdir, SYSTEM, EIO, -1, int, const char *)
CALL3(getrandom, SYSTEM, ENOSYS, -1, ssize_t, void *, size_t, unsigned)

/* ---- processes and terminals ---- */
/* The child of vfork returns through our caller's frame, so ours must be gone: the compiler leaves
 * by a jump (-O2). */
CALL0(vfork, SYSTEM, EAGAIN, -1, pid_t)
CALL3(execve, SYSTEM, ENOMEM, -1, int, const char *, char *const *, char *const *)
CALL0(setsid, SYSTEM, EPERM, -1, pid_t)
CALL1(grantpt, SYSTEM, EACCES, -1, int, int)
CALL1(unlockpt, SYSTEM, EINVAL, -1, int, int)
CALL3(ptsname_r, SYSTEM, ENOTTY, ENOTTY, int, int, char *, size_t)
CALL2(tcgetattr, SYSTEM, EIO, -1, int, int, struct termios *)
CALL3(tcsetattr, SYSTEM, EIO, -1, int, int, int, const struct termios *)

/* ---- bytes: these may also move fewer than asked ---- */
/* Pipes and event counters fail only by their other end (pipe(7), eventfd(2)). */
static bool may_fail(int fd)
{
    struct stat st;
    return __real_fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) != 0 && !S_ISFIFO(st.st_mode);
}
#define CAN_read(fd)          may_fail(fd)
#define CAN_write(fd)         may_fail(fd)
#define CAN_pread(fd)         true
#define CAN_pwrite(fd)        true
#define CAN_recv(fd)          true
#define CAN_send(fd)          true
#define SHORTEN(name, can, n) ((n) > 1 && (can) && fault(FAULT_SHORT, name, HERE) ? 1 : (n))
#define BYTES3(name, error, P)                                                                     \
    ssize_t __real_##name(int, P, size_t);                                                         \
    ssize_t __wrap_##name(int, P, size_t);                                                         \
    ssize_t __wrap_##name(int fd, P p, size_t n)                                                   \
    {                                                                                              \
        if (CAN_##name(fd) && fault(WAITS, #name, HERE))                                           \
            return errno = WHY(error), -1;                                                         \
        return __real_##name(fd, p, SHORTEN(#name, CAN_##name(fd), n));                            \
    }
#define BYTES4(name, error, P, X)                                                                  \
    ssize_t __real_##name(int, P, size_t, X);                                                      \
    ssize_t __wrap_##name(int, P, size_t, X);                                                      \
    ssize_t __wrap_##name(int fd, P p, size_t n, X x)                                              \
    {                                                                                              \
        if (CAN_##name(fd) && fault(WAITS, #name, HERE))                                           \
            return errno = WHY(error), -1;                                                         \
        return __real_##name(fd, p, SHORTEN(#name, CAN_##name(fd), n), x);                         \
    }
BYTES3(read, EIO, void *)
BYTES3(write, ENOSPC, const void *)
BYTES4(pread, EIO, void *, off_t)
BYTES4(pwrite, ENOSPC, const void *, off_t)
BYTES4(recv, ECONNRESET, void *, int)
BYTES4(send, EPIPE, const void *, int)

/* ---- what takes any number of arguments ---- */
#define ANY1(name, error, A, X)                                                                    \
    int __real_##name(A, X, ...);                                                                  \
    int __wrap_##name(A, X, ...);                                                                  \
    int __wrap_##name(A a, X x, ...)                                                               \
    {                                                                                              \
        va_list rest;                                                                              \
        va_start(rest, x);                                                                         \
        void *last = va_arg(rest, void *);                                                         \
        va_end(rest);                                                                              \
        if (fault(SYSTEM, #name, HERE))                                                            \
            return errno = (error), -1;                                                            \
        return __real_##name(a, x, last);                                                          \
    }
ANY1(open, EMFILE, const char *, int)
ANY1(ioctl, ENOTTY, int, unsigned long)
ANY1(fcntl, ENOLCK, int, int)

int __real_openat(int, const char *, int, ...);
int __wrap_openat(int, const char *, int, ...);
int __wrap_openat(int dir, const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    if (fault(SYSTEM, "openat", HERE))
        return errno = EMFILE, -1;
    return __real_openat(dir, path, flags, mode);
}

int __wrap_asprintf(char **, const char *, ...);
int __wrap_asprintf(char **out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = fault(MEMORY, "asprintf", HERE) ? -1 : vasprintf(out, format, args);
    va_end(args);
    return n;
}
