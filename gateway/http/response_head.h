/* http/response_head.h: an HTTP/1.1 answer as bytes (RFC 9112): its head, and where its body ends.
 *
 * Strict: what two readers could take differently is refused, not guessed (both Content-Length and
 * Transfer-Encoding, two lengths, folded lines, control characters, names that are no token). Only
 * a line end without its carriage return is let pass, as section 2.2 permits: small servers write
 * such, and the answer is framed anew on its way to the client. Pure; any thread. */
#ifndef SANDGATE_HTTP_RESPONSE_HEAD_H
#define SANDGATE_HTTP_RESPONSE_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "http/exchange.h"

/* Ceilings of one head. */
#define RESPONSE_HEAD_MAX    (32 * KIB)
#define RESPONSE_HEADERS_MAX 100

/* Where the body ends (section 6.3). */
enum framing {
    FRAMED_EMPTY,    /* there is none, whatever the headers say */
    FRAMED_LENGTH,   /* after `length` bytes */
    FRAMED_CHUNKED,  /* its chunks say it */
    FRAMED_BY_CLOSE, /* with the connection */
};

struct response_head {
    unsigned status; /* 100–599 */
    bool keep_alive; /* the connection may carry another request */
    enum framing framing;
    bool has_length;
    uint64_t length; /* Content-Length, also where the body is empty (HEAD, 304) */
    size_t header_count;
    struct header headers[];
};

/* How long the head at the front of `data` is, its empty line included; 0 when it is not all there;
 * -1 when it is longer than its ceiling. */
long response_head_length(const char *data, size_t n);

/* Read the head of `n` bytes at `head`, in place: names and values become C strings that point into
 * it. `method` is the request's. Fails with ERR_UNAVAILABLE: that is no answer to rely on. The
 * caller frees *ret_head. */
int response_head_parse(char *head, size_t n, const char *method, struct response_head **ret_head,
                        struct err *err) MUST_CHECK;

/* The first header of that name (any case), or NULL. */
const char *response_header(const struct response_head *head, const char *name);

/* Whether a comma-separated list has the token, in any case. NULL has none. */
bool list_has_token(const char *list, const char *token);

/* ---- chunks (section 7.1) ---- */

/* All zero is the beginning. */
struct chunked {
    int state;
    uint64_t left;   /* of this chunk */
    unsigned digits; /* of its size line */
    size_t
        extra; /* bytes of extensions and trailers so far: they have a ceiling, and are dropped */
    bool line_empty;
};

/* Take from `data`: returns how many bytes were used (> 0 for n > 0, until the end), or -1 when
 * that is no chunked coding. *ret_body (may be empty) is the run of content met. *ret_end: the last
 * chunk and the trailers are over. Call again with the rest until everything is used or it ended.
 */
long chunked_take(struct chunked *c, const char *data, size_t n, struct text *ret_body,
                  bool *ret_end);

#endif
