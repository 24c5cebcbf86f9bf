/* core/file_list.h: what is in a directory. Links are told about but never followed into. Any
 * thread. */
#ifndef SANDGATE_CORE_FILE_LIST_H
#define SANDGATE_CORE_FILE_LIST_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/json.h"
#include "base/jsonw.h"

struct files;

#define LIST_MAX_ENTRIES 100000
#define LIST_MAX_DEPTH   64
/* The names of one answer, together. */
#define LIST_NAMES_MAX (32 * MIB)

/* The same order in every request that sorts. */
enum file_order { ORDER_NAME, ORDER_PATH, ORDER_SIZE, ORDER_MODIFIED, ORDER_TYPE };
#define FILE_ORDER_NAMES                                                                           \
    "name", "path", "size", "modified", "type", "modified_time", "mtime", "time", "extension"
/* The index of a name above as an order. */
enum file_order file_order_of(int choice);

struct list_request {
    struct text path;
    bool recursive, show_hidden;
    struct text_list file_types;
    int64_t max_depth; /* 1: the directory's own entries; INT_ABSENT */
    bool include_size, include_permissions;
    int sort_by;
    bool sort_desc;
};

int file_list(struct files *files, const struct list_request *in, struct jsonw *w,
              struct err *err) MUST_CHECK;

/* ---- entries, shared with search_glob.c ---- */

struct file_entry {
    size_t at, n, name; /* in the pool: path below the root; `name` is where its last segment is */
    bool directory;
    off_t size;
    struct timespec modified;
    mode_t mode;
};

struct file_entries {
    struct bytes pool;
    struct file_entry *items;
    size_t n, room, limit;
    bool full;      /* an entry did not fit */
    bool no_memory; /* so it was */
};

void entries_init(struct file_entries *entries, size_t limit);
void entries_done(struct file_entries *entries);
/* NULL when full. The path is copied. */
struct file_entry *entries_add(struct file_entries *entries, const char *path, size_t n);
void entries_sort(struct file_entries *entries, enum file_order order, bool descending);

/* Calls `each` for everything below `dir` to `depth` levels, directories before what is in them.
 * `each` returns less than 0 to stop, 1 to have a directory entered. Paths are relative. */
struct walk {
    int (*each)(void *arg, const char *path, const char *name, int dir);
    void *arg;
};
/* Directories that may not be entered, or are gone, are passed over; any other failure is one. */
int walk_tree(int dir, int64_t depth, const struct walk *walk, struct err *err) MUST_CHECK;

#endif
