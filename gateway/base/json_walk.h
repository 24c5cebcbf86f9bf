/* base/json_walk.h: JSON read as a run of tokens, for texts that are passed on rather than decoded:
 * find one member, or change some strings and leave every other byte as it is. The grammar is
 * checked (RFC 8259), nothing is built in memory. Pure; any thread. */
#ifndef SANDGATE_BASE_JSON_WALK_H
#define SANDGATE_BASE_JSON_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/json.h"

#define JSON_WALK_DEPTH 256

enum json_token {
    JSON_BAD, /* not JSON, or nested too deeply */
    JSON_END, /* one whole value was read, and nothing but white space is left */
    JSON_OBJECT,
    JSON_OBJECT_END,
    JSON_ARRAY,
    JSON_ARRAY_END,
    JSON_NAME, /* of a member; its value follows */
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
};

struct json_walk {
    const char *at, *end;
    unsigned depth; /* containers that are open */
    int expects;
    unsigned char arrays[JSON_WALK_DEPTH / 8]; /* a bit each: that container is an array */
};

void json_walk_begin(struct json_walk *walk, const char *text, size_t n);
/* *ret_raw is the token as written, quotes of strings included; empty at the end. */
enum json_token json_walk_next(struct json_walk *walk, struct text *ret_raw);

/* Append what a string token stands for. -1 for half a surrogate pair. */
int json_unescape(struct text raw, struct bytes *out);

/* The value, as written, of a member of the object that `text` is; of several of that name the
 * last. 1 when found, 0 when there is none, -1 when the text is not one JSON object. */
int json_member(const char *text, size_t n, const char *name, struct text *ret_raw);

/* Copy a text to `out`, where each string that is the value of a member is shown to `edit` with the
 * member's name (as written, without quotes) and its own text; when that returns true, what it
 * appended to `value` takes its place. Fails with ERR_SYNTAX. */
int json_edit(const char *text, size_t n,
              bool (*edit)(void *arg, struct text name, struct text old, struct bytes *value),
              void *arg, struct bytes *out, struct err *err) MUST_CHECK;

#endif
