/* core/file_io.h: opening and moving bytes, safely whatever lies at a path. Any thread.
 *
 * Opening never blocks (a FIFO without a peer would) and only regular files are taken for content.
 * Failures are those of core/file_problem.h. */
#ifndef SANDGATE_CORE_FILE_IO_H
#define SANDGATE_CORE_FILE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/err.h"

/* A regular file for reading. */
int file_open_read(const char *path, int *ret_fd, struct stat *ret_stat,
                   struct err *err) MUST_CHECK;
/* A directory, to look things up in and to list. */
int file_open_dir(const char *path, int *ret_fd, struct err *err) MUST_CHECK;

/* All of it, or a failure. */
int file_write_all(int fd, const void *data, size_t n, struct err *err) MUST_CHECK;
/* One read(2); 0 at the end, -1 on failure. */
long file_read_some(int fd, void *to, size_t n, struct err *err) MUST_CHECK;
/* From the beginning of `from` to the position of `to`. */
int file_copy(int from, int to, struct err *err) MUST_CHECK;
/* The whole content; ERR_TOO_LARGE over the buffer's limit. */
int file_read_whole(int fd, struct bytes *out, struct err *err) MUST_CHECK;

/* "2026-01-31T12:00:00.123456+00:00" */
#define FILE_TIME_SIZE 40
void file_time_format(char to[static FILE_TIME_SIZE], struct timespec when);

/* `directory`/`name`; -1 (ENAMETOOLONG) when it does not fit PATH_MAX. */
int file_join(char *to, const char *directory, const char *name, struct err *err) MUST_CHECK;

#endif
