/* base/multipart.h: multipart/form-data as it arrives (RFC 7578, framing of RFC 2046 section 5.1).
 *
 * Bytes are pushed in, in pieces of any size; parts come out through callbacks. Nothing is
 * allocated: a part's headers have a fixed ceiling, its content is handed on as it is seen, so a
 * part may be of any size. Pure; not thread-safe. */
#ifndef SANDGATE_BASE_MULTIPART_H
#define SANDGATE_BASE_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define MULTIPART_BOUNDARY_MAX 70
#define MULTIPART_HEAD_MAX     8192
/* Names and file names beyond this are refused. */
#define MULTIPART_NAME_MAX 1024

/* One part, as its headers tell; valid during the callback. Names are valid UTF-8 without NUL. */
struct multipart_part {
    const char *name;
    const char *filename; /* NULL when the part is no file */
};

/* Each returns 0, or -1 with *err filled, which ends the feeding. */
struct multipart_events {
    int (*begin)(void *arg, const struct multipart_part *part, struct err *err);
    int (*data)(void *arg, const char *data, size_t n, struct err *err);
    int (*end)(void *arg, struct err *err);
    void *arg;
};

enum multipart_state {
    MULTIPART_PREAMBLE,  /* before the first delimiter: dropped */
    MULTIPART_DELIMITER, /* behind a delimiter: "--", or padding and the line's end */
    MULTIPART_HEAD,
    MULTIPART_DATA,
    MULTIPART_EPILOGUE, /* behind the last delimiter: dropped */
};

struct multipart {
    enum multipart_state state;
    char delimiter[4 + MULTIPART_BOUNDARY_MAX + 1]; /* CR LF "--" boundary */
    size_t delimiter_n;
    size_t matched; /* bytes of the delimiter seen */
    char head[MULTIPART_HEAD_MAX + 1];
    size_t head_n;
};

/* `content_type` is the request's header. -1 (ERR_UNSUPPORTED, ERR_SYNTAX) when it is not
 * multipart/form-data with a usable boundary. */
int multipart_init(struct multipart *mp, const char *content_type, struct err *err) MUST_CHECK;
/* After a failure the parser must not be fed again. */
int multipart_feed(struct multipart *mp, const char *bytes, size_t n,
                   const struct multipart_events *events, struct err *err) MUST_CHECK;
/* No more bytes: -1 (ERR_SYNTAX) when the last delimiter was never seen. */
int multipart_finish(const struct multipart *mp, struct err *err) MUST_CHECK;

#endif
