/* core/file_problem.h: failures of files, told the way the API tells them.
 *
 * Operations on files fail with a struct err like everything else. Two sorts must be told apart:
 * the request was wrong or the gateway could not serve it (an HTTP error), or the file system said
 * no, which is an ordinary answer (HTTP 200, success=false, a FileOperationError). This file makes
 * the second sort and describes it. Pure; any thread. */
#ifndef SANDGATE_CORE_FILE_PROBLEM_H
#define SANDGATE_CORE_FILE_PROBLEM_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/jsonw.h"

/* The system refused with this errno. */
int file_fail(struct err *err, int number);
/* A directory, a FIFO, a device: EISDIR for the first, EINVAL and its own words for the others. */
int file_fail_kind(struct err *err, unsigned mode);
/* The content is no text. */
int file_fail_decode(struct err *err, unsigned char byte, unsigned long long offset);

struct file_problem {
    const char *type;      /* "not_found" … */
    const char *exception; /* what Python calls it, for clients that expect its names */
    bool retryable;
};

/* False when the failure is not the file's. */
bool file_problem_of(const struct err *err, struct file_problem *ret_problem);

/* "Failed to read file: [Errno 2] No such file or directory: '/tmp/x'" */
void file_problem_message(struct bytes *out, const char *operation, const char *path,
                          const struct err *err);
/* The FileOperationError as JSON; `message` as above. */
void file_problem_write(struct jsonw *w, const char *operation, const char *path,
                        const char *message, const struct err *err);

#endif
