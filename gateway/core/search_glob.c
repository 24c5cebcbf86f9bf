#include "core/search_glob.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "core/file_io.h"
#include "core/file_list.h"
#include "core/search_rg.h"

/* ---- ripgrep's list: ./path NUL ./path NUL … ---- */

struct collector {
    struct file_entries entries;
    struct bytes partial; /* a path that is not complete yet */
    uint64_t matches;     /* all of them, those that do not fit included */
};

static void take_path(struct collector *c, const char *path, size_t n)
{
    if (n > 2 && memcmp(path, "./", 2) == 0) {
        path += 2;
        n -= 2;
    }
    c->matches++;
    (void)entries_add(&c->entries, path, n);
}

static int take_paths(void *arg, const char *data, size_t n)
{
    struct collector *c = arg;
    while (n > 0) {
        const char *end = memchr(data, '\0', n);
        size_t used = end ? (size_t)(end - data) : n;
        (void)bytes_add(&c->partial, data, used);
        if (c->partial.failed) {
            c->entries.no_memory = true; /* no path is as long as the ceiling */
            return 1;
        }
        if (!end)
            return 0;
        take_path(c, c->partial.data, c->partial.len);
        bytes_clear(&c->partial);
        data = end + 1;
        n -= used + 1;
    }
    return 0;
}

static void collector_init(struct collector *c, size_t limit)
{
    entries_init(&c->entries, limit);
    c->partial = bytes_with_limit(2L * PATH_MAX);
    c->matches = 0;
}

static void collector_done(struct collector *c)
{
    entries_done(&c->entries);
    bytes_done(&c->partial);
}

static bool names_hidden(const char *pattern)
{
    return pattern[0] == '.' || strstr(pattern, "/.") != NULL;
}

struct listing {
    const char *path;
    const char *lead; /* in front of the pattern: "/" ties it to the root */
    const char *pattern, *field;
    const struct text_list *exclude; /* may be NULL */
    bool hidden;
};

static int list_files(struct files *files, const struct listing *l, struct collector *c,
                      struct err *err)
{
    struct rg rg;
    struct arena *arena = arena_new();
    const struct spawn_taker taker = {take_paths, c};
    if (!arena)
        return err_memory(err);
    rg_init(&rg, files, arena);
    rg.pattern_field = rg.glob_field = l->field;
    rg_add(&rg, "--files");
    rg_add(&rg, "--no-messages");
    rg_add(&rg, "--null");
    rg_add(&rg, "--no-ignore");
    rg_add(&rg, "--hidden");
    const char *escape = !*l->lead && strchr("!#", l->pattern[0]) ? "\\" : "";
    rg_add(&rg, "--glob=%s%s%s", l->lead, escape, l->pattern);
    /* The last glob that matches decides. */
    if (!l->hidden)
        rg_add(&rg, "--glob=!.*");
    if (l->exclude)
        rg_add_globs(&rg, "!", l->exclude);
    /* What cannot be listed is left out, as ls would. */
    int r = rg_run(&rg, files, l->path, "./", &taker, err);
    arena_free(arena);
    if (r >= 0 && c->entries.no_memory)
        return err_memory(err);
    return r < 0 ? -1 : 0;
}

/* ---- find ---- */

static void write_path(struct jsonw *w, const struct text *root, const char *path, size_t n)
{
    jsonw_string_begin(w);
    jsonw_piece(w, root->p, root->n);
    if (root->p[root->n - 1] != '/')
        jsonw_piece(w, "/", 1);
    jsonw_piece(w, path, n);
    jsonw_string_end(w);
}

int search_find(struct files *files, const struct find_request *in, struct jsonw *w,
                struct err *err)
{
    struct collector c;
    cleanup_close int dir = -1;
    const char *glob = strncmp(in->glob.p, "./", 2) == 0 ? in->glob.p + 2 : in->glob.p;
    struct listing listing = {.path = in->path.p,
                              .lead = strchr(glob, '/') && glob[0] != '/' ? "/" : "",
                              .pattern = glob,
                              .field = "glob",
                              .hidden = names_hidden(glob)};
    if (file_open_dir(in->path.p, &dir, err) < 0)
        return -1;
    collector_init(&c, FIND_MAX_RESULTS);
    int r = list_files(files, &listing, &c, err);
    if (r == 0) {
        entries_sort(&c.entries, ORDER_PATH, false);
        jsonw_object(w);
        jsonw_kstr(w, "path", in->path.p);
        jsonw_key(w, "files");
        jsonw_array(w);
        for (size_t i = 0; i < c.entries.n; i++)
            write_path(w, &in->path, c.entries.pool.data + c.entries.items[i].at,
                       c.entries.items[i].n);
        jsonw_array_end(w);
        jsonw_kbool(w, "truncated", c.entries.full);
        jsonw_object_end(w);
    }
    collector_done(&c);
    return r;
}

/* ---- glob ---- */

struct directory_walk {
    const struct glob_request *in;
    const char *pattern;
    struct collector *c;
    bool hidden;
};

