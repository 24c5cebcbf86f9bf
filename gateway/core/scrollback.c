#include "core/scrollback.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE (4 * KIB)

void scrollback_done(struct scrollback *s)
{
    free(s->data);
    *s = (struct scrollback){0};
}

uint64_t scrollback_first(const struct scrollback *s)
{
    return s->total > s->size ? s->total - s->size : 0;
}

static void copy_in(char *ring, size_t size, uint64_t offset, const char *data, size_t n)
{
    size_t at = (size_t)(offset & (size - 1));
    size_t run = size - at < n ? size - at : n;
    memcpy(ring + at, data, run);
    memcpy(ring, data + run, n - run);
}

static void grow(struct scrollback *s, size_t need)
{
    size_t size = s->size ? s->size : FIRST_SIZE;
    while (size < need && size < SCROLLBACK_CEILING)
        size *= 2;
    char *data = size > s->size ? malloc(size) : NULL;
    if (!data)
        return; /* the ring stays as it is: older output goes sooner */
    for (uint64_t at = scrollback_first(s); s->size && at < s->total;) {
        size_t from = (size_t)(at & (s->size - 1));
        size_t run = s->size - from;
        if (run > s->total - at)
            run = (size_t)(s->total - at);
        copy_in(data, size, at, s->data + from, run);
        at += run;
    }
    free(s->data);
    s->data = data;
    s->size = size;
}

void scrollback_add(struct scrollback *s, const char *data, size_t n)
{
    uint64_t held = s->total - scrollback_first(s);
    if (held + n > s->size && s->size < SCROLLBACK_CEILING)
        grow(s, (size_t)held + n);
    if (n > s->size) {
        s->total += n - s->size;
        data += n - s->size;
        n = s->size;
    }
    if (n)
        copy_in(s->data, s->size, s->total, data, n);
    s->total += n;
}

uint64_t scrollback_replay_start(const struct scrollback *s)
{
    uint64_t at = scrollback_first(s);
    if (at == 0)
        return 0;
    for (uint64_t p = at; p < s->total; p++)
        if (s->data[p & (s->size - 1)] == '\n')
            return p + 1;
    return at;
}

void scrollback_read(const struct scrollback *s, uint64_t *offset, size_t max, struct bytes *out)
{
    uint64_t at = *offset < scrollback_first(s) ? scrollback_first(s) : *offset;
    while (at < s->total && max) {
        size_t from = (size_t)(at & (s->size - 1));
        size_t run = s->size - from < max ? s->size - from : max;
        if (run > s->total - at)
            run = (size_t)(s->total - at);
        if (bytes_add(out, s->data + from, run) < 0)
            break;
        at += run;
        max -= run;
    }
    *offset = at;
}
