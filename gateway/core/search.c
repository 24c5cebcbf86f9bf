#include "core/search.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "core/file_io.h"
#include "core/file_problem.h"
#include "core/search_rg.h"

#define MULTILINE_FILE_MAX (256 * MIB)

/* ---- one run ---- */

static int run(struct rg *rg, struct files *files, struct search_hits *hits, const char *cwd,
               const char *target, struct err *err)
{
    const struct spawn_taker taker = {hits_take, hits};
    int r = rg_run(rg, files, cwd, target, &taker, err);
    if (r < 0)
        return -1;
    hits->incomplete = r > 0;
    return hits->broken ? err_set(err, ERR_INTERNAL, "ripgrep's report was not understood") : 0;
}

/* A file is searched by name from its directory, which keeps its name from being an option. */
static int split_path(const char *path, char directory[static PATH_MAX], char name[static PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    int n = slash == path ? 1 : (int)(slash - path);
    return snprintf(directory, PATH_MAX, "%.*s", n, path) < PATH_MAX &&
                   snprintf(name, PATH_MAX, "./%s", slash + 1) < PATH_MAX
               ? 0
               : -1;
}

/* ---- search: one file ---- */

static void write_search(struct jsonw *w, const struct search_request *in,
                         const struct search_hits *hits)
{
    jsonw_object(w);
    jsonw_kstr(w, "file", in->file.p);
    jsonw_key(w, "matches");
    jsonw_array(w);
    for (size_t i = 0; i < hits->n; i++)
        if (hits->lines[i].match)
            jsonw_text(w, hits->text.data + hits->lines[i].at, hits->lines[i].n);
    jsonw_array_end(w);
    jsonw_key(w, "line_numbers");
    jsonw_array(w);
    for (size_t i = 0; i < hits->n; i++)
        if (hits->lines[i].match)
            jsonw_int(w, hits->lines[i].number - 1);
    jsonw_array_end(w);
    jsonw_kbool(w, "truncated", hits->truncated);
    jsonw_object_end(w);
}

int search_file(struct files *files, const struct search_request *in, struct jsonw *w,
                struct err *err)
{
    char directory[PATH_MAX], name[PATH_MAX];
    struct stat st;
    struct rg rg;
    cleanup_close int fd = -1;
    struct search_hits hits = {.max_results = SEARCH_MAX_RESULTS, .single = in->file.p};
    if (file_open_read(in->file.p, &fd, &st, err) < 0)
        return -1;
    struct arena *arena = arena_new();
    if (!arena || split_path(in->file.p, directory, name) < 0) {
        arena_free(arena);
        return err_memory(err);
    }
    hits_init(&hits);
    rg_init(&rg, files, arena);
    rg.pattern_field = rg.glob_field = "regex";
    rg_add(&rg, "--json");
    rg_add(&rg, "--text");
    rg_add(&rg, "--engine=auto");
    rg_add(&rg, "--regexp=%s", in->regex.p);
    int r = run(&rg, files, &hits, directory, name, err);
    if (r == 0)
        write_search(w, in, &hits);
    hits_done(&hits);
    arena_free(arena);
    return r;
}

/* ---- grep: a tree ---- */

/* "500K", "1M", "2GB", "300" */
static int parse_size(const char *text, uint64_t *ret, struct err *err)
{
    static const char units[] = "KMG";
    size_t digits = strspn(text, "0123456789"), at = digits;
    uint64_t value = 0;
    unsigned shift = 0;
    const char *unit = text[at] ? strchr(units, text[at] & ~0x20) : NULL;
    if (unit) {
        shift = 10 * (unsigned)(unit - units + 1);
        at++;
    }
    if (text[at] == 'b' || text[at] == 'B')
        at++;
    if (text[at] || parse_u64(text, digits, &value) < 0 || value > UINT64_MAX >> 1 >> shift)
        return err_field(err, "max_file_size",
                         "field 'max_file_size' must be a size such as 500K, 1M or 2G");
    *ret = value << shift;
    return 0;
}

static int build(struct rg *rg, const struct grep_request *in, struct err *err)
{
    uint64_t largest = 0;
    rg->pattern_field = "pattern";
    rg->glob_field = in->include.n ? "include" : "exclude";
    rg_add(rg, "--json");
    rg_add(rg, "--no-messages");
    rg_add(rg, "--sort=path");
    rg_add(rg, "--hidden");
    rg_add(rg, "--no-ignore");
    rg_add(rg, in->fixed_strings ? "--fixed-strings" : "--engine=auto");
    if (in->case_insensitive)
        rg_add(rg, "--ignore-case");
    if (in->multiline) {
        rg_add(rg, "--multiline");
        rg_add(rg, "--multiline-dotall");
    }
    if (in->context_before)
        rg_add(rg, "--before-context=%d", (int)in->context_before);
    if (in->context_after)
        rg_add(rg, "--after-context=%d", (int)in->context_after);
    if (in->max_file_size.p && in->max_file_size.n) {
        if (parse_size(in->max_file_size.p, &largest, err) < 0)
            return -1;
        /* There a whole file is held in memory. */
        if (in->multiline && largest > MULTILINE_FILE_MAX)
            return err_field(err, "max_file_size",
                             "field 'max_file_size' must not be over 256M with multiline");
        rg_add(rg, "--max-filesize=%llu", (unsigned long long)largest);
    }
    if (!in->recursive)
        rg_add(rg, "--max-depth=1");
    if (in->type.p && in->type.n)
        rg_add(rg, "--type=%s", in->type.p);
    rg_add_globs(rg, "", &in->include);
    rg_add(rg, "--glob=!.git");
    rg_add_globs(rg, "!", &in->exclude);
    rg_add(rg, "--regexp=%s", in->pattern.p);
    return 0;
}

static void write_line(struct jsonw *w, const struct search_hits *hits, size_t i)
{
    jsonw_text(w, hits->text.data + hits->lines[i].at, hits->lines[i].n);
}

/* Does line `b` follow line `a` in the same file? */
static bool adjoins(const struct search_line *a, const struct search_line *b)
{
    return a->name_at == b->name_at && a->number + a->span == b->number;
}

static void write_context(struct jsonw *w, const struct search_hits *hits, size_t i,
                          const struct grep_request *in)
{
    const struct search_line *lines = hits->lines;
    if (in->context_before) {
        size_t first = i;
        while (first > 0 && i - first < (size_t)in->context_before &&
               adjoins(&lines[first - 1], &lines[first]))
            first--;
        jsonw_key(w, "context_before");
        jsonw_array(w);
        for (; first < i; first++)
            write_line(w, hits, first);
        jsonw_array_end(w);
    } else {
        jsonw_knull(w, "context_before");
    }
    if (in->context_after) {
        jsonw_key(w, "context_after");
        jsonw_array(w);
        for (size_t k = i + 1;
             k < hits->n && k - i <= (size_t)in->context_after && adjoins(&lines[k - 1], &lines[k]);
             k++)
            write_line(w, hits, k);
        jsonw_array_end(w);
    } else {
        jsonw_knull(w, "context_after");
    }
}

static void write_grep(struct jsonw *w, const struct grep_request *in,
                       const struct search_hits *hits)
{
    int64_t count = 0;
    jsonw_object(w);
    jsonw_kstr(w, "path", in->path.p);
    jsonw_kstr(w, "pattern", in->pattern.p);
    jsonw_key(w, "matches");
    jsonw_array(w);
    for (size_t i = 0; i < hits->n; i++) {
        const struct search_line *line = &hits->lines[i];
        if (!line->match)
            continue;
        count++;
        jsonw_object(w);
        jsonw_ktext(w, "file", hits->names.data + line->name_at, line->name_n);
        jsonw_kint(w, "line_number", line->number);
        jsonw_key(w, "line_content");
        write_line(w, hits, i);
        write_context(w, hits, i, in);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    jsonw_kint(w, "match_count", count);
    if (hits->files_searched >= 0)
        jsonw_kint(w, "files_searched", hits->files_searched);
    else
        jsonw_knull(w, "files_searched");
    jsonw_kint(w, "files_matched", hits->files_matched);
    jsonw_kbool(w, "truncated", hits->truncated);
    jsonw_kbool(w, "incomplete", hits->incomplete);
    jsonw_object_end(w);
}

/* Where to run, and on what: a directory from within, a file from its directory. */
static int aim(const struct grep_request *in, struct search_hits *hits,
               char directory[static PATH_MAX], char target[static PATH_MAX], struct err *err)
{
    struct stat st;
    if (stat(in->path.p, &st) < 0)
        return file_fail(err, errno);
    if (S_ISDIR(st.st_mode)) {
        cleanup_close int readable = -1;
        if (file_open_dir(in->path.p, &readable, err) < 0)
            return -1;
        (void)snprintf(directory, PATH_MAX, "%s", in->path.p);
        (void)snprintf(target, PATH_MAX, "./");
        return 0;
    }
    cleanup_close int fd = -1;
    hits->single = in->path.p;
    if (file_open_read(in->path.p, &fd, &st, err) < 0)
        return -1;
    return split_path(in->path.p, directory, target) < 0 ? file_fail(err, ENAMETOOLONG) : 0;
}

int search_tree(struct files *files, const struct grep_request *in, struct jsonw *w,
                struct err *err)
{
    char directory[PATH_MAX], target[PATH_MAX];
    struct rg rg;
    struct search_hits hits = {.offset = in->offset,
                               .max_results = in->max_results,
                               .context = in->context_before,
                               .root = in->path.p};
    if (aim(in, &hits, directory, target, err) < 0)
        return -1;
    struct arena *arena = arena_new();
    if (!arena)
        return err_memory(err);
    hits_init(&hits);
    rg_init(&rg, files, arena);
    int r = build(&rg, in, err);
    if (r == 0)
        r = run(&rg, files, &hits, directory, target, err);
    if (r == 0)
        write_grep(w, in, &hits);
    hits_done(&hits);
    arena_free(arena);
    return r;
}
