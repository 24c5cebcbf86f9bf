/* base/ident.h: names for things: random ones, and checking those of peers. Any thread. */
#ifndef SANDGATE_BASE_IDENT_H
#define SANDGATE_BASE_IDENT_H

#include <stdbool.h>
#include <stddef.h>

#define IDENT_SIZE 129 /* with the NUL */
#define IDENT_MAX  128

/* 16 random lower-case hexadecimal digits behind `prefix`. */
void ident_random(char out[IDENT_SIZE], const char *prefix);

/* What a client may call a session: 1–128 bytes of printable text without '/' or '\\'. */
bool ident_valid(const char *text, size_t n);

#endif
