/* base/when.h: points in time as people and programs write them. Pure. */
#ifndef SANDGATE_BASE_WHEN_H
#define SANDGATE_BASE_WHEN_H

#include <stddef.h>
#include <stdint.h>

/* Milliseconds since the epoch, or ISO 8601: "2026-01-31", "2026-01-31T12:00:00.123Z",
 * "2026-01-31T12:00:00+02:00"; without a zone it is UTC. 0, or -1 when it is neither. */
int when_parse(const char *text, size_t n, int64_t *ret_ms);

#endif
