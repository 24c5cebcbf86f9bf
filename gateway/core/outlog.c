#include "core/outlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/utf8.h"

#define IN_MEMORY (64 * KIB)

void outlog_init(struct outlog *log, const char *path, uint64_t ceiling)
{
    *log = (struct outlog){.path = path, .fd = -1, .memory = BYTES_INIT(IN_MEMORY)};
    log->head = ceiling / 2;
    log->tail = ceiling - log->head;
}

void outlog_done(struct outlog *log)
{
    bytes_done(&log->memory);
    if (log->fd < 0)
        return;
    (void)close(log->fd);
    (void)unlink(log->path);
    log->fd = -1;
}

/* Where the byte of `offset` lies, and how many follow it without a gap. */
static off_t place(const struct outlog *log, uint64_t offset, uint64_t *ret_run)
{
    if (offset < log->head) {
        *ret_run = log->head - offset;
        return (off_t)offset;
    }
    uint64_t in_ring = (offset - log->head) % log->tail;
    *ret_run = log->tail - in_ring;
    return (off_t)(log->head + in_ring);
}

static int write_at(struct outlog *log, uint64_t offset, const char *data, size_t n)
{
    while (n) {
        uint64_t run;
        off_t at = place(log, offset, &run);
        ssize_t done = pwrite(log->fd, data, n < run ? n : (size_t)run, at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return -1;
        data += done;
        offset += (uint64_t)done;
        n -= (size_t)done;
    }
    return 0;
}

/* Where the disk refuses, what is in memory stays there. */
static int spill(struct outlog *log)
{
    if (log->fd >= 0)
        return 0;
    log->fd = open(log->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (log->fd < 0)
        return -1;
    if (write_at(log, 0, log->memory.data, log->memory.len) < 0) {
        int why = errno;
        (void)close(log->fd);
        (void)unlink(log->path);
        log->fd = -1;
        errno = why;
        return -1;
    }
    bytes_done(&log->memory);
    return 0;
}

/* For now nothing is kept, but what memory has room for where there is no file. */
static void give_up(struct outlog *log, const char *data, size_t n, int why)
{
    size_t room = log->fd < 0 ? log->memory.limit - log->memory.len : 0;
    size_t kept = n < room ? n : room;
    if (kept && bytes_add(&log->memory, data, kept) == 0)
        log->length += kept;
    log_warn("output log: %s: output is not kept", strerrordesc_np(why));
    log->lost = true;
    log->mark_at = log->length;
    int length = snprintf(log->mark, sizeof log->mark, "\n[%s (%s): what came here was not kept]\n",
                          strerrordesc_np(why), err_errno_name(why));
    log->mark_length = (size_t)length < sizeof log->mark ? (size_t)length : sizeof log->mark - 1;
    log->length += log->mark_length;
}

/* Whether the disk takes something again: the mark becomes part of what is kept. */
static bool recover(struct outlog *log)
{
    if (spill(log) < 0 || write_at(log, log->mark_at, log->mark, log->mark_length) < 0)
        return false;
    log->lost = false;
    return true;
}

void outlog_append(struct outlog *log, const char *data, size_t n)
{
    if (log->lost && !recover(log))
        return;
    if (log->fd < 0 && bytes_add(&log->memory, data, n) == 0) {
        log->length += n;
        return;
    }
    log->memory.failed = false;
    if (spill(log) < 0 || write_at(log, log->length, data, n) < 0) {
        give_up(log, data, n, errno);
        return;
    }
    log->length += n;
}

/* The oldest offset at or after `offset` that is still there. */
static uint64_t first_kept(const struct outlog *log, uint64_t offset)
{
    uint64_t ring_start = log->length > log->head + log->tail ? log->length - log->tail : log->head;
    return offset >= log->head && offset < ring_start ? ring_start : offset;
}

static size_t read_once(struct outlog *log, uint64_t offset, size_t want, char *to)
{
    uint64_t run;
    if (log->lost && offset >= log->mark_at) {
        memcpy(to, log->mark + (offset - log->mark_at), want);
        return want;
    }
    if (log->lost && want > log->mark_at - offset)
        want = (size_t)(log->mark_at - offset);
    if (log->fd < 0) {
        memcpy(to, log->memory.data + offset, want);
        return want;
    }
    off_t at = place(log, offset, &run);
    ssize_t n = pread(log->fd, to, want < run ? want : (size_t)run, at);
    return n > 0 ? (size_t)n : 0;
}

void outlog_read(struct outlog *log, uint64_t offset, size_t max, struct bytes *out,
                 uint64_t *ret_next, uint64_t *ret_skipped)
{
    uint64_t skipped = 0;
    if (offset > log->length)
        offset = log->length;
    while (max && offset < log->length) {
        uint64_t from = first_kept(log, offset);
        skipped += from - offset;
        offset = from;
        uint64_t left = log->length - offset;
        /* The dropped middle begins where the head ends. */
        if (offset < log->head && left > log->head - offset)
            left = log->head - offset;
        size_t want = left < max ? (size_t)left : max;
        if (bytes_reserve(out, want) < 0)
            break;
        size_t n = read_once(log, offset, want, out->data + out->len);
        if (n == 0)
            break;
        out->len += n;
        offset += n;
        max -= n;
    }
    *ret_next = offset;
    *ret_skipped = skipped;
}

void outlog_read_text(struct outlog *log, uint64_t offset, size_t max, bool more_may_come,
                      struct bytes *out, uint64_t *ret_next, uint64_t *ret_skipped)
{
    size_t before = out->len;
    outlog_read(log, offset, max, out, ret_next, ret_skipped);
    if (!more_may_come && *ret_next == log->length)
        return;
    size_t held = utf8_held_back(out->data + before, out->len - before);
    /* A cut by `max` alone may leave nothing but the held bytes: then they are not UTF-8 anyway. */
    if (held == out->len - before && *ret_next < log->length)
        return;
    out->len -= held;
    *ret_next -= held;
}

/* Step into the text until a character begins, so that no half of one is shown. */
static size_t skip_continuation(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && i < 4 && ((unsigned char)text[i] & 0xC0) == 0x80)
        i++;
    return i;
}

void outlog_excerpt(struct outlog *log, size_t max, struct bytes *out, bool *ret_cut)
{
    uint64_t next, skipped;
    *ret_cut = false;
    if (max == 0 || log->length <= max) {
        outlog_read(log, 0, max ? max : out->limit - out->len, out, &next, &skipped);
        *ret_cut = next < log->length || skipped > 0;
        return;
    }
    *ret_cut = true;
    size_t half = max / 2, before = out->len;
    outlog_read(log, 0, half, out, &next, &skipped);
    out->len -= utf8_held_back(out->data + before, out->len - before);
    uint64_t from = log->length - (max - half);
    (void)bytes_printf(out, "\n... [%llu bytes left out] ...\n",
                       (unsigned long long)(from - (out->len - before)));
    before = out->len;
    outlog_read(log, from, max - half, out, &next, &skipped);
    size_t skip = out->failed ? 0 : skip_continuation(out->data + before, out->len - before);
    if (skip) {
        memmove(out->data + before, out->data + before + skip, out->len - before - skip);
        out->len -= skip;
    }
}
