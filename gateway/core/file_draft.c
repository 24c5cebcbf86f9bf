#include "core/file_draft.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/mem.h"
#include "core/file_io.h"
#include "core/file_problem.h"
#include "core/files.h"

#define MAX_LINKS 40

/* ---- the destination ---- */

struct target {
    char path[PATH_MAX]; /* no link any more */
    int dir;
    const char *name; /* the last segment of `path` */
    bool exists;
    struct stat st; /* when it exists */
};

#define TARGET_NONE ((struct target){.dir = -1})

static void target_done(const struct target *t)
{
    if (t->dir >= 0)
        (void)close(t->dir);
}

#define cleanup_target __attribute__((cleanup(target_done)))

int file_make_directories(const char *path, struct err *err)
{
    char copy[PATH_MAX];
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
        return file_fail(err, ENAMETOOLONG);
    for (char *at = copy + 1;; at++) {
        char c = *at;
        if (c && c != '/')
            continue;
        *at = '\0';
        if (mkdir(copy, 0777) < 0 && errno != EEXIST) {
            /* What exists may not be ours to make (EROFS, EACCES); what does not, failed. */
            int why = errno;
            if (access(copy, F_OK) < 0)
                return file_fail(err, why);
        }
        *at = c;
        if (!c)
            return 0;
    }
}

static int open_parent(const char *path, int *ret_fd, struct err *err)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        if (file_make_directories(path, err) < 0)
            return -1;
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0)
        return file_fail(err, errno);
    *ret_fd = fd;
    return 0;
}

/* Split t->path and open its directory. */
static int enter(struct target *t, struct err *err)
{
    char *slash = strrchr(t->path, '/');
    t->name = slash + 1;
    if (!*t->name || strcmp(t->name, ".") == 0 || strcmp(t->name, "..") == 0)
        return file_fail(err, EISDIR);
    target_done(t);
    t->dir = -1;
    char first = slash[1];
    slash[slash == t->path ? 1 : 0] = '\0';
    int r = open_parent(t->path, &t->dir, err);
    *slash = '/';
    slash[1] = first;
    return r;
}

/* 1: t->path is a link and now holds where it points; 0: it is none. */
static int follow(struct target *t, struct err *err)
{
    char link[PATH_MAX], joined[PATH_MAX];
    ssize_t n = readlinkat(t->dir, t->name, link, sizeof link - 1);
    if (n < 0)
        return errno == EINVAL || errno == ENOENT ? 0 : file_fail(err, errno);
    link[n] = '\0';
    if (n == 0)
        return file_fail(err, ENOENT);
    if (link[0] == '/') {
        memcpy(t->path, link, (size_t)n + 1);
        return 1;
    }
    t->path[t->name - t->path] = '\0';
    if (file_join(joined, t->path, link, err) < 0)
        return -1;
    memcpy(t->path, joined, sizeof joined);
    return 1;
}

static int target_open(const char *path, struct target *t, struct err *err)
{
    if (snprintf(t->path, sizeof t->path, "%s", path) >= (int)sizeof t->path)
        return file_fail(err, ENAMETOOLONG);
    for (int links = 0;; links++) {
        if (links > MAX_LINKS)
            return file_fail(err, ELOOP);
        if (enter(t, err) < 0)
            return -1;
        int r = follow(t, err);
        if (r < 0)
            return -1;
        if (r == 0)
            break;
    }
    t->exists = fstatat(t->dir, t->name, &t->st, AT_SYMLINK_NOFOLLOW) == 0;
    if (!t->exists)
        return errno == ENOENT ? 0 : file_fail(err, errno);
    if (!S_ISREG(t->st.st_mode))
        return file_fail_kind(err, t->st.st_mode);
    /* Renaming over a file asks its directory only: hold to what the file itself permits. */
    if (faccessat(t->dir, t->name, W_OK, AT_EACCESS) < 0)
        return file_fail(err, errno);
    return 0;
}

/* ---- the draft ---- */

static void make_name(char name[static 32])
{
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        random = (uint64_t)getpid() << 32 | (uint64_t)(uintptr_t)name >> 4;
    (void)snprintf(name, 32, ".sandgate-%016llx", (unsigned long long)random);
}

/* As file_draft_open_in(), with the directory's descriptor, which stays the caller's. -1: errno. */
static int draft_at(int dir, struct file_draft *d)
{
    *d = FILE_DRAFT_NONE;
    d->fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    if (d->fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return d->fd < 0 ? -1 : 0;
    d->dir = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (d->dir < 0)
        return -1;
    make_name(d->name);
    d->fd = openat(d->dir, d->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (d->fd >= 0)
        return 0;
    int why = errno;
    (void)close(d->dir);
    *d = FILE_DRAFT_NONE;
    errno = why;
    return -1;
}

int file_draft_open_in(const char *directory, struct file_draft *ret_draft, struct err *err)
{
    cleanup_close int dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || draft_at(dir, ret_draft) < 0)
        return file_fail(err, errno);
    return 0;
}

static bool lacks_permission(int number)
{
    return number == EACCES || number == EPERM || number == EROFS;
}

int file_draft_open(const char *path, struct file_draft *ret_draft, struct err *err)
{
    cleanup_target struct target t = TARGET_NONE;
    if (target_open(path, &t, err) < 0)
        return -1;
    if (draft_at(t.dir, ret_draft) == 0)
        return 0;
    /* A writable file in a directory that is not: its content will be overwritten at the end. */
    if (t.exists && lacks_permission(errno))
        return file_draft_open_in("/tmp", ret_draft, err);
    return file_fail(err, errno);
}

void file_draft_discard(struct file_draft *d)
{
    if (d->name[0])
        (void)unlinkat(d->dir, d->name, 0);
    if (d->dir >= 0)
        (void)close(d->dir);
    if (d->fd >= 0)
        (void)close(d->fd);
    *d = FILE_DRAFT_NONE;
}

/* ---- putting it in place ---- */

/* 1: the draft now has what the old file had; 0: it cannot be given that. */
static int inherit(const struct file_draft *d, const struct stat *old, struct err *err)
{
    struct stat own;
    if (fstat(d->fd, &own) < 0)
        return file_fail(err, errno);
    if ((own.st_uid != old->st_uid || own.st_gid != old->st_gid) &&
        fchown(d->fd, old->st_uid, old->st_gid) < 0)
        return 0;
    return fchmod(d->fd, old->st_mode & 07777) < 0 ? 0 : 1;
}

/* The bytes of a file that cannot be replaced are written over: then there must be room for all of
 * them before the first is. Where the file system cannot promise that, it is tried. */
static int make_room(int fd, off_t size)
{
    if (size == 0 || fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, size) == 0)
        return 0;
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? -1 : 0;
}

