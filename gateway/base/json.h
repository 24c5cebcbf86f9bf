/* base/json.h: JSON in. Field tables describe a plain struct once; decoding, defaults, limits and
 * the published schema all come from the same row. The only door to cJSON.
 *
 * Decoding checks everything at once: UTF-8, depth, number of values, types, ranges, choices, NUL
 * characters (our strings become C strings and paths), duplicate names. Names the table does not
 * know are collected for the caller to report, never dropped in silence.
 * Any thread; the result lives as long as the arena it was decoded into. */
#ifndef SANDGATE_BASE_JSON_H
#define SANDGATE_BASE_JSON_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

/* Ceilings of one document; the byte ceiling is the route's. */
#define JSON_MAX_DEPTH  32
#define JSON_MAX_VALUES 100000

/* Text of a request: valid UTF-8, no NUL inside, NUL-terminated. `p` is NULL when absent. */
struct text {
    const char *p;
    size_t n;
};

struct text_list {
    struct text *items;
    size_t n;
    bool given;
};

struct int_list {
    int64_t *items;
    size_t n;
    bool given;
};

struct text_pair {
    struct text name, value; /* value.p is NULL for JSON null */
};

struct text_map {
    struct text_pair *items;
    size_t n;
};

/* What an absent or null field without a default becomes. */
#define INT_ABSENT    INT64_MIN
#define NUMBER_ABSENT ((double)NAN)
#define CHOICE_ABSENT (-1)
#define SWITCH_ABSENT (-1)

enum field_type {
    FIELD_TEXT,      /* struct text; min/max: bytes */
    FIELD_PATH,      /* struct text: absolute, no NUL; max bytes PATH_MAX - 1 */
    FIELD_BOOL,      /* bool */
    FIELD_SWITCH,    /* int: 0, 1, or SWITCH_ABSENT; in bodies only */
    FIELD_INT,       /* int64_t */
    FIELD_NUMBER,    /* double, finite */
    FIELD_CHOICE,    /* int: index into `choices` */
    FIELD_TEXT_LIST, /* struct text_list; max: items */
    FIELD_INT_LIST,  /* struct int_list; max: items */
    FIELD_TEXT_MAP,  /* struct text_map; max: items; values may be null */
    FIELD_FILE,      /* a multipart file part: never decoded here, only published */
};

struct field {
    const char *name; /* NULL ends a table; "outer.inner" is a member of an object member */
    enum field_type type;
    size_t offset;
    bool required;
    int64_t min, max;           /* 0, 0: no limit of its own */
    const char *const *choices; /* NULL-terminated */
    const char *fallback;       /* the default as JSON text, or NULL */
    const char *doc;            /* one line */
};

#define FIELDS_END                                                                                 \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* Decode the `n` bytes at `text` into the struct at `out`, which this zeroes and fills with
 * defaults first. `size` is the struct's. Names outside the table are appended to `unknown`
 * (comma separated). An empty text counts as {}. */
int json_decode(struct arena *arena, const char *text, size_t n, const struct field *fields,
                void *out, size_t size, struct bytes *unknown, struct err *err) MUST_CHECK;

/* The objects of an array, one after another into the same struct; `take` ends the walk by
 * returning other than 0. Unknown names are passed over: for documents of others. */
int json_decode_each(struct arena *arena, const char *text, size_t n, const struct field *fields,
                     void *out, size_t size, int (*take)(void *arg, const void *out), void *arg,
                     struct err *err) MUST_CHECK;

/* The same from name=value pairs that are already percent-decoded (a query string). */
int fields_decode_pairs(struct arena *arena, const struct text_pair *pairs, size_t n,
                        const struct field *fields, void *out, size_t size, struct bytes *unknown,
                        struct err *err) MUST_CHECK;

#endif
