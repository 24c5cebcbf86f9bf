#include "core/editor.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "core/file_draft.h"
#include "core/file_io.h"
#include "core/file_problem.h"

/* Lines shown before and after what an edit changed. */
#define SNIPPET_LINES 4
/* How often an edit starts anew because the file was changed under it. */
#define ATTEMPTS 5

/* One edit under way. */
struct edit {
    struct files *files;
    const struct editor_request *in;
    struct bytes before, after, output;
    struct file_version version;
    int64_t first, last; /* lines of `after` that changed */
    bool overtaken;      /* the file was not what was read any more */
};

static int load(struct edit *e, struct err *err)
{
    struct stat st;
    cleanup_close int fd = -1;
    bytes_clear(&e->before);
    bytes_clear(&e->after);
    if (file_open_read(e->in->path.p, &fd, &st, err) < 0)
        return -1;
    e->version = file_version_of(&st);
    if (file_read_whole(fd, &e->before, err) < 0)
        return -1;
    if (utf8_valid(e->before.data, e->before.len))
        return 0;
    size_t i = 0;
    int length;
    while ((length = utf8_sequence((unsigned char *)e->before.data + i, e->before.len - i)) > 0)
        i += (size_t)length;
    return file_fail_decode(err, (unsigned char)e->before.data[i], i);
}

static int save(struct edit *e, const struct file_version *expected, struct err *err)
{
    struct file_draft draft = FILE_DRAFT_NONE;
    if (file_draft_open(e->in->path.p, &draft, err) < 0)
        return -1;
    if (file_write_all(draft.fd, e->after.data, e->after.len, err) < 0) {
        file_draft_discard(&draft);
        return -1;
    }
    return file_draft_commit(e->files, &draft, e->in->path.p, expected, err);
}

static int64_t count_lines(const char *text, size_t n)
{
    int64_t lines = 0;
    const char *end = text + n;
    while (n && (text = memchr(text, '\n', (size_t)(end - text)))) {
        text++;
        lines++;
    }
    return lines;
}

/* ---- str_replace ---- */

/* "2 times, on lines 3, 17" */
static int not_unique(const struct bytes *text, const struct text *old, size_t count,
                      struct err *err)
{
    char lines[200] = "";
    size_t used = 0;
    const char *at = text->data, *end = at + text->len;
    for (size_t i = 0; i < count && used + 24 < sizeof lines; i++) {
        at = memmem(at, (size_t)(end - at), old->p, old->n);
        int n = snprintf(lines + used, sizeof lines - used, "%s%lld", i ? ", " : "",
                         (long long)count_lines(text->data, (size_t)(at - text->data)) + 1);
        used += (size_t)(n > 0 ? n : 0);
        at += old->n;
    }
    return err_set(err, ERR_CONFLICT,
                   "old_str occurs %zu times (lines %s%s); make it unique by more context, or say "
                   "which with replace_mode ALL, FIRST or LAST",
                   count, lines, used + 24 < sizeof lines ? "" : " …");
}

static size_t count_occurrences(const struct bytes *text, const struct text *old)
{
    size_t count = 0;
    const char *at = text->data, *end = at + text->len;
    while (text->len && (at = memmem(at, (size_t)(end - at), old->p, old->n))) {
        at += old->n;
        count++;
    }
    return count;
}

static int put_replaced(struct edit *e, size_t count)
{
    const struct text *old = &e->in->old_str;
    const char *new = e->in->new_str.p ? e->in->new_str.p : "";
    size_t new_n = e->in->new_str.n;
    const char *at = e->before.data, *end = at + e->before.len;
    for (size_t i = 0; i < count; i++) {
        const char *hit = memmem(at, (size_t)(end - at), old->p, old->n);
        bool only_first = e->in->replace_mode == EDITOR_FIRST;
        bool chosen = only_first ? i == 0 : i == count - 1 || e->in->replace_mode != EDITOR_LAST;
        (void)bytes_add(&e->after, at, (size_t)(hit - at));
        if (chosen && e->first == 0)
            e->first = count_lines(e->after.data, e->after.len) + 1;
        (void)bytes_add(&e->after, chosen ? new : hit, chosen ? new_n : old->n);
        if (chosen && (only_first || i == count - 1))
            e->last = count_lines(e->after.data, e->after.len) + 1;
        at = hit + old->n;
    }
    return bytes_add(&e->after, at, (size_t)(end - at));
}

static int str_replace(struct edit *e, struct err *err)
{
    const struct text *old = &e->in->old_str;
    size_t count = count_occurrences(&e->before, old);
    if (count == 0)
        return err_set(err, ERR_NOT_FOUND, "old_str does not occur in it as written");
    if (count > 1 && e->in->replace_mode == CHOICE_ABSENT)
        return not_unique(&e->before, old, count, err);
    e->first = e->last = 0;
    return put_replaced(e, count) < 0
               ? err_set(err, ERR_TOO_LARGE, "the result is over %zu MiB", EDITOR_FILE_MAX / MIB)
               : 0;
}

/* ---- insert ---- */

