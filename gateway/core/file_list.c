#include "core/file_list.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "core/file_io.h"

struct lister {
    const struct list_request *in;
    struct file_entries entries;
};

static const char *extension_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot != name && dot[1] ? dot : NULL;
}

/* With or without the dot, in any case. */
static bool of_type(const char *name, const struct text_list *types)
{
    const char *extension = extension_of(name);
    for (size_t i = 0; extension && i < types->n; i++) {
        const char *type = types->items[i].p;
        if (strcasecmp(type[0] == '.' ? type + 1 : type, extension + 1) == 0)
            return true;
    }
    return types->n == 0;
}

static int take_entry(void *arg, const char *path, const char *name, int dir)
{
    struct lister *l = arg;
    struct stat st, target;
    if (name[0] == '.' && !l->in->show_hidden)
        return 0;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT)
            return 0; /* gone meanwhile */
        st = (struct stat){.st_size = 0};
    }
    bool enter = S_ISDIR(st.st_mode);
    if (S_ISLNK(st.st_mode) && fstatat(dir, name, &target, 0) == 0)
        st = target;
    bool directory = S_ISDIR(st.st_mode);
    if (directory || of_type(name, &l->in->file_types)) {
        struct file_entry *entry = entries_add(&l->entries, path, strlen(path));
        if (!entry)
            return -1;
        entry->directory = directory;
        entry->size = st.st_size;
        entry->modified = st.st_mtim;
        entry->mode = st.st_mode;
    }
    return enter;
}

static void write_entry(struct jsonw *w, const struct lister *l, const struct file_entry *entry)
{
    const char *name = l->entries.pool.data + entry->name;
    const char *extension = entry->directory ? NULL : extension_of(name);
    const struct text *root = &l->in->path;
    char modified[FILE_TIME_SIZE], mode[16];
    file_time_format(modified, entry->modified);
    (void)snprintf(mode, sizeof mode, "%03o", (unsigned)entry->mode & 07777);
    jsonw_object(w);
    jsonw_kstr(w, "name", name);
    jsonw_key(w, "path");
    jsonw_string_begin(w);
    jsonw_piece(w, root->p, root->n);
    if (root->p[root->n - 1] != '/')
        jsonw_piece(w, "/", 1);
    jsonw_piece(w, l->entries.pool.data + entry->at, entry->n);
    jsonw_string_end(w);
    jsonw_kbool(w, "is_directory", entry->directory);
    if (l->in->include_size && !entry->directory)
        jsonw_kint(w, "size", entry->size);
    else
        jsonw_knull(w, "size");
    jsonw_kstr(w, "modified_time", modified);
    jsonw_kstr(w, "permissions", l->in->include_permissions ? mode : NULL);
    jsonw_kstr(w, "extension", extension);
    jsonw_object_end(w);
}

static void write_list(struct jsonw *w, const struct lister *l)
{
    int64_t directories = 0;
    jsonw_object(w);
    jsonw_kstr(w, "path", l->in->path.p);
    jsonw_key(w, "files");
    jsonw_array(w);
    for (size_t i = 0; i < l->entries.n; i++) {
        directories += l->entries.items[i].directory;
        write_entry(w, l, &l->entries.items[i]);
    }
    jsonw_array_end(w);
    jsonw_kint(w, "total_count", (int64_t)l->entries.n);
    jsonw_kint(w, "directory_count", directories);
    jsonw_kint(w, "file_count", (int64_t)l->entries.n - directories);
    jsonw_kbool(w, "truncated", l->entries.full);
    jsonw_object_end(w);
}

int file_list(struct files *files, const struct list_request *in, struct jsonw *w, struct err *err)
{
    struct lister l = {.in = in};
    cleanup_close int dir = -1;
    (void)files;
    if (file_open_dir(in->path.p, &dir, err) < 0)
        return -1;
    entries_init(&l.entries, LIST_MAX_ENTRIES);
    int64_t depth = in->max_depth == INT_ABSENT ? LIST_MAX_DEPTH : in->max_depth;
    const struct walk walk = {take_entry, &l};
    int r = walk_tree(dir, in->recursive ? depth : 1, &walk, err);
    if (r == 0 && l.entries.no_memory)
        r = err_memory(err);
    if (r == 0) {
        entries_sort(&l.entries, file_order_of(in->sort_by), in->sort_desc);
        write_list(w, &l);
    }
    entries_done(&l.entries);
    return r;
}
