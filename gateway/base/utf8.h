/* base/utf8.h: text that leaves us is valid UTF-8 (RFC 3629), whatever came in.
 * Pure functions; any thread. */
#ifndef SANDGATE_BASE_UTF8_H
#define SANDGATE_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The length of the valid sequence at `text` (1–4), 0 when it is invalid, or -1 when the `n` bytes
 * are a valid beginning that needs more bytes. */
int utf8_sequence(const unsigned char *text, size_t n);

bool utf8_valid(const char *text, size_t n);

/* How many bytes at the end of `text` are an unfinished sequence (0–3) and should be held back
 * until more arrives. */
size_t utf8_held_back(const char *text, size_t n);

#endif