static int insert(struct edit *e, struct err *err)
{
    const struct text *new = &e->in->new_str;
    const char *at = e->before.data, *end = at + e->before.len;
    int64_t lines = count_lines(e->before.data, e->before.len);
    bool partial = e->before.len && end[-1] != '\n';
    if (e->in->insert_line > lines + partial)
        return err_field(err, "insert_line",
                         "field 'insert_line' is %lld, but the file has %lld lines",
                         (long long)e->in->insert_line, (long long)(lines + partial));
    for (int64_t i = 0; i < e->in->insert_line && at < end; i++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    (void)bytes_add(&e->after, e->before.data, (size_t)(at - e->before.data));
    if (e->after.len && e->after.data[e->after.len - 1] != '\n')
        (void)bytes_addc(&e->after, '\n');
    (void)bytes_add(&e->after, new->p, new->n);
    if (new->n &&new->p[new->n - 1] != '\n')
        (void)bytes_addc(&e->after, '\n');
    e->first = e->in->insert_line + 1;
    e->last = count_lines(e->after.data, e->after.len);
    (void)bytes_add(&e->after, at, (size_t)(end - at));
    return e->after.failed
               ? err_set(err, ERR_TOO_LARGE, "the result is over %zu MiB", EDITOR_FILE_MAX / MIB)
               : 0;
}

/* ---- changing an existing file ---- */

static int change_once(struct edit *e, struct err *err)
{
    char entry[HISTORY_NAME_SIZE] = "";
    e->overtaken = false;
    if (load(e, err) < 0)
        return -1;
    switch (e->in->command) {
    case EDITOR_STR_REPLACE:
        if (str_replace(e, err) < 0)
            return -1;
        break;
    case EDITOR_INSERT:
        if (insert(e, err) < 0)
            return -1;
        break;
    default:
        e->first = e->last = 0;
        if (history_latest(e->files, e->in->path.p, &e->after, entry, err) < 0)
            return -1;
    }
    /* Kept before the change takes place, so that what is kept has the order of the changes. */
    bool undo = entry[0];
    if (!undo &&
        history_push(e->files, e->in->path.p, e->before.data, e->before.len, entry, err) < 0)
        return -1;
    int r = save(e, &e->version, err);
    e->overtaken = r < 0 && err->kind == ERR_CONFLICT;
    if ((r == 0) == undo)
        history_drop(e->files, entry);
    return r;
}

static int change(struct edit *e, struct err *err)
{
    for (int i = 1;; i++) {
        struct err failure = ERR_INIT;
        if (change_once(e, &failure) == 0)
            break;
        if (!e->overtaken || i == ATTEMPTS) {
            *err = failure;
            return -1;
        }
    }
    (void)bytes_printf(&e->output, "%s was %s.\n", e->in->path.p,
                       e->in->command == EDITOR_UNDO ? "set back to before its last edit"
                                                     : "edited; the lines around the change:");
    if (e->first)
        editor_number_lines(&e->output, e->after.data, e->after.len, e->first - SNIPPET_LINES,
                            e->last + SNIPPET_LINES);
    return 0;
}

static int create(struct edit *e, struct err *err)
{
    struct stat st;
    if (lstat(e->in->path.p, &st) == 0)
        return file_fail(err, EEXIST);
    if (bytes_add(&e->after, e->in->file_text.p, e->in->file_text.n) < 0)
        return err_field(err, "file_text", "field 'file_text' is longer than %zu MiB",
                         EDITOR_FILE_MAX / MIB);
    if (save(e, NULL, err) < 0)
        return -1;
    (void)bytes_printf(&e->output, "%s was created.\n", e->in->path.p);
    return 0;
}

/* ---- the request ---- */

static int missing(const char *field, const char *command, struct err *err)
{
    return err_field(err, field, "field '%s' is required by the command %s", field, command);
}

static int check(const struct editor_request *in, struct err *err)
{
    switch (in->command) {
    case EDITOR_CREATE:
        return in->file_text.p ? 0 : missing("file_text", "create", err);
    case EDITOR_STR_REPLACE:
        if (!in->old_str.p)
            return missing("old_str", "str_replace", err);
        if (in->old_str.n == 0)
            return err_field(err, "old_str", "field 'old_str' must not be empty");
        if (in->new_str.p && in->old_str.n == in->new_str.n &&
            memcmp(in->old_str.p, in->new_str.p, in->old_str.n) == 0)
            return err_field(err, "new_str", "field 'new_str' is the same as 'old_str'");
        return 0;
    case EDITOR_INSERT:
        if (in->insert_line == INT_ABSENT)
            return missing("insert_line", "insert", err);
        return in->new_str.p ? 0 : missing("new_str", "insert", err);
    default:
        return 0;
    }
}

static void write_result(struct jsonw *w, const struct edit *e)
{
    bool existed = e->in->command != EDITOR_CREATE;
    bool viewed = e->in->command == EDITOR_VIEW;
    jsonw_object(w);
    jsonw_ktext(w, "output", e->output.data, e->output.len);
    jsonw_knull(w, "error");
    jsonw_kstr(w, "path", e->in->path.p);
    jsonw_kbool(w, "prev_exist", existed);
    if (existed && !viewed)
        jsonw_ktext(w, "old_content", e->before.data, e->before.len);
    else
        jsonw_knull(w, "old_content");
    if (viewed)
        jsonw_knull(w, "new_content");
    else
        jsonw_ktext(w, "new_content", e->after.data, e->after.len);
    jsonw_knull(w, "metadata");
    jsonw_object_end(w);
}

int editor_run(struct files *files, const struct editor_request *in, struct jsonw *w,
               struct err *err)
{
    struct edit e = {
        .files = files,
        .in = in,
        .before = BYTES_INIT(EDITOR_FILE_MAX),
        .after = BYTES_INIT(EDITOR_FILE_MAX),
        /* A view, one more line and its marks. */
        .output = BYTES_INIT(2 * EDITOR_VIEW_MAX),
    };
    int r = check(in, err);
    if (r == 0 && in->command == EDITOR_VIEW)
        r = editor_view(in, &e.output, err);
    else if (r == 0 && in->command == EDITOR_CREATE)
        r = create(&e, err);
    else if (r == 0)
        r = change(&e, err);
    if (r == 0)
        write_result(w, &e);
    bytes_done(&e.before);
    bytes_done(&e.after);
    bytes_done(&e.output);
    return r;
}
