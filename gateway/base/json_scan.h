/* base/json_scan.h: one pass over a JSON text before it is parsed, for what cJSON lets pass or
 * would only notice after spending memory: depth and value ceilings, control characters in strings
 * (RFC 8259 section 7), \u0000, lone surrogates, leading zeros, invalid UTF-8. Pure; any thread. */
#ifndef SANDGATE_BASE_JSON_SCAN_H
#define SANDGATE_BASE_JSON_SCAN_H

#include <stddef.h>

#include "base/err.h"

/* 0, or a filled err: ERR_SYNTAX, ERR_TOO_LARGE for the ceilings, or ERR_INVALID naming the
 * top-level field whose string holds a NUL or half a surrogate pair. Says nothing about the grammar
 * as a whole. */
int json_scan(const char *text, size_t n, struct err *err) MUST_CHECK;

#endif
