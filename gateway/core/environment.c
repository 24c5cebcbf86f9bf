#include "core/environment.h"

#include <dirent.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/bytes.h"
#include "io/spawn.h"

struct environment {
    struct arena *arena;
    const char **list;
    size_t n;
    const char *mark; /* NAME=value */
};

/* Secrets and the gateway's own knobs: never for children. */
static bool withheld(const char *entry)
{
    static const char *const names[] = {
        "SANDBOX_API_KEY", "JWT_PUBLIC_KEY", "AUTH_TOKEN", "UV_THREADPOOL_SIZE", "LISTEN_FDS",
        "LISTEN_PID",      "NOTIFY_SOCKET",  "OLDPWD",     "ASAN_OPTIONS",       "UBSAN_OPTIONS",
    };
    size_t n = strcspn(entry, "=");
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strlen(names[i]) == n && strncmp(entry, names[i], n) == 0)
            return true;
    return false;
}

static size_t find(const char **list, size_t n, const char *name, size_t name_n)
{
    for (size_t i = 0; i < n; i++)
        if (strncmp(list[i], name, name_n) == 0 && list[i][name_n] == '=')
            return i;
    return n;
}

static int put(struct environment *e, const char *name, const char *value, bool replace)
{
    size_t at = find(e->list, e->n, name, strlen(name));
    if (at < e->n && !replace)
        return 0;
    const char *entry = arena_printf(e->arena, "%s=%s", name, value);
    if (!entry)
        return -1;
    e->list[at] = entry;
    if (at == e->n)
        e->n++;
    return 0;
}

#define ADDED 16

static int fill(struct environment *e, const struct config *config, char **own)
{
    size_t count = 0;
    while (own[count])
        count++;
    e->list = arena_alloc(e->arena, (count + ADDED) * sizeof *e->list);
    if (!e->list)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (strchr(own[i], '=') && !withheld(own[i]))
            e->list[e->n++] = own[i];
    const char *display = arena_printf(e->arena, ":%d", config->display);
    const char *authority = arena_printf(e->arena, "%s/xauthority", config->state);
    const struct passwd *user = getpwuid(geteuid());
    const char *name = user ? user->pw_name : "gem";
    if (!display || !authority || put(e, "HOME", config->home, true) < 0 ||
        put(e, "WORKSPACE", config->workspace, true) < 0 ||
        put(e, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", false) < 0 ||
        put(e, "USER", name, false) < 0 || put(e, "LOGNAME", name, false) < 0 ||
        put(e, "DISPLAY", display, true) < 0 || put(e, "XAUTHORITY", authority, true) < 0 ||
        put(e, "SHELL", "/bin/bash", false) < 0 || put(e, "LANG", "C.UTF-8", false) < 0 ||
        put(e, ENVIRONMENT_MARK, config->state, true) < 0)
        return -1;
    if (config->timezone[0] && put(e, "TZ", config->timezone, true) < 0)
        return -1;
    e->mark = e->list[find(e->list, e->n, ENVIRONMENT_MARK, strlen(ENVIRONMENT_MARK))];
    return 0;
}

int environment_open(const struct config *config, char **own, struct environment **ret_environment,
                     struct err *err)
{
    struct environment *e = calloc(1, sizeof *e);
    if (!e)
        return err_memory(err);
    e->arena = arena_new();
    if (!e->arena || fill(e, config, own) < 0) {
        environment_close(e);
        return err_memory(err);
    }
    *ret_environment = e;
    return 0;
}

void environment_close(struct environment *e)
{
    if (!e)
        return;
    arena_free(e->arena);
    free(e);
}

const char *const *environment_with(const struct environment *e, struct arena *arena,
                                    const struct text_map *extra)
{
    size_t more = extra ? extra->n : 0, n = e->n;
    const char **list = arena_alloc(arena, (e->n + more + 1) * sizeof *list);
    if (!list)
        return NULL;
    memcpy(list, e->list, e->n * sizeof *list);
    for (size_t i = 0; i < more; i++) {
        const struct text_pair *pair = &extra->items[i];
        size_t at = find(list, n, pair->name.p, pair->name.n);
        if (!pair->value.p) {
            if (at < n)
                list[at] = list[--n];
            continue;
        }
        list[at] = arena_printf(arena, "%s=%s", pair->name.p, pair->value.p);
        if (!list[at])
            return NULL;
        if (at == n)
            n++;
    }
    list[n] = NULL;
    return list;
}

size_t environment_end_leftovers(const struct environment *e)
{
    size_t ended = 0;
    DIR *dir = opendir("/proc");
    const struct dirent *entry;
    uint64_t pid;
    while (dir && (entry = readdir(dir))) {
        if (parse_u64(entry->d_name, strlen(entry->d_name), &pid) < 0 || (pid_t)pid == getpid())
            continue;
        if (process_carries((pid_t)pid, e->mark) && kill((pid_t)pid, SIGKILL) == 0)
            ended++;
    }
    if (dir)
        (void)closedir(dir);
    return ended;
}
