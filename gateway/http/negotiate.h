/* http/negotiate.h: which coding of a representation a client would rather have (RFC 9110 section
 * 12.5.3). Pure; any thread. */
#ifndef SANDGATE_HTTP_NEGOTIATE_H
#define SANDGATE_HTTP_NEGOTIATE_H

/* How much the Accept-Encoding `header` (NULL: absent) wants `coding`, in thousandths: 0 is
 * "never". "identity" that is not mentioned counts as 1, acceptable but after all that are
 * mentioned. */
int coding_quality(const char *header, const char *coding);

#endif
