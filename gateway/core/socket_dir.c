#include "core/socket_dir.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#define SHORT    "/tmp/sandgate-"
#define TREE_FDS 16

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    if (at->level > 0 && (type == FTW_DP ? rmdir(path) : unlink(path)) < 0)
        log_debug("cannot remove %s: %s", path, strerrordesc_np(errno));
    return 0;
}

/* Symbolic links are removed, not followed. */
void socket_dir_empty(const char *path)
{
    (void)nftw(path, remove_entry, TREE_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static bool is_ours_alone(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
           (st.st_mode & 0777) == 0700;
}

static int make_short(struct arena *arena, const char *link, const char **ret_path, struct err *err)
{
    char target[64] = "";
    ssize_t n = readlink(link, target, sizeof target - 1);
    if (n > 0 && strncmp(target, SHORT, sizeof SHORT - 1) == 0 && is_ours_alone(target)) {
        *ret_path = arena_copy(arena, target, (size_t)n);
        return *ret_path ? 0 : err_memory(err);
    }
    char made[] = SHORT "XXXXXX";
    if (!mkdtemp(made))
        return err_errno(err, errno, "cannot make a folder in /tmp");
    socket_dir_empty(link);
    if (unlink(link) < 0 && errno != ENOENT)
        (void)rmdir(link);
    if (symlink(made, link) < 0) {
        int why = errno;
        (void)rmdir(made);
        return err_errno(err, why, "cannot make %s", link);
    }
    *ret_path = arena_copy(arena, made, strlen(made));
    return *ret_path ? 0 : err_memory(err);
}

int socket_dir_open(struct arena *arena, const char *state, const char *name, size_t longest,
                    const char **ret_path, struct err *err)
{
    struct sockaddr_un limit;
    struct stat st;
    const char *path = arena_printf(arena, "%s/%s", state, name);
    if (!path)
        return err_memory(err);
    if (strlen(path) + longest >= sizeof limit.sun_path)
        return make_short(arena, path, ret_path, err);
    if (lstat(path, &st) == 0 && !S_ISDIR(st.st_mode))
        (void)unlink(path);
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_errno(err, errno, "cannot make %s", path);
    *ret_path = path;
    return 0;
}

void socket_dir_close(const char *path, const char *state, const char *name)
{
    char link[PATH_MAX];
    if (!path || strncmp(path, SHORT, sizeof SHORT - 1) != 0)
        return;
    (void)snprintf(link, sizeof link, "%s/%s", state, name);
    socket_dir_empty(path);
    if (rmdir(path) == 0)
        (void)unlink(link);
}
