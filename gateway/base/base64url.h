/* base/base64url.h: RFC 4648 section 5, as RFC 7515 writes it: without padding, and with exactly
 * one spelling for each sequence of bytes. Pure; any thread. */
#ifndef SANDGATE_BASE_BASE64URL_H
#define SANDGATE_BASE_BASE64URL_H

#include <stddef.h>

/* How many bytes were written to `out`; -1 when the text is something else, or more than `room`. */
long base64url_decode(const char *text, size_t n, unsigned char *out, size_t room);

#endif
