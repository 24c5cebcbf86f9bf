#include "profile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "preferences.h"

#define FILE_MAX     (64 * MIB)
#define LOCK_SECONDS 5

static int make_folder(const char *path, mode_t mode, struct err *err)
{
    struct stat info;
    if (mkdir(path, mode) == 0)
        return 0;
    if (errno != EEXIST)
        return err_errno(err, errno, "cannot make %s", path);
    if (stat(path, &info) < 0 || !S_ISDIR(info.st_mode))
        return err_set(err, ERR_SYSTEM, "%s is in the way of a folder of that name", path);
    return 0;
}

static int make_folders(struct arena *arena, const char *home, const char *profile,
                        const char *downloads, struct err *err)
{
    const char *config = arena_printf(arena, "%s/.config", home);
    const char *first = arena_printf(arena, "%s/Default", profile);
    if (!config || !first)
        return err_memory(err);
    if (make_folder(config, 0700, err) < 0 || make_folder(profile, 0700, err) < 0 ||
        make_folder(first, 0700, err) < 0)
        return -1;
    return make_folder(downloads, 0755, err);
}

static void on_alarm(int signal_number)
{
    (void)signal_number;
}

/* The lock goes with the open file, which Chromium inherits and its children do not: it holds as
 * long as the browser lives, across containers that share the home too. One that was killed a
 * moment ago may still be on its way out, so it is waited for. */
static int take_lock(struct arena *arena, const char *profile, struct err *err)
{
    struct sigaction interrupt = {.sa_handler = on_alarm}, before;
    const char *path = arena_printf(arena, "%s/sandgate.lock", profile);
    if (!path)
        return err_memory(err);
    int fd = open(path, O_RDWR | O_CREAT, 0600); /* NOLINT: not close-on-exec, on purpose */
    if (fd < 0)
        return err_errno(err, errno, "cannot open %s", path);
    (void)sigaction(SIGALRM, &interrupt, &before);
    (void)alarm(LOCK_SECONDS);
    int taken = flock(fd, LOCK_EX), why = errno;
    (void)alarm(0);
    (void)sigaction(SIGALRM, &before, NULL);
    if (taken == 0)
        return 0;
    (void)close(fd);
    if (why == EINTR)
        return err_set(err, ERR_CONFLICT, "another browser of the sandbox uses %s", profile);
    return err_errno(err, why, "cannot lock %s", path);
}

/* Whether somebody answers at a Unix socket. */
static bool answers(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if (n >= sizeof address.sun_path)
        return false;
    memcpy(address.sun_path, path, n);
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd >= 0 &&
           (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 || errno == EAGAIN);
}

/* Chromium's own lock is three links in the profile; the socket's leads into a folder that it made
 * below the one for temporary files. */
static int clear_leftovers(struct arena *arena, const char *profile, struct err *err)
{
    static const char *const names[] = {"SingletonLock", "SingletonCookie", "SingletonSocket"};
    static const char folder[] = "/org.chromium.Chromium.";
    char socket_path[PATH_MAX];
    const char *link = arena_printf(arena, "%s/SingletonSocket", profile);
    ssize_t n = link ? readlink(link, socket_path, sizeof socket_path - 1) : -1;
    socket_path[n > 0 ? n : 0] = '\0';
    if (n > 0 && answers(socket_path))
        return err_set(err, ERR_CONFLICT, "a Chromium started by hand uses %s", profile);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *path = arena_printf(arena, "%s/%s", profile, names[i]);
        if (!path)
            return err_memory(err);
        if (unlink(path) < 0 && errno != ENOENT)
            return err_errno(err, errno, "cannot remove %s", path);
    }
    char *slash = strrchr(socket_path, '/');
    if (!slash || !strstr(socket_path, folder))
        return 0;
    (void)unlink(socket_path);
    *slash = '\0';
    const char *cookie = arena_printf(arena, "%s/SingletonCookie", socket_path);
    if (cookie)
        (void)unlink(cookie);
    (void)rmdir(socket_path);
    return 0;
}

/* A file that is not there is an empty one. */
static int read_file(const char *path, struct bytes *out, struct err *err)
{
    char chunk[64 * KIB];
    ssize_t n;
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_errno(err, errno, "cannot read %s", path);
    while ((n = read(fd, chunk, sizeof chunk)) > 0)
        (void)bytes_add(out, chunk, (size_t)n);
    if (n < 0)
        return err_errno(err, errno, "cannot read %s", path);
    return out->failed ? err_set(err, ERR_TOO_LARGE, "%s is too large to be read", path) : 0;
}

static int write_all(int fd, const struct bytes *content)
{
    for (size_t done = 0; done < content->len;) {
        ssize_t n = write(fd, content->data + done, content->len - done);
        if (n < 0 && errno != EINTR)
            return -1;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* Whole or not at all: written beside it, then renamed over it. */
static int replace_file(struct arena *arena, const char *path, const struct bytes *content,
                        struct err *err)
{
    const char *temporary = arena_printf(arena, "%s.sandgate", path);
    if (!temporary)
        return err_memory(err);
    cleanup_close int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, errno, "cannot write %s", temporary);
    if (write_all(fd, content) < 0 || rename(temporary, path) < 0) {
        int why = errno;
        (void)unlink(temporary);
        return err_errno(err, why, "cannot write %s", path);
    }
    return 0;
}

/* What cannot be understood is kept beside, for whoever wants to look. */
static int move_aside(struct arena *arena, const char *path, struct err *err)
{
    const char *aside = arena_printf(arena, "%s.damaged", path);
    if (!aside)
        return err_memory(err);
    if (rename(path, aside) < 0)
        return err_errno(err, errno, "cannot move %s aside", path);
    log_warn("%s was damaged: it is now %s and its settings begin anew", path, aside);
    return 0;
}

static int edit_file(struct arena *arena, enum preferences_file file, const char *path,
                     const struct settings *settings, const char *downloads, struct err *err)
{
    cleanup_bytes struct bytes before = BYTES_INIT(FILE_MAX), after = BYTES_INIT(FILE_MAX);
    if (!path)
        return err_memory(err);
    if (read_file(path, &before, err) < 0)
        return -1;
    int damaged = preferences_edit(file, before.len ? before.data : "", before.len, settings,
                                   downloads, &after);
    if (damaged < 0)
        return err_memory(err);
    if (damaged && move_aside(arena, path, err) < 0)
        return -1;
    return replace_file(arena, path, &after, err);
}

int profile_prepare(struct arena *arena, const struct settings *settings, const char **ret_path,
                    struct err *err)
{
    const char *profile = arena_printf(arena, "%s/.config/sandgate-browser", settings->home);
    const char *downloads = arena_printf(arena, "%s/Downloads", settings->home);
    if (!profile || !downloads)
        return err_memory(err);
    if (make_folders(arena, settings->home, profile, downloads, err) < 0 ||
        take_lock(arena, profile, err) < 0 || clear_leftovers(arena, profile, err) < 0 ||
        edit_file(arena, PREFERENCES_PROFILE,
                  arena_printf(arena, "%s/Default/Preferences", profile), settings, downloads,
                  err) < 0 ||
        edit_file(arena, PREFERENCES_LOCAL_STATE, arena_printf(arena, "%s/Local State", profile),
                  settings, downloads, err) < 0)
        return -1;
    *ret_path = profile;
    return 0;
}
