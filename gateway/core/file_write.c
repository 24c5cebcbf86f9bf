/* Writing a file, and replacing text in one. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "core/file_draft.h"
#include "core/file_io.h"
#include "core/file_problem.h"
#include "core/file_text.h"

/* ---- what is to be written ---- */

/* Every character of `text` is one byte. */
static int decode_raw(const struct text *text, struct bytes *out, struct err *err)
{
    if (bytes_reserve(out, text->n) < 0)
        return err_memory(err);
    for (size_t i = 0; i < text->n; i++) {
        unsigned char c = (unsigned char)text->p[i];
        if (c >= 0xC4)
            return err_field(err, "content",
                             "field 'content' holds a character above U+00FF, which raw is not");
        if (c >= 0x80) /* C2 or C3, and one more */
            c = (unsigned char)((unsigned)(c & 3) << 6 | ((unsigned char)text->p[++i] & 0x3F));
        (void)bytes_addc(out, (char)c);
    }
    return 0;
}

struct payload {
    const char *data;
    size_t n;
    const char *before, *after; /* newlines */
};

static int decode_payload(const struct file_write *in, struct bytes *decoded, struct payload *p,
                          struct err *err)
{
    bool text = in->encoding != ENCODING_BASE64;
    *p = (struct payload){in->content.p, in->content.n, text && in->leading_newline ? "\n" : "",
                          text && in->trailing_newline ? "\n" : ""};
    if (in->encoding == ENCODING_UTF8)
        return 0;
    *decoded = bytes_with_limit(in->content.n + 8);
    if (in->encoding == ENCODING_RAW) {
        if (decode_raw(&in->content, decoded, err) < 0)
            return -1;
    } else if (base64_decode(decoded, in->content.p, in->content.n) < 0) {
        if (decoded->failed)
            return err_memory(err);
        return err_field(err, "content", "field 'content' is not valid base64");
    }
    p->data = decoded->data ? decoded->data : "";
    p->n = decoded->len;
    return 0;
}

static int put_payload(int fd, const struct payload *p, struct err *err)
{
    if (file_write_all(fd, p->before, strlen(p->before), err) < 0 ||
        file_write_all(fd, p->data, p->n, err) < 0)
        return -1;
    return file_write_all(fd, p->after, strlen(p->after), err);
}

/* ---- write ---- */

static int append(const char *path, const struct payload *p, struct err *err)
{
    struct stat st;
    const int flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    cleanup_close int fd = open(path, flags, 0666);
    if (fd < 0 && errno == ENOENT) {
        char parent[PATH_MAX];
        (void)snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(path, '/') - path), path);
        if (parent[0] && file_make_directories(parent, err) < 0)
            return -1;
        fd = open(path, flags, 0666);
    }
    if (fd < 0 || fstat(fd, &st) < 0)
        return file_fail(err, errno);
    if (!S_ISREG(st.st_mode))
        return file_fail_kind(err, st.st_mode);
    if (put_payload(fd, p, err) == 0)
        return 0;
    /* Half an addition helps nobody: take it back, unless others have appended since. */
    struct stat now;
    off_t whole = st.st_size + (off_t)(strlen(p->before) + p->n + strlen(p->after));
    if (fstat(fd, &now) == 0 && now.st_size < whole)
        (void)!ftruncate(fd, st.st_size);
    return -1;
}

static int write_whole(struct files *files, const char *path, const struct payload *p,
                       struct err *err)
{
    struct file_draft draft = FILE_DRAFT_NONE;
    if (file_draft_open(path, &draft, err) < 0)
        return -1;
    if (put_payload(draft.fd, p, err) < 0) {
        file_draft_discard(&draft);
        return -1;
    }
    return file_draft_commit(files, &draft, path, NULL, err);
}

int file_write(struct files *files, const struct file_write *in, struct jsonw *w, struct err *err)
{
    cleanup_bytes struct bytes decoded = BYTES_INIT(0);
    struct payload p;
    if (decode_payload(in, &decoded, &p, err) < 0)
        return -1;
    int r = in->append ? append(in->file.p, &p, err) : write_whole(files, in->file.p, &p, err);
    if (r < 0)
        return -1;
    jsonw_object(w);
    jsonw_kstr(w, "file", in->file.p);
    jsonw_kint(w, "bytes_written", (int64_t)(strlen(p.before) + p.n + strlen(p.after)));
    jsonw_object_end(w);
    return 0;
}

