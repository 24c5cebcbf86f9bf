/* base/bytes.h: byte buffers that are born with a ceiling, and strict small parsers.
 *
 * Appending past the ceiling, or without memory, marks the buffer failed; later appends are then
 * ignored, so a writer may append freely and look once at the end. Not thread-safe. */
#ifndef SANDGATE_BASE_BYTES_H
#define SANDGATE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KIB ((size_t)1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)

struct bytes {
    char *data; /* not NUL-terminated unless bytes_text() was asked for */
    size_t len, cap, limit;
    bool failed;    /* an append did not fit the limit, or memory was out */
    bool no_memory; /* the latter */
};

#define BYTES_INIT(ceiling) ((struct bytes){.limit = (ceiling)})

static inline struct bytes bytes_with_limit(size_t limit)
{
    return BYTES_INIT(limit);
}

void bytes_done(struct bytes *b);
/* Forget the content, keep the memory. */
void bytes_clear(struct bytes *b);
/* Drop `n` bytes from the front. */
void bytes_consume(struct bytes *b, size_t n);
/* Room for `more` further bytes; -1 (and failed) when that passes the limit. */
int bytes_reserve(struct bytes *b, size_t more);
int bytes_add(struct bytes *b, const void *data, size_t n);
int bytes_adds(struct bytes *b, const char *text);
int bytes_addc(struct bytes *b, char c);
/* In decimal. */
int bytes_addu(struct bytes *b, uint64_t number);
int bytes_printf(struct bytes *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The content as a C string, or NULL when the buffer failed. */
const char *bytes_text(struct bytes *b);
/* Hand the memory over (NUL-terminated, free() it); NULL when the buffer failed. */
char *bytes_take(struct bytes *b, size_t *ret_len);

#define cleanup_bytes __attribute__((cleanup(bytes_done)))

/* A whole unsigned decimal number and nothing else: no sign, space or overflow. */
int parse_u64(const char *text, size_t n, uint64_t *ret_value);
/* The same with an optional leading '-'. */
int parse_i64(const char *text, size_t n, int64_t *ret_value);
/* %XX decoding in place of `text`; '+' becomes a space when `plus` is set.
 * Returns the new length, or -1 for a bad escape. The result is NUL-terminated. */
long percent_decode(char *text, size_t n, bool plus);

/* RFC 4648 section 4, with padding. Decoding refuses anything else, white space excepted. */
int base64_encode(struct bytes *out, const void *data, size_t n);
int base64_decode(struct bytes *out, const char *text, size_t n);
/* What a character of that alphabet stands for; -1: it is none. */
int base64_value(char c);

/* Compare secrets without telling where they differ. */
bool bytes_equal_secret(const char *a, size_t an, const char *b, size_t bn);

#endif
