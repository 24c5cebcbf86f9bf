#include "core/file_problem.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

static int fail_with(struct err *err, int number, const char *text)
{
    (void)err_set(err, ERR_SYSTEM, "%s", text);
    err->sys = number;
    return -1;
}

int file_fail(struct err *err, int number)
{
    const char *text = strerrordesc_np(number);
    return fail_with(err, number, text ? text : "Unknown error");
}

int file_fail_kind(struct err *err, unsigned mode)
{
    if (S_ISDIR(mode))
        return file_fail(err, EISDIR);
    const char *what = S_ISFIFO(mode)                   ? "a named pipe"
                       : S_ISSOCK(mode)                 ? "a socket"
                       : S_ISCHR(mode) || S_ISBLK(mode) ? "a device"
                                                        : "something else";
    (void)err_set(err, ERR_SYSTEM, "Not a regular file but %s", what);
    err->sys = EINVAL;
    return -1;
}

int file_fail_decode(struct err *err, unsigned char byte, unsigned long long offset)
{
    return err_set(err, ERR_UNSUPPORTED,
                   "byte 0x%02x at offset %llu is not valid UTF-8; read it with \"encoding\": "
                   "\"base64\", or download it",
                   byte, offset);
}

struct row {
    int number;
    struct file_problem problem;
};

static const struct row by_errno[] = {
    {ENOENT, {"not_found", "FileNotFoundError", false}},
    {EACCES, {"permission_denied", "PermissionError", false}},
    {EPERM, {"permission_denied", "PermissionError", false}},
    {EISDIR, {"invalid_target", "IsADirectoryError", false}},
    {ENOTDIR, {"invalid_target", "NotADirectoryError", false}},
    {EINVAL, {"invalid_target", "OSError", false}},
    {ENXIO, {"invalid_target", "OSError", false}},
    {ENODEV, {"invalid_target", "OSError", false}},
    {ENOTEMPTY, {"invalid_target", "OSError", false}},
    {EEXIST, {"already_exists", "FileExistsError", false}},
    {ENAMETOOLONG, {"invalid_path", "OSError", false}},
    {ELOOP, {"invalid_path", "OSError", false}},
    {EILSEQ, {"invalid_path", "OSError", false}},
    {EROFS, {"read_only_filesystem", "OSError", false}},
    {ENOSPC, {"no_space_left", "OSError", false}},
    {EDQUOT, {"no_space_left", "OSError", false}},
    {EFBIG, {"too_large", "OSError", false}},
    {ETIMEDOUT, {"timeout", "TimeoutError", true}},
    {EAGAIN, {"io_error", "BlockingIOError", true}},
    {EINTR, {"io_error", "InterruptedError", true}},
    {EBUSY, {"io_error", "OSError", true}},
    {ETXTBSY, {"io_error", "OSError", true}},
    {EMFILE, {"io_error", "OSError", true}},
    {ENFILE, {"io_error", "OSError", true}},
};

bool file_problem_of(const struct err *err, struct file_problem *ret_problem)
{
    switch (err->kind) {
    case ERR_SYSTEM:
        break;
    case ERR_UNSUPPORTED:
        *ret_problem = (struct file_problem){"decode_error", "UnicodeDecodeError", false};
        return true;
    case ERR_TOO_LARGE:
        *ret_problem = (struct file_problem){"too_large", "ValueError", false};
        return true;
    case ERR_TIMEOUT:
        *ret_problem = (struct file_problem){"timeout", "TimeoutError", true};
        return true;
    case ERR_CONFLICT:
        *ret_problem = (struct file_problem){"conflict", "ValueError", false};
        return true;
    case ERR_NOT_FOUND:
        *ret_problem = (struct file_problem){"no_match", "ValueError", false};
        return true;
    default:
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(by_errno); i++) {
        if (by_errno[i].number == err->sys) {
            *ret_problem = by_errno[i].problem;
            return true;
        }
    }
    *ret_problem = (struct file_problem){"io_error", "OSError", false};
    return true;
}

static const char *attempt(const char *operation)
{
    static const char *const names[][2] = {
        {"read", "read file"},
        {"write", "write file"},
        {"replace", "replace in file"},
        {"search", "search file"},
        {"find", "find files"},
        {"grep", "search files"},
        {"glob", "glob files"},
        {"list", "list directory"},
        {"upload", "upload file"},
        {"download", "download file"},
        {"str_replace_editor", "edit file"},
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i][0], operation) == 0)
            return names[i][1];
    return operation;
}

void file_problem_message(struct bytes *out, const char *operation, const char *path,
                          const struct err *err)
{
    (void)bytes_printf(out, "Failed to %s: ", attempt(operation));
    if (err->sys)
        (void)bytes_printf(out, "[Errno %d] ", err->sys);
    (void)bytes_printf(out, "%s: '%s'", err->text, path);
}

void file_problem_write(struct jsonw *w, const char *operation, const char *path,
                        const char *message, const struct err *err)
{
    struct file_problem problem = {"io_error", NULL, false};
    (void)file_problem_of(err, &problem);
    jsonw_object(w);
    jsonw_kstr(w, "path", path);
    jsonw_kstr(w, "operation", operation);
    jsonw_kstr(w, "message", message);
    jsonw_kstr(w, "error_type", problem.type);
    jsonw_kbool(w, "retryable", problem.retryable);
    if (err->sys) {
        jsonw_kint(w, "errno", err->sys);
        jsonw_kstr(w, "errno_name", err_errno_name(err->sys));
    } else {
        jsonw_knull(w, "errno");
        jsonw_knull(w, "errno_name");
    }
    jsonw_kstr(w, "exception_type", problem.exception);
    jsonw_object_end(w);
}
