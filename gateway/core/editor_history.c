/* What edits replaced, one file each in STATE/edits, named HASH-TIME: the hash is the path's, the
 * time sorts. A file begins with the path and a NUL, since two paths may share a hash. The oldest
 * entries go when there are too many. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "core/editor.h"
#include "core/file_draft.h"
#include "core/file_io.h"
#include "core/file_problem.h"
#include "core/files.h"

struct entry {
    char name[HISTORY_NAME_SIZE];
    off_t size;
};

/* FNV-1a */
static uint64_t hash_path(const char *path)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *path; path++)
        hash = (hash ^ (unsigned char)*path) * UINT64_C(0x100000001b3);
    return hash;
}

static int open_folder(struct files *files, int *ret_fd, struct err *err)
{
    char folder[PATH_MAX];
    if (file_join(folder, files_state(files), "edits", err) < 0)
        return -1;
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return file_fail(err, errno);
    return file_open_dir(folder, ret_fd, err);
}

/* By time, whatever the path. */
static int older_first(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return strcmp(x->name + 17, y->name + 17);
}

/* All entries, oldest first. The caller frees the list. */
static int list_entries(int folder, struct entry **ret_list, size_t *ret_n, struct err *err)
{
    size_t n = 0, room = 0;
    struct entry *list = NULL;
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int why = errno;
        if (fd >= 0)
            (void)close(fd);
        return file_fail(err, why);
    }
    for (const struct dirent *d; (d = readdir(dir));) {
        struct stat st;
        if (strlen(d->d_name) != 16 + 1 + 20 || d->d_name[16] != '-' ||
            fstatat(folder, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (n == room) {
            room = room ? room * 2 : 64;
            struct entry *more = realloc(list, room * sizeof *list);
            if (!more) {
                free(list);
                (void)closedir(dir);
                return err_memory(err);
            }
            list = more;
        }
        (void)snprintf(list[n].name, sizeof list[n].name, "%.40s", d->d_name);
        list[n++].size = st.st_size;
    }
    (void)closedir(dir);
    if (n)
        qsort(list, n, sizeof *list, older_first);
    *ret_list = list;
    *ret_n = n;
    return 0;
}

/* Make room for the entry that was just made and will take `size` bytes. */
static void prune(int folder, const char *prefix, size_t size)
{
    struct err ignored;
    struct entry *list = NULL;
    size_t n = 0, of_path = 0, kept = 0, bytes = size;
    if (list_entries(folder, &list, &n, &ignored) < 0)
        return;
    for (size_t i = n; i-- > 0;) {
        bool same = strncmp(list[i].name, prefix, 16) == 0;
        of_path += same;
        kept++;
        bytes += (size_t)list[i].size;
        if (kept > HISTORY_ENTRIES || bytes > HISTORY_BYTES_MAX ||
            (same && of_path > HISTORY_PER_FILE))
            (void)unlinkat(folder, list[i].name, 0);
    }
    free(list);
}

int history_push(struct files *files, const char *path, const char *text, size_t n,
                 char name[static HISTORY_NAME_SIZE], struct err *err)
{
    cleanup_close int folder = -1;
    if (open_folder(files, &folder, err) < 0)
        return -1;
    cleanup_close int fd = -1;
    while (fd < 0) {
        struct timespec now;
        (void)clock_gettime(CLOCK_REALTIME, &now);
        (void)snprintf(
            name, HISTORY_NAME_SIZE, "%016llx-%020llu", (unsigned long long)hash_path(path),
            (unsigned long long)now.tv_sec * 1000000000u + (unsigned long long)now.tv_nsec);
        fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST)
            return file_fail(err, errno);
        if (fd >= 0)
            prune(folder, name, strlen(path) + 1 + n);
    }
    if (file_write_all(fd, path, strlen(path) + 1, err) < 0 ||
        file_write_all(fd, text, n, err) < 0) {
        (void)unlinkat(folder, name, 0);
        return -1;
    }
    return 0;
}

/* 1 when the entry is of this very path: `out` then holds its text. */
static int read_entry(int folder, const char *name, const char *path, struct bytes *out,
                      struct err *err)
{
    size_t head = strlen(path) + 1;
    cleanup_bytes struct bytes whole = BYTES_INIT(EDITOR_FILE_MAX + PATH_MAX);
    cleanup_close int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return 0; /* pruned meanwhile */
    if (file_read_whole(fd, &whole, err) < 0)
        return -1;
    if (whole.len < head || memcmp(whole.data, path, head) != 0)
        return 0;
    return bytes_add(out, whole.data + head, whole.len - head) < 0 ? err_memory(err) : 1;
}

int history_latest(struct files *files, const char *path, struct bytes *out,
                   char name[static HISTORY_NAME_SIZE], struct err *err)
{
    cleanup_close int folder = -1;
    cleanup_free struct entry *list = NULL;
    size_t n = 0;
    char prefix[20];
    int found = 0;
    if (open_folder(files, &folder, err) < 0 || list_entries(folder, &list, &n, err) < 0)
        return -1;
    (void)snprintf(prefix, sizeof prefix, "%016llx-", (unsigned long long)hash_path(path));
    while (n-- > 0 && found == 0) {
        if (strncmp(list[n].name, prefix, 17) != 0)
            continue;
        found = read_entry(folder, list[n].name, path, out, err);
        memcpy(name, list[n].name, HISTORY_NAME_SIZE);
    }
    if (found == 0)
        return err_set(err, ERR_NOT_FOUND, "There is no edit of it to undo");
    return found < 0 ? -1 : 0;
}

void history_drop(struct files *files, const char *name)
{
    struct err ignored;
    cleanup_close int folder = -1;
    if (open_folder(files, &folder, &ignored) == 0)
        (void)unlinkat(folder, name, 0);
}
