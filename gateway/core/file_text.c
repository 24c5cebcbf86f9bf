/* Reading a file, whole or by lines. Lines end with LF; what is returned is exactly what is there.
 */
#include "core/file_text.h"

#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "core/file_io.h"
#include "core/file_problem.h"

#define CHUNK (64 * KIB)
/* Room in front of a chunk for what was held back of the previous one. */
#define HEADROOM 4

/* Content on its way into the answer. */
struct emitter {
    struct jsonw *w;
    bool base64;
    char held[HEADROOM]; /* an unfinished sequence, or 1–2 bytes short of a base64 group */
    size_t held_n;
    uint64_t total, lines;
    char last;
};

static int fail_at(const struct emitter *e, const char *text, size_t n, struct err *err)
{
    size_t i = 0;
    int length;
    while (i < n && (length = utf8_sequence((const unsigned char *)text + i, n - i)) > 0)
        i += (size_t)length;
    return file_fail_decode(err, (unsigned char)text[i < n ? i : 0], e->total - n + i);
}

static int put_base64(struct emitter *e, const char *data, size_t n, struct err *err)
{
    cleanup_bytes struct bytes text = BYTES_INIT(2 * CHUNK);
    if (base64_encode(&text, data, n) < 0)
        return err_memory(err);
    jsonw_piece(e->w, text.data, text.len);
    return 0;
}

/* `data` has HEADROOM writable bytes in front of it. */
static int emit(struct emitter *e, char *data, size_t n, struct err *err)
{
    if (n == 0)
        return 0;
    e->total += n;
    if (e->total > FILE_READ_MAX)
        return err_set(
            err, ERR_TOO_LARGE,
            "more than the %zu MiB that fit one answer; read fewer lines, or download it",
            FILE_READ_MAX / MIB);
    e->last = data[n - 1];
    for (const char *at = data; (at = memchr(at, '\n', (size_t)(data + n - at))); at++)
        e->lines++;
    data -= e->held_n;
    memcpy(data, e->held, e->held_n);
    n += e->held_n;
    e->held_n = e->base64 ? n % 3 : utf8_held_back(data, n);
    size_t whole = n - e->held_n;
    memcpy(e->held, data + whole, e->held_n);
    if (e->base64)
        return whole ? put_base64(e, data, whole, err) : 0;
    if (!utf8_valid(data, whole))
        return fail_at(e, data, n, err);
    jsonw_piece(e->w, data, whole);
    return 0;
}

static int emit_end(struct emitter *e, struct err *err)
{
    if (e->total && e->last != '\n')
        e->lines++;
    if (e->held_n == 0)
        return 0;
    if (e->base64)
        return put_base64(e, e->held, e->held_n, err);
    return fail_at(e, e->held, e->held_n, err);
}

/* The part of a chunk that lies within the wanted lines; *line counts on. */
static void clip(char **from, char **to, int64_t *line, int64_t start, int64_t end)
{
    char *at = *from;
    while (*line < start && (at = memchr(at, '\n', (size_t)(*to - at)))) {
        at++;
        ++*line;
    }
    if (*line < start || !at) {
        *from = *to;
        return;
    }
    *from = at;
    while (*line < end && at < *to && (at = memchr(at, '\n', (size_t)(*to - at)))) {
        at++;
        ++*line;
    }
    if (*line >= end && at)
        *to = at;
}

static int read_lines(int fd, const struct file_read *in, struct emitter *e, struct err *err)
{
    int64_t start = in->start_line == INT_ABSENT ? 0 : in->start_line;
    int64_t end = in->end_line == INT_ABSENT ? INT64_MAX : in->end_line;
    bool ranged = start > 0 || end < INT64_MAX;
    cleanup_free char *buffer = malloc(HEADROOM + CHUNK);
    int64_t line = 0;
    if (!buffer)
        return err_memory(err);
    while (!ranged || (line < end && start < end)) {
        long n = file_read_some(fd, buffer + HEADROOM, CHUNK, err);
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        char *from = buffer + HEADROOM, *to = from + n;
        if (ranged)
            clip(&from, &to, &line, start, end);
        if (emit(e, from, (size_t)(to - from), err) < 0)
            return -1;
    }
    return emit_end(e, err);
}

int file_read(struct files *files, const struct file_read *in, struct jsonw *w, struct err *err)
{
    struct stat st;
    cleanup_close int fd = -1;
    (void)files;
    if (file_open_read(in->file.p, &fd, &st, err) < 0)
        return -1;
    bool whole = in->start_line == INT_ABSENT && in->end_line == INT_ABSENT;
    if (whole && (uint64_t)st.st_size > FILE_READ_MAX)
        return err_set(err, ERR_TOO_LARGE,
                       "%lld bytes are more than the %zu MiB that fit one answer; read it by lines "
                       "(start_line, end_line), or download it",
                       (long long)st.st_size, FILE_READ_MAX / MIB);
    struct emitter e = {.w = w, .base64 = in->encoding == ENCODING_BASE64};
    jsonw_object(w);
    jsonw_key(w, "content");
    jsonw_string_begin(w);
    if (read_lines(fd, in, &e, err) < 0)
        return -1;
    jsonw_string_end(w);
    jsonw_kint(w, "line_count", (int64_t)e.lines);
    jsonw_kstr(w, "file", in->file.p);
    jsonw_object_end(w);
    return 0;
}
