/* core/outlog.h: everything one stream of a command has written, by offset.
 *
 * The first 64 KiB stay in memory; a longer log moves to a file. Past its ceiling the middle is
 * dropped: the first half is kept, and the second half is a ring of what came last, so offsets
 * keep their meaning. While the disk takes no more a line that says so stands for what is not kept.
 * Loop thread only. */
#ifndef SANDGATE_CORE_OUTLOG_H
#define SANDGATE_CORE_OUTLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct outlog {
    const char *path;    /* where it may spill; borrowed */
    uint64_t length;     /* bytes ever written; also the next offset */
    uint64_t head, tail; /* the ceiling's two halves */
    struct bytes memory; /* used until the spill */
    int fd;              /* -1 until the spill */
    uint64_t mark_at;    /* once lost: where the words that say so begin */
    size_t mark_length;
    char mark[112];
    bool lost; /* the disk refuses: what comes is not kept */
};

void outlog_init(struct outlog *log, const char *path, uint64_t ceiling);
/* Closes and removes the file. */
void outlog_done(struct outlog *log);
void outlog_append(struct outlog *log, const char *data, size_t n);

/* Up to `max` bytes from `offset` on, appended to `out`. *ret_next is the offset after them. Bytes
 * that are no longer kept are skipped: then *ret_skipped says how many. */
void outlog_read(struct outlog *log, uint64_t offset, size_t max, struct bytes *out,
                 uint64_t *ret_next, uint64_t *ret_skipped);

/* The same as text for JSON: when `open` (more may come), an unfinished UTF-8 sequence at the end
 * is left for the next read. */
void outlog_read_text(struct outlog *log, uint64_t offset, size_t max, bool open, struct bytes *out,
                      uint64_t *ret_next, uint64_t *ret_skipped);

/* The log cut to about `max` bytes for showing: head and tail with a marker between, cut at
 * character boundaries. max 0: all of it, up to `out`'s own limit. */
void outlog_excerpt(struct outlog *log, size_t max, struct bytes *out, bool *ret_cut);

#endif