/* ---- replace ---- */

#define WINDOW (256 * KIB)

/* One pass over a file: counts occurrences and, with `to` given, writes the changed text. */
struct pass {
    const struct file_replace *in;
    int from, to; /* to: -1 counts only */
    char *window;
    size_t size, n;
    struct bytes out;
    int64_t count;
};

static int flush(struct pass *p, struct err *err)
{
    int r = file_write_all(p->to, p->out.data, p->out.len, err);
    bytes_clear(&p->out);
    return r;
}

static int put(struct pass *p, const char *data, size_t n, struct err *err)
{
    if (p->to < 0)
        return 0;
    if (p->out.len + n > WINDOW && flush(p, err) < 0)
        return -1;
    if (n > WINDOW)
        return file_write_all(p->to, data, n, err);
    return bytes_add(&p->out, data, n) < 0 ? err_memory(err) : 0;
}

/* Everything that can be decided with what is in the window. */
static int scan(struct pass *p, bool last, struct err *err)
{
    const struct text *old = &p->in->old_str, *new = &p->in->new_str;
    size_t at = 0;
    const char *hit;
    while ((hit = memmem(p->window + at, p->n - at, old->p, old->n))) {
        size_t plain = (size_t)(hit - (p->window + at));
        if (put(p, p->window + at, plain, err) < 0 || put(p, new->p, new->n, err) < 0)
            return -1;
        at += plain + old->n;
        p->count++;
    }
    /* An occurrence may begin in what is left. */
    size_t left = p->n - at;
    size_t keep = last ? 0 : left < old->n - 1 ? left : old->n - 1;
    if (put(p, p->window + at, left - keep, err) < 0)
        return -1;
    memmove(p->window, p->window + p->n - keep, keep);
    p->n = keep;
    return 0;
}

static int pass_over(struct pass *p, struct err *err)
{
    p->n = 0;
    p->count = 0;
    if (lseek(p->from, 0, SEEK_SET) < 0)
        return file_fail(err, errno);
    for (;;) {
        long n = file_read_some(p->from, p->window + p->n, p->size - p->n, err);
        if (n < 0)
            return -1;
        p->n += (size_t)n;
        if (scan(p, n == 0, err) < 0)
            return -1;
        if (n == 0)
            return p->to < 0 ? 0 : flush(p, err);
    }
}

static int replace_into_draft(struct pass *p, struct file_draft *draft, struct err *err)
{
    if (file_draft_open(p->in->file.p, draft, err) < 0)
        return -1;
    p->to = draft->fd;
    if (pass_over(p, err) == 0)
        return 0;
    file_draft_discard(draft);
    return -1;
}

int file_replace(struct files *files, const struct file_replace *in, struct jsonw *w,
                 struct err *err)
{
    struct stat st;
    cleanup_close int fd = -1;
    struct file_draft draft = FILE_DRAFT_NONE;
    if (file_open_read(in->file.p, &fd, &st, err) < 0)
        return -1;
    if ((uint64_t)st.st_size > FILE_REPLACE_MAX)
        return err_set(err, ERR_TOO_LARGE, "%lld bytes are more than the %zu MiB this works on",
                       (long long)st.st_size, FILE_REPLACE_MAX / MIB);
    size_t size = WINDOW + 2 * in->old_str.n;
    cleanup_free char *window = malloc(size);
    if (!window)
        return err_memory(err);
    struct pass p = {in, fd, -1, window, size, 0, BYTES_INIT(2 * WINDOW), 0};
    struct file_version version = file_version_of(&st);
    int r = pass_over(&p, err);
    if (r == 0 && p.count > 0) {
        r = replace_into_draft(&p, &draft, err);
        if (r == 0)
            r = file_draft_commit(files, &draft, in->file.p, &version, err);
    }
    bytes_done(&p.out);
    if (r < 0)
        return -1;
    jsonw_object(w);
    jsonw_kstr(w, "file", in->file.p);
    jsonw_kint(w, "replaced_count", p.count);
    jsonw_object_end(w);
    return 0;
}
