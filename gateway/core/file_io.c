#include "core/file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <time.h>

#include "base/mem.h"
#include "core/file_problem.h"

int file_open_read(const char *path, int *ret_fd, struct stat *ret_stat, struct err *err)
{
    cleanup_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return file_fail(err, errno);
    if (fstat(fd, ret_stat) < 0)
        return file_fail(err, errno);
    if (!S_ISREG(ret_stat->st_mode))
        return file_fail_kind(err, ret_stat->st_mode);
    *ret_fd = steal_fd(&fd);
    return 0;
}

int file_open_dir(const char *path, int *ret_fd, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return file_fail(err, errno);
    *ret_fd = fd;
    return 0;
}

int file_write_all(int fd, const void *data, size_t n, struct err *err)
{
    const char *at = data;
    while (n > 0) {
        ssize_t written = write(fd, at, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return file_fail(err, errno);
        at += written;
        n -= (size_t)written;
    }
    return 0;
}

long file_read_some(int fd, void *to, size_t n, struct err *err)
{
    for (;;) {
        ssize_t got = read(fd, to, n);
        if (got >= 0)
            return (long)got;
        if (errno != EINTR)
            return file_fail(err, errno);
    }
}

int file_copy(int from, int to, struct err *err)
{
    off_t at = 0;
    for (;;) {
        ssize_t n = sendfile(to, from, &at, 1 << 30);
        if (n == 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return file_fail(err, errno);
    }
}

int file_read_whole(int fd, struct bytes *out, struct err *err)
{
    for (;;) {
        size_t room = out->limit - out->len;
        char probe;
        if (room > 0 && bytes_reserve(out, room < 64 * KIB ? room : 64 * KIB) < 0)
            return err_memory(err);
        if (room > out->cap - 1 - out->len && room > 0)
            room = out->cap - 1 - out->len;
        long n = file_read_some(fd, room ? out->data + out->len : &probe, room ? room : 1, err);
        if (n <= 0)
            return (int)n;
        if (room == 0)
            return err_set(err, ERR_TOO_LARGE, "the file is over %zu bytes", out->limit);
        out->len += (size_t)n;
    }
}

void file_time_format(char to[static FILE_TIME_SIZE], struct timespec when)
{
    struct tm utc;
    char date[24] = "1970-01-01T00:00:00";
    if (gmtime_r(&when.tv_sec, &utc))
        (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(to, FILE_TIME_SIZE, "%s.%06ld+00:00", date, when.tv_nsec / 1000 % 1000000);
}

int file_join(char *to, const char *directory, const char *name, struct err *err)
{
    size_t n = strlen(directory);
    const char *slash = n && directory[n - 1] == '/' ? "" : "/";
    int length = snprintf(to, PATH_MAX, "%s%s%s", directory, slash, name);
    return length < 0 || length >= PATH_MAX ? file_fail(err, ENAMETOOLONG) : 0;
}
