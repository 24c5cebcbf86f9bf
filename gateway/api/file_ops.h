/* api/file_ops.h: the operations on files as rows: what they take, what they are called, what does
 * them. The routes and the privileged re-run (sudo) use the same rows. */
#ifndef SANDGATE_API_FILE_OPS_H
#define SANDGATE_API_FILE_OPS_H

#include "base/err.h"
#include "base/json.h"
#include "base/jsonw.h"

struct files;

struct file_op {
    const char *name; /* the route's last segment, and `operation` in failures */
    const char *done; /* the message of success */
    const struct field *fields;
    size_t size;
    size_t path; /* offset of the struct text that is the path */
    size_t sudo; /* offset of the bool, or NO_SUDO */
    int (*run)(struct files *files, const void *input, struct jsonw *data, struct err *err);
};

/* The tables by themselves, since a route's row must be constant. */
extern const struct field file_read_fields[], file_write_fields[], file_replace_fields[],
    file_search_fields[], file_find_fields[], file_grep_fields[], file_glob_fields[],
    file_list_fields[], file_editor_fields[];

#define NO_SUDO ((size_t)-1)

extern const struct file_op file_op_read, file_op_write, file_op_replace, file_op_search,
    file_op_find, file_op_grep, file_op_glob, file_op_list, file_op_editor;

/* By name, among those that take sudo; NULL otherwise. */
const struct file_op *file_op_find_privileged(const char *name);

const char *file_op_path(const struct file_op *op, const void *input);

/* ---- file_sudo.c ---- */

/* Bodies with `sudo`, and what comes back. */
#define SUDO_DEADLINE_MS (UINT64_C(5) * 60 * 1000)

/* How an operation that ran elsewhere ended; texts point into what was given to it. */
struct file_outcome {
    bool success;
    const char *message;
    const char *data; /* JSON */
};

/* Run `op` as root on the request `body`. `answer` receives what came back and must outlive
 * *ret_outcome. Failures: what the operation's own would be, or that sudo is refused
 * (ERR_SYSTEM, EPERM). Workers only. */
int file_sudo_run(const struct file_op *op, struct text body, struct bytes *answer,
                  struct file_outcome *ret_outcome, struct err *err) MUST_CHECK;

/* `sandgate file-op NAME`: the request on standard input, the outcome on standard output. */
int file_op_main(int argc, char **argv);

#endif
