/* base/jsonw.h: JSON out, straight into a bounded buffer.
 *
 * Whatever bytes are written as text come out as valid UTF-8: each invalid byte becomes U+FFFD.
 * Nothing here fails by itself; the buffer's `failed` flag says whether all of it fitted.
 * Not thread-safe. */
#ifndef SANDGATE_BASE_JSONW_H
#define SANDGATE_BASE_JSONW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct jsonw {
    struct bytes *out;
    bool comma; /* a value was just finished at this level */
};

static inline struct jsonw jsonw_on(struct bytes *out)
{
    return (struct jsonw){.out = out};
}

void jsonw_object(struct jsonw *w);
void jsonw_object_end(struct jsonw *w);
void jsonw_array(struct jsonw *w);
void jsonw_array_end(struct jsonw *w);

void jsonw_key(struct jsonw *w, const char *name);
void jsonw_text(struct jsonw *w, const char *text, size_t n);
/* NULL becomes null. */
void jsonw_str(struct jsonw *w, const char *text);
void jsonw_int(struct jsonw *w, int64_t value);
/* NaN and infinities become null. */
void jsonw_number(struct jsonw *w, double value);
void jsonw_bool(struct jsonw *w, bool value);
void jsonw_null(struct jsonw *w);
/* `json` is already JSON. */
void jsonw_raw(struct jsonw *w, const char *json);

/* A string in pieces, for text that is not in one place. Between the two calls only
 * jsonw_piece() may be used; a sequence must not be split between pieces. */
void jsonw_string_begin(struct jsonw *w);
void jsonw_piece(struct jsonw *w, const char *text, size_t n);
void jsonw_string_end(struct jsonw *w);

/* Name and value in one. */
void jsonw_kstr(struct jsonw *w, const char *name, const char *text);
void jsonw_ktext(struct jsonw *w, const char *name, const char *text, size_t n);
/* What a buffer holds; one that is not whole makes the output fail too. */
void jsonw_kbytes(struct jsonw *w, const char *name, const struct bytes *text);
void jsonw_kint(struct jsonw *w, const char *name, int64_t value);
void jsonw_knumber(struct jsonw *w, const char *name, double value);
void jsonw_kbool(struct jsonw *w, const char *name, bool value);
void jsonw_knull(struct jsonw *w, const char *name);

#endif
