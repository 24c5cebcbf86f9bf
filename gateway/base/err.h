/* base/err.h: how every failure travels.
 *
 * A function that can fail returns 0 or a negative int and takes `struct err *err` as its last
 * parameter. The struct belongs to the caller, holds bounded text and needs no memory, so running
 * out of memory can be reported too. It is untouched on success. Any thread may use its own. */
#ifndef SANDGATE_BASE_ERR_H
#define SANDGATE_BASE_ERR_H

#include <stdarg.h>

/* What went wrong, in terms of the product; only http/ turns a kind into a status code. */
enum err_kind {
    ERR_NONE = 0,
    ERR_SYNTAX,       /* bytes that are not what they claim to be (malformed JSON, bad framing) */
    ERR_INVALID,      /* well formed, but a field has a wrong type or value; `field` names it */
    ERR_UNAUTHORIZED, /* no credential, or a wrong one */
    ERR_FORBIDDEN,    /* the caller may never do this */
    ERR_NOT_FOUND,
    ERR_METHOD,      /* the path exists, the method does not */
    ERR_CONFLICT,    /* the thing is in a state that refuses this */
    ERR_TOO_LARGE,   /* over a documented ceiling */
    ERR_UNSUPPORTED, /* a media type or encoding we do not take */
    ERR_LIMIT,       /* too many of something right now; try again later */
    ERR_TIMEOUT,
    ERR_UNAVAILABLE, /* a part we need is not there (yet) */
    ERR_UPSTREAM,    /* a service we pass requests on to gave no sound answer */
    ERR_SYSTEM,      /* a system call failed; `sys` is its errno */
    ERR_MEMORY,
    ERR_INTERNAL, /* our own fault */
};

struct err {
    enum err_kind kind;
    int sys;        /* errno, or 0 */
    char field[64]; /* the request field at fault, or "" */
    char text[512]; /* one sentence for a person, no newline */
};

#define ERR_INIT ((struct err){.kind = ERR_NONE})

/* Each fills *err and returns -1, so that `return err_set(…)` reads as one thought. */
int err_set(struct err *err, enum err_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4), nonnull(1, 3)));
int err_field(struct err *err, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4), nonnull(1, 2, 3)));
/* `number` is an errno value; its description is appended to the text. */
int err_errno(struct err *err, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4), nonnull(1, 3)));
int err_memory(struct err *err) __attribute__((nonnull(1)));

/* "ENOENT" for 2; "EUNKNOWN" for a number this table does not know. */
const char *err_errno_name(int number);

#define MUST_CHECK __attribute__((warn_unused_result))

#endif