static int overwrite(const struct file_draft *d, const struct target *t, struct err *err)
{
    struct stat st;
    cleanup_close int fd = openat(t->dir, t->name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return file_fail(err, errno);
    if (!S_ISREG(st.st_mode))
        return file_fail_kind(err, st.st_mode);
    off_t end = lseek(d->fd, 0, SEEK_END);
    if (end < 0 || make_room(fd, end) < 0)
        return file_fail(err, errno);
    if (file_copy(d->fd, fd, err) < 0)
        return -1;
    return ftruncate(fd, end) < 0 ? file_fail(err, errno) : 0;
}

static int link_as(const struct file_draft *d, int dir, const char *name)
{
    char self[40];
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", d->fd);
    return linkat(AT_FDCWD, self, dir, name, AT_SYMLINK_FOLLOW);
}

/* Give the draft a name in that directory, which becomes the draft's. */
static int settle(struct file_draft *d, int dir)
{
    char name[32];
    if (dir < 0)
        return -1;
    d->dir = dir;
    make_name(name);
    if (link_as(d, dir, name) < 0)
        return -1;
    memcpy(d->name, name, sizeof name);
    return 0;
}

static void unsettle(struct file_draft *d)
{
    if (d->name[0])
        (void)unlinkat(d->dir, d->name, 0);
    if (d->dir >= 0)
        (void)close(d->dir);
    d->name[0] = '\0';
    d->dir = -1;
}

static int take_place(struct file_draft *d, const struct target *t)
{
    if (renameat(d->dir, d->name, t->dir, t->name) < 0)
        return -1;
    d->name[0] = '\0';
    return 0;
}

static int replace(const struct files *files, struct file_draft *d, const struct target *t)
{
    if (d->name[0])
        return take_place(d, t);
    if (!t->exists && link_as(d, t->dir, t->name) == 0)
        return 0;
    /* A crash between the name and the place leaves nothing beside the destination. */
    if (settle(d, open(files_drafts(files), O_PATH | O_DIRECTORY | O_CLOEXEC)) == 0 &&
        take_place(d, t) == 0)
        return 0;
    unsettle(d);
    if (settle(d, openat(t->dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
        return -1;
    return take_place(d, t);
}

/* The destination turned out to be on another file system. */
static int move_across(const struct files *files, struct file_draft *d, const struct target *t,
                       bool keep, struct err *err)
{
    struct file_draft near = FILE_DRAFT_NONE;
    if (draft_at(t->dir, &near) < 0)
        return file_fail(err, errno);
    int r = file_copy(d->fd, near.fd, err);
    if (r == 0 && keep)
        r = inherit(&near, &t->st, err);
    if (r >= 0 && replace(files, &near, t) < 0)
        r = file_fail(err, errno);
    file_draft_discard(&near);
    return r < 0 ? -1 : 0;
}

static int commit(const struct files *files, struct file_draft *d, const struct target *t,
                  struct err *err)
{
    if (t->exists) {
        int r = t->st.st_nlink > 1 ? 0 : inherit(d, &t->st, err);
        if (r <= 0)
            return r < 0 ? -1 : overwrite(d, t, err);
    }
    if (replace(files, d, t) == 0)
        return 0;
    if (errno == EXDEV)
        return move_across(files, d, t, t->exists, err);
    if (t->exists && (lacks_permission(errno) || errno == EBUSY))
        return overwrite(d, t, err);
    return file_fail(err, errno);
}

struct file_version file_version_of(const struct stat *st)
{
    return (struct file_version){st->st_dev, st->st_ino, st->st_size, st->st_mtim};
}

static bool is_version(const struct target *t, const struct file_version *v)
{
    return t->exists && t->st.st_dev == v->device && t->st.st_ino == v->inode &&
           t->st.st_size == v->size && t->st.st_mtim.tv_sec == v->modified.tv_sec &&
           t->st.st_mtim.tv_nsec == v->modified.tv_nsec;
}

int file_draft_commit(struct files *files, struct file_draft *d, const char *path,
                      const struct file_version *expected, struct err *err)
{
    cleanup_target struct target t = TARGET_NONE;
    /* Without an expectation the last writer wins anyway, and may take its time. */
    if (expected)
        files_lock(files);
    int r = target_open(path, &t, err);
    if (r == 0 && expected && !is_version(&t, expected))
        r = err_set(err, ERR_CONFLICT, "The file was changed by someone else meanwhile");
    if (r == 0)
        r = commit(files, d, &t, err);
    if (expected)
        files_unlock(files);
    file_draft_discard(d);
    return r;
}
