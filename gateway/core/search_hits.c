/* Collecting what ripgrep reports: the lines of the answer, in order, with their context. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "core/search.h"
#include "core/search_event.h"

/* One line of ripgrep's report; a file's line longer than about half of this is passed over. */
#define EVENT_MAX (8 * MIB)
#define NAMES_MAX (8 * MIB)
#define LINES_MAX 250000
/* While matches before the offset go by, lines are dropped in batches of this many. */
#define SKIP_BATCH 512

void hits_init(struct search_hits *hits)
{
    hits->names = bytes_with_limit(NAMES_MAX);
    hits->text = bytes_with_limit(SEARCH_TEXT_MAX);
    hits->input = bytes_with_limit(EVENT_MAX);
    hits->spare[0] = hits->spare[1] = bytes_with_limit(EVENT_MAX);
    hits->files_searched = -1;
}

void hits_done(struct search_hits *hits)
{
    bytes_done(&hits->names);
    bytes_done(&hits->text);
    bytes_done(&hits->input);
    bytes_done(&hits->spare[0]);
    bytes_done(&hits->spare[1]);
    free(hits->lines);
}

/* ---- lines ---- */

static void forget_lines(struct search_hits *hits)
{
    hits->n = 0;
    bytes_clear(&hits->text);
}

/* Keep the last few: they may be context of the first match of the answer. */
static void drop_skipped(struct search_hits *hits)
{
    size_t keep = (size_t)hits->context;
    if (hits->n < SKIP_BATCH || hits->n <= keep)
        return;
    struct search_line *first = &hits->lines[hits->n - keep];
    size_t base = keep ? first->at : hits->text.len;
    memmove(hits->lines, first, keep * sizeof *first);
    hits->n = keep;
    for (size_t i = 0; i < keep; i++)
        hits->lines[i].at -= base;
    bytes_consume(&hits->text, base);
}

static int64_t count_lines(const char *text, size_t n)
{
    int64_t lines = 0;
    for (const char *at = text, *end = text + n; at < end; lines++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    return lines ? lines : 1;
}

static int add_text(struct search_hits *hits, const char *text, size_t n)
{
    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    if (n <= SEARCH_LINE_MAX)
        return bytes_add(&hits->text, text, n);
    size_t shown = SEARCH_LINE_MAX - utf8_held_back(text, SEARCH_LINE_MAX);
    (void)bytes_add(&hits->text, text, shown);
    return bytes_printf(&hits->text, "… [%zu bytes more]", n - shown);
}

static int add_line(struct search_hits *hits, const struct search_event *e, bool match)
{
    if (hits->n == hits->room) {
        size_t room = hits->room ? hits->room * 2 : 256;
        struct search_line *more = realloc(hits->lines, room * sizeof *more);
        if (!more)
            return -1;
        hits->lines = more;
        hits->room = room;
    }
    size_t at = hits->text.len;
    if (hits->n == LINES_MAX || add_text(hits, e->lines.p, e->lines.n) < 0)
        return -1;
    hits->lines[hits->n++] = (struct search_line){hits->name_at,
                                                  hits->name_n,
                                                  at,
                                                  hits->text.len - at,
                                                  e->line_number,
                                                  count_lines(e->lines.p, e->lines.n),
                                                  match};
    return 0;
}

/* ---- events ---- */

static int begin_file(struct search_hits *hits, const struct search_event *e)
{
    struct text name = e->path;
    hits->file_counted = false;
    if (hits->seen <= hits->offset) {
        forget_lines(hits);
        bytes_clear(&hits->names);
    }
    hits->name_at = hits->names.len;
    if (hits->single)
        name = (struct text){hits->single, strlen(hits->single)};
    else if (name.n > 2 && memcmp(name.p, "./", 2) == 0)
        name = (struct text){name.p + 2, name.n - 2};
    if (!hits->single) {
        size_t n = strlen(hits->root);
        (void)bytes_add(&hits->names, hits->root, n);
        if (n && hits->root[n - 1] != '/')
            (void)bytes_addc(&hits->names, '/');
    }
    (void)bytes_add(&hits->names, name.p, name.n);
    hits->name_n = hits->names.len - hits->name_at;
    return hits->names.failed ? -1 : 0;
}

/* 1: the answer is complete; -1: no room for more of it. */
static int on_match(struct search_hits *hits, const struct search_event *e)
{
    bool wanted = hits->seen >= hits->offset;
    if (hits->seen++ >= hits->offset + hits->max_results) {
        hits->truncated = true;
        /* It is nobody's match, but the line may be context of the one before. */
        (void)add_line(hits, e, false);
        return 1;
    }
    if (add_line(hits, e, wanted) < 0)
        return -1;
    if (!wanted)
        drop_skipped(hits);
    else if (!hits->file_counted)
        hits->files_matched++;
    hits->file_counted |= wanted;
    return 0;
}

static int on_event(struct search_hits *hits, const struct search_event *e)
{
    switch (e->type) {
    case SEARCH_BEGIN:
        return begin_file(hits, e);
    case SEARCH_MATCH:
        return on_match(hits, e);
    case SEARCH_CONTEXT:
        return add_line(hits, e, false);
    case SEARCH_SUMMARY:
        hits->files_searched = e->searches;
        return 0;
    default:
        return 0;
    }
}

static int take_event(struct search_hits *hits)
{
    struct search_event e;
    bool overlong = hits->input.failed;
    int r = overlong ? 0 : search_event_parse(hits->input.data, hits->input.len, hits->spare, &e);
    if (overlong) {
        /* A line too long to report: the answer lacks it, and says so. */
        hits->truncated = true;
        bytes_done(&hits->input);
        hits->input = bytes_with_limit(EVENT_MAX);
        return 0;
    }
    if (r < 0) {
        hits->broken = true;
        return 1;
    }
    r = on_event(hits, &e);
    if (r < 0)
        hits->truncated = true;
    bytes_clear(&hits->input);
    return r == 0 ? 0 : 1;
}

int hits_take(void *arg, const char *data, size_t n)
{
    struct search_hits *hits = arg;
    while (n > 0) {
        const char *newline = memchr(data, '\n', n);
        size_t used = newline ? (size_t)(newline - data) : n;
        (void)bytes_add(&hits->input, data, used);
        if (!newline)
            return 0;
        if (take_event(hits) != 0)
            return 1;
        data = newline + 1;
        n -= used + 1;
    }
    return 0;
}
