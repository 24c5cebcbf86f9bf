#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 4, 0))) static void fill(struct err *err, enum err_kind kind,
                                                       int number, const char *format, va_list args)
{
    err->kind = kind;
    err->sys = number;
    err->field[0] = '\0';
    (void)vsnprintf(err->text, sizeof err->text, format, args);
}

int err_set(struct err *err, enum err_kind kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err, kind, 0, format, args);
    va_end(args);
    return -1;
}

int err_field(struct err *err, const char *field, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err, ERR_INVALID, 0, format, args);
    va_end(args);
    (void)snprintf(err->field, sizeof err->field, "%s", field);
    return -1;
}

int err_errno(struct err *err, int number, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err, ERR_SYSTEM, number, format, args);
    va_end(args);
    size_t used = strlen(err->text);
    const char *why = strerrordesc_np(number);
    (void)snprintf(err->text + used, sizeof err->text - used, ": %s", why ? why : "unknown error");
    return -1;
}

int err_memory(struct err *err)
{
    return err_set(err, ERR_MEMORY, "out of memory");
}

const char *err_errno_name(int number)
{
    const char *name = strerrorname_np(number);
    return name ? name : "EUNKNOWN";
}
