/* Showing a file with line numbers, or what is in a directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "core/editor.h"
#include "core/file_io.h"
#include "core/file_problem.h"

#define CHUNK        (64 * KIB)
#define VIEW_DEPTH   2
#define VIEW_ENTRIES 1000
static const char cut_mark[] = "… (cut here: ask for fewer lines with view_range)\n";

/* ---- numbered lines, as they stream by ---- */

struct numbering {
    struct bytes *out;
    int64_t line, first, last;
    bool begun;   /* the current line's number is written */
    size_t width; /* bytes of the current line shown */
    bool full;
};

static void begin_line(struct numbering *v)
{
    if (v->begun)
        return;
    v->full |= v->out->len > EDITOR_VIEW_MAX;
    if (!v->full)
        (void)bytes_printf(v->out, "%6lld\t", (long long)v->line);
    v->begun = true;
    v->width = 0;
}

/* A stretch without a newline. */
static void show(struct numbering *v, const char *text, size_t n)
{
    if (v->line < v->first || v->line > v->last || n == 0)
        return;
    begin_line(v);
    if (v->full || v->width > EDITOR_LINE_MAX)
        return;
    size_t room = EDITOR_LINE_MAX - v->width, shown = n < room ? n : room;
    shown -= utf8_held_back(text, shown);
    (void)bytes_add(v->out, text, shown);
    v->width += shown;
    if (shown < n) {
        (void)bytes_adds(v->out, "… (the line goes on)");
        v->width = EDITOR_LINE_MAX + 1;
    }
}

static void number(struct numbering *v, const char *text, size_t n)
{
    const char *end = text + n;
    while (text < end && v->line <= v->last) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        show(v, text, (size_t)((newline ? newline : end) - text));
        if (!newline)
            return;
        if (v->line >= v->first) {
            begin_line(v);
            if (!v->full)
                (void)bytes_addc(v->out, '\n');
        }
        v->begun = false;
        v->line++;
        text = newline + 1;
    }
}

void editor_number_lines(struct bytes *out, const char *text, size_t n, int64_t first, int64_t last)
{
    struct numbering v = {.out = out, .line = 1, .first = first, .last = last};
    if (n == 0)
        return;
    number(&v, text, n);
    if (out->len && out->data[out->len - 1] != '\n')
        (void)bytes_addc(out, '\n');
}

/* ---- a file ---- */

static int fail_at(const char *text, size_t n, uint64_t at, struct err *err)
{
    size_t i = 0;
    int length;
    while (i < n && (length = utf8_sequence((const unsigned char *)text + i, n - i)) > 0)
        i += (size_t)length;
    return file_fail_decode(err, (unsigned char)text[i], at + i);
}

/* Text until the end of the range; `ended` tells that the file's end was reached. */
static int stream(int fd, struct numbering *v, bool *ret_ended, bool *ret_partial, struct err *err)
{
    cleanup_free char *buffer = malloc(CHUNK);
    size_t held = 0;
    uint64_t at = 0;
    char last = '\n';
    *ret_ended = *ret_partial = false;
    if (!buffer)
        return err_memory(err);
    while (v->line <= v->last && !v->full) {
        long n = file_read_some(fd, buffer + held, CHUNK - held, err);
        if (n < 0)
            return -1;
        size_t have = held + (size_t)n;
        held = n > 0 ? utf8_held_back(buffer, have) : 0;
        size_t whole = have - held;
        if (!utf8_valid(buffer, whole))
            return fail_at(buffer, whole, at, err);
        number(v, buffer, whole);
        if (whole)
            last = buffer[whole - 1];
        at += whole;
        memmove(buffer, buffer + whole, held);
        if (n == 0) {
            *ret_ended = true;
            break;
        }
    }
    *ret_partial = last != '\n';
    return 0;
}

static int range_of(const struct int_list *range, int64_t *first, int64_t *last, struct err *err)
{
    *first = 1;
    *last = INT64_MAX;
    if (range->n == 0)
        return 0;
    if (range->n != 2)
        return err_field(err, "view_range", "field 'view_range' must be two line numbers");
    *first = range->items[0];
    if (range->items[1] != -1)
        *last = range->items[1];
    if (*first < 1 || *last < *first)
        return err_field(err, "view_range",
                         "field 'view_range' must begin at 1 or later and not end before it begins "
                         "(-1: the end of the file)");
    return 0;
}

static int view_file(const struct editor_request *in, struct bytes *out, struct err *err)
{
    struct stat st;
    cleanup_close int fd = -1;
    struct numbering v = {.out = out, .line = 1};
    bool ended = false, partial = false;
    if (range_of(&in->view_range, &v.first, &v.last, err) < 0 ||
        file_open_read(in->path.p, &fd, &st, err) < 0)
        return -1;
    (void)bytes_printf(out, "Content of %s, with line numbers:\n", in->path.p);
    if (stream(fd, &v, &ended, &partial, err) < 0)
        return -1;
    int64_t lines = v.line - (partial ? 0 : 1);
    if (ended && v.first > lines && v.first > 1)
        return err_field(err, "view_range", "field 'view_range' begins at line %lld of %lld",
                         (long long)v.first, (long long)lines);
    if (out->len && out->data[out->len - 1] != '\n')
        (void)bytes_addc(out, '\n');
    if (v.full)
        (void)bytes_adds(out, cut_mark);
    return 0;
}

/* ---- a directory ---- */

struct listing {
    struct bytes *out;
    size_t entries;
};

static int visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

/* Entries in order, directories followed by their own; links are not followed. */
static void list_into(struct listing *l, int dir, const char *path, int depth)
{
    struct dirent **names = NULL;
    int n = scandirat(dir, ".", &names, visible, alphasort);
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        struct stat st;
        char below[PATH_MAX];
        struct err too_long;
        if (l->entries < VIEW_ENTRIES && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            file_join(below, path, name, &too_long) == 0) {
            bool folder = S_ISDIR(st.st_mode);
            (void)bytes_printf(l->out, "%s%s\n", below, folder ? "/" : "");
            l->entries++;
            int sub = folder && depth < VIEW_DEPTH
                          ? openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                          : -1;
            if (sub >= 0) {
                list_into(l, sub, below, depth + 1);
                (void)close(sub);
            }
        }
        free(names[i]);
    }
    free(names);
}

static int view_directory(const struct editor_request *in, struct bytes *out, struct err *err)
{
    cleanup_close int dir = -1;
    struct listing l = {out, 0};
    if (in->view_range.n)
        return err_field(err, "view_range", "field 'view_range' is for files, not for a directory");
    if (file_open_dir(in->path.p, &dir, err) < 0)
        return -1;
    (void)bytes_printf(out, "Directory %s, two levels deep, without hidden entries:\n", in->path.p);
    list_into(&l, dir, in->path.p, 1);
    if (l.entries >= VIEW_ENTRIES)
        (void)bytes_printf(out, "… (cut here: there is more than %d entries)\n", VIEW_ENTRIES);
    return 0;
}

int editor_view(const struct editor_request *in, struct bytes *out, struct err *err)
{
    struct stat st;
    if (stat(in->path.p, &st) < 0)
        return file_fail(err, errno);
    return S_ISDIR(st.st_mode) ? view_directory(in, out, err) : view_file(in, out, err);
}
