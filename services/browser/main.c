/* sandgate-browser: checks the settings, prepares the profile, becomes Chromium.
 *
 * There is no process in between: whoever started this one signals, waits for and outlives Chromium
 * itself. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "arguments.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "confine.h"
#include "profile.h"
#include "settings.h"

/* Debian's program itself. Its wrapper in /usr/bin adds a shell, GPU rasterisation and switches of
 * its own, and would need to be told to leave each of them. */
static const char chromium[] = "/usr/lib/chromium/chromium";

/* Shared memory of less than this fills up on image-heavy pages, and then they crash. */
#define SHM_ENOUGH (512 * MIB)

static const char *variable(const char *name)
{
    return getenv(name);
}

static bool shm_is_small(void)
{
    struct statvfs shm;
    return access("/dev/shm", W_OK) < 0 || statvfs("/dev/shm", &shm) < 0 ||
           (uint64_t)shm.f_bavail * shm.f_frsize < SHM_ENOUGH;
}

/* What Chromium and its libraries take from the environment alone. */
static int set_environment(struct arena *arena, const struct settings *s, struct err *err)
{
    const char *cache = arena_printf(arena, "%s/.cache", s->home);
    if (!cache)
        return err_memory(err);
    if (setenv("LANGUAGE", s->ui_language, 1) < 0 ||
        /* Else some libraries take the home of whoever has our number inside the namespace. */
        setenv("XDG_CACHE_HOME", cache, 0) < 0 ||
        /* "no" is how Chromium is told that there are no keys and that this is no news. */
        setenv("GOOGLE_API_KEY", "no", 0) < 0 || setenv("GOOGLE_DEFAULT_CLIENT_ID", "no", 0) < 0 ||
        setenv("GOOGLE_DEFAULT_CLIENT_SECRET", "no", 0) < 0)
        return err_memory(err);
    return 0;
}

/* A change of credentials clears the signal that ends us with our parent; and it may have ended
 * before it was set again. */
static int stay_with(pid_t parent, struct err *err)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return err_errno(err, errno, "cannot ask to end with the parent process");
    if (getppid() != parent)
        return err_set(err, ERR_UNAVAILABLE, "the parent process has ended");
    return 0;
}

/* Returns only on failure. */
static int become_chromium(struct arena *arena, pid_t parent, struct err *err)
{
    struct settings settings;
    struct surroundings around = {.program = chromium, .shm_is_small = shm_is_small()};
    if (settings_load(arena, variable, &settings, err) < 0)
        return -1;
    if (access(chromium, X_OK) < 0)
        return err_errno(err, errno, "Chromium is not installed: %s", chromium);
    if (profile_prepare(arena, &settings, &around.profile, err) < 0 ||
        set_environment(arena, &settings, err) < 0 || confine(&around.sandboxed, err) < 0 ||
        stay_with(parent, err) < 0)
        return -1;
    const char **argv = arguments_build(arena, &settings, &around);
    if (!argv)
        return err_memory(err);
    (void)execv(chromium, (char *const *)(uintptr_t)argv);
    return err_errno(err, errno, "cannot start %s", chromium);
}

int main(void)
{
    pid_t parent = getppid();
    struct err err = ERR_INIT;
    struct arena *arena = arena_new();
    if (arena ? become_chromium(arena, parent, &err) < 0 : err_memory(&err) < 0)
        (void)fprintf(stderr, "browser: %s\n", err.text);
    arena_free(arena);
    return 1;
}