/* An exclusion without a slash means the name at any depth; one of everything below also leaves
 * out what is below. */
static bool excluded(const struct directory_walk *d, const char *path, const char *name)
{
    for (size_t i = 0; i < d->in->exclude.n; i++) {
        const char *glob = d->in->exclude.items[i].p;
        bool anywhere = strchr(glob, '/') == NULL;
        if (glob_matches(glob[0] == '/' ? glob + 1 : glob, anywhere ? name : path, true))
            return true;
    }
    return false;
}

static int take_directory(void *arg, const char *path, const char *name, int dir)
{
    struct directory_walk *d = arg;
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
        return 0;
    if ((name[0] == '.' && !d->hidden) || excluded(d, path, name))
        return 0;
    if (glob_matches(d->pattern, path, true)) {
        d->c->matches++;
        struct file_entry *entry = entries_add(&d->c->entries, path, strlen(path));
        if (entry)
            entry->directory = true;
    }
    return 1;
}

/* Size and time of every entry; what is gone meanwhile keeps zeros. */
static void look_at(struct collector *c, int dir)
{
    for (size_t i = 0; i < c->entries.n; i++) {
        struct file_entry *entry = &c->entries.items[i];
        struct stat st;
        if (fstatat(dir, c->entries.pool.data + entry->at, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        entry->size = st.st_size;
        entry->modified = st.st_mtim;
        entry->mode = st.st_mode;
    }
}

static void write_info(struct jsonw *w, const struct glob_request *in, const struct collector *c,
                       const struct file_entry *entry)
{
    char modified[FILE_TIME_SIZE];
    jsonw_object(w);
    jsonw_key(w, "path");
    write_path(w, &in->path, c->entries.pool.data + entry->at, entry->n);
    jsonw_kstr(w, "name", c->entries.pool.data + entry->name);
    jsonw_kbool(w, "is_directory", entry->directory);
    if (in->include_metadata && entry->mode) {
        file_time_format(modified, entry->modified);
        jsonw_kint(w, "size", entry->size);
        jsonw_kstr(w, "modified_time", modified);
    } else {
        jsonw_knull(w, "size");
        jsonw_knull(w, "modified_time");
    }
    jsonw_object_end(w);
}

static void write_glob(struct jsonw *w, const struct glob_request *in, const struct collector *c)
{
    size_t shown = c->entries.n < (size_t)in->max_results ? c->entries.n : (size_t)in->max_results;
    jsonw_object(w);
    jsonw_kstr(w, "path", in->path.p);
    jsonw_kstr(w, "pattern", in->pattern.p);
    jsonw_key(w, "files");
    jsonw_array(w);
    for (size_t i = 0; i < shown; i++)
        write_info(w, in, c, &c->entries.items[i]);
    jsonw_array_end(w);
    jsonw_kint(w, "total_count", (int64_t)c->matches);
    jsonw_kbool(w, "truncated", c->matches > shown);
    jsonw_object_end(w);
}

/* Below the directory: an absolute pattern must begin with it. */
static int relative_pattern(const struct glob_request *in, const char **ret, struct err *err)
{
    const char *pattern = in->pattern.p;
    size_t n = in->path.n;
    while (n > 1 && in->path.p[n - 1] == '/')
        n--;
    if (pattern[0] == '/') {
        bool below = strncmp(pattern, in->path.p, n) == 0 && (n == 1 || pattern[n] == '/');
        if (!below)
            return err_field(err, "pattern", "field 'pattern' must be relative to path");
        pattern += n;
    }
    while (pattern[0] == '/' || strncmp(pattern, "./", 2) == 0)
        pattern += pattern[0] == '/' ? 1 : 2;
    if (!*pattern)
        return err_field(err, "pattern", "field 'pattern' must not be empty");
    *ret = pattern;
    return 0;
}

int search_glob(struct files *files, const struct glob_request *in, struct jsonw *w,
                struct err *err)
{
    struct collector c;
    cleanup_close int dir = -1;
    const char *pattern = "";
    if (relative_pattern(in, &pattern, err) < 0 || file_open_dir(in->path.p, &dir, err) < 0)
        return -1;
    bool hidden = in->include_hidden || names_hidden(pattern);
    struct listing listing = {in->path.p, "/", pattern, "pattern", &in->exclude, hidden};
    collector_init(&c, GLOB_MAX_MATCHES);
    int r = list_files(files, &listing, &c, err);
    if (r == 0 && !in->files_only) {
        struct directory_walk d = {in, pattern, &c, hidden};
        const struct walk walk = {take_directory, &d};
        r = walk_tree(dir, LIST_MAX_DEPTH, &walk, err);
    }
    if (r == 0 && c.entries.no_memory)
        r = err_memory(err);
    if (r == 0) {
        enum file_order order = file_order_of(in->sort_by);
        if (in->include_metadata || order == ORDER_SIZE || order == ORDER_MODIFIED)
            look_at(&c, dir);
        entries_sort(&c.entries, order, in->sort_desc);
        write_glob(w, in, &c);
    }
    collector_done(&c);
    return r;
}
