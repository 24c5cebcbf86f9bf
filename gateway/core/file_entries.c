/* Collecting entries of a file tree, and putting them in order. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "core/file_list.h"

enum file_order file_order_of(int choice)
{
    static const enum file_order orders[] = {ORDER_NAME,     ORDER_PATH,     ORDER_SIZE,
                                             ORDER_MODIFIED, ORDER_TYPE,     ORDER_MODIFIED,
                                             ORDER_MODIFIED, ORDER_MODIFIED, ORDER_TYPE};
    return choice >= 0 && (size_t)choice < COUNT_OF(orders) ? orders[choice] : ORDER_NAME;
}

void entries_init(struct file_entries *entries, size_t limit)
{
    *entries = (struct file_entries){.pool = BYTES_INIT(LIST_NAMES_MAX), .limit = limit};
}

void entries_done(struct file_entries *entries)
{
    bytes_done(&entries->pool);
    free(entries->items);
}

struct file_entry *entries_add(struct file_entries *entries, const char *path, size_t n)
{
    if (entries->n == entries->room && entries->n < entries->limit) {
        size_t room = entries->room ? entries->room * 2 : 128;
        struct file_entry *more = realloc(entries->items, room * sizeof *more);
        if (more) {
            entries->items = more;
            entries->room = room;
        }
    }
    bool no_room = entries->n < entries->limit && entries->n == entries->room;
    bool no_name = !no_room && bytes_reserve(&entries->pool, n + 1) < 0;
    entries->no_memory |= no_room || (no_name && entries->pool.no_memory);
    if (entries->n >= entries->limit || entries->n == entries->room || no_name) {
        entries->full = true;
        return NULL;
    }
    const char *slash = memrchr(path, '/', n);
    size_t at = entries->pool.len;
    (void)bytes_add(&entries->pool, path, n);
    (void)bytes_addc(&entries->pool, '\0');
    struct file_entry *entry = &entries->items[entries->n++];
    *entry = (struct file_entry){
        .at = at, .n = n, .name = at + (slash ? (size_t)(slash + 1 - path) : 0)};
    return entry;
}

struct comparison {
    const char *pool;
    enum file_order order;
    bool descending;
};

static int compare_times(struct timespec a, struct timespec b)
{
    if (a.tv_sec != b.tv_sec)
        return a.tv_sec < b.tv_sec ? -1 : 1;
    return a.tv_nsec < b.tv_nsec ? -1 : a.tv_nsec > b.tv_nsec;
}

static const char *extension_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? dot : "";
}

static int compare(const void *a, const void *b, void *arg)
{
    const struct comparison *c = arg;
    const struct file_entry *x = a, *y = b;
    int r = 0;
    switch (c->order) {
    case ORDER_NAME:
        r = strcmp(c->pool + x->name, c->pool + y->name);
        break;
    case ORDER_SIZE:
        r = x->size < y->size ? -1 : x->size > y->size;
        break;
    case ORDER_MODIFIED:
        r = compare_times(x->modified, y->modified);
        break;
    case ORDER_TYPE:
        r = y->directory - x->directory;
        if (r == 0)
            r = strcmp(extension_of(c->pool + x->name), extension_of(c->pool + y->name));
        break;
    case ORDER_PATH:
        break;
    }
    if (r == 0)
        r = strcmp(c->pool + x->at, c->pool + y->at);
    return c->descending ? -r : r;
}

void entries_sort(struct file_entries *entries, enum file_order order, bool descending)
{
    struct comparison c = {entries->pool.data, order, descending};
    if (entries->n)
        qsort_r(entries->items, entries->n, sizeof *entries->items, compare, &c);
}

/* ---- walking ---- */

struct walker {
    const struct walk *walk;
    char path[PATH_MAX];
    bool stopped;
    int why; /* errno: something could not be read that should */
};

static void cannot_read(struct walker *w, int why)
{
    if (why == EACCES || why == EPERM || why == ENOENT || why == ENOTDIR || why == ELOOP)
        return;
    w->why = why;
    w->stopped = true;
}

static void walk_into(struct walker *w, int fd, size_t n, int64_t depth)
{
    DIR *dir = fdopendir(fd);
    if (!dir) {
        cannot_read(w, errno);
        (void)close(fd);
        return;
    }
    for (const struct dirent *d; !w->stopped && (d = readdir(dir));) {
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        size_t length = strlen(d->d_name);
        if (n + length + 2 > sizeof w->path)
            continue;
        memcpy(w->path + n, d->d_name, length + 1);
        int r = w->walk->each(w->walk->arg, w->path, d->d_name, fd);
        w->stopped = r < 0;
        if (r <= 0 || depth <= 1)
            continue;
        int below = openat(fd, d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below < 0) {
            cannot_read(w, errno);
            continue;
        }
        w->path[n + length] = '/';
        walk_into(w, below, n + length + 1, depth - 1);
    }
    (void)closedir(dir);
}

int walk_tree(int dir, int64_t depth, const struct walk *walk, struct err *err)
{
    struct walker w = {.walk = walk};
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        cannot_read(&w, errno);
    else
        walk_into(&w, fd, 0, depth > LIST_MAX_DEPTH ? LIST_MAX_DEPTH : depth);
    return w.why ? err_errno(err, w.why, "cannot read the directory") : 0;
}
