/* core/scrollback.h: the latest output of a terminal, by offset.
 *
 * A ring that grows to its ceiling as it is used. Offsets count every byte ever written; what is
 * older than the ring is gone. Not thread-safe. */
#ifndef SANDGATE_CORE_SCROLLBACK_H
#define SANDGATE_CORE_SCROLLBACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define SCROLLBACK_CEILING (1 * MIB)

struct scrollback {
    char *data;
    size_t size;    /* a power of two, or 0 */
    uint64_t total; /* the next offset */
};

void scrollback_done(struct scrollback *s);
void scrollback_add(struct scrollback *s, const char *data, size_t n);
/* The oldest offset still there. */
uint64_t scrollback_first(const struct scrollback *s);
/* Where a replay should begin: the first line start still there. */
uint64_t scrollback_replay_start(const struct scrollback *s);
/* At most `max` bytes from *offset on, appended to `out`; advances *offset, skipping what is gone.
 */
void scrollback_read(const struct scrollback *s, uint64_t *offset, size_t max, struct bytes *out);

#endif
