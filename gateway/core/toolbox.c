#include "core/toolbox.h"

#include <ctype.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "io/loop.h"
#include "io/spawn.h"

#define MAX_FOLDERS   64
#define MAX_VERSIONS  128
#define KEEP_MS       (UINT64_C(15) * 60 * 1000)
#define PROBE_MS      2000
#define PROBE_CEILING (64 * KIB)
#define VERSION_SIZE  32

/* One answer, good for the very file that gave it. */
struct version {
    char *path;
    dev_t dev;
    ino_t ino;
    struct timespec changed;
    uint64_t until;
    char text[VERSION_SIZE];
};

struct toolbox {
    struct arena *arena;
    const char *const *envp;
    const char *folders[MAX_FOLDERS];
    size_t folder_count;
    pthread_mutex_t lock; /* guards the versions */
    struct version versions[MAX_VERSIONS];
    size_t version_count, oldest;
};

static int split_path(struct toolbox *t, const char *path)
{
    while (*path && t->folder_count < MAX_FOLDERS) {
        size_t n = strcspn(path, ":");
        if (n && path[0] == '/') { /* a relative folder means something else to each command */
            const char *folder = arena_copy(t->arena, path, n);
            if (!folder)
                return -1;
            t->folders[t->folder_count++] = folder;
        }
        path += n + (path[n] == ':');
    }
    return 0;
}

static int fill(struct toolbox *t, const struct environment *environment)
{
    t->arena = arena_new();
    t->envp = t->arena ? environment_with(environment, t->arena, NULL) : NULL;
    for (size_t i = 0; t->envp && t->envp[i]; i++)
        if (strncmp(t->envp[i], "PATH=", 5) == 0)
            return split_path(t, t->envp[i] + 5);
    return t->envp ? 0 : -1;
}

int toolbox_open(const struct environment *environment, struct toolbox **ret_toolbox,
                 struct err *err)
{
    struct toolbox *t = calloc(1, sizeof *t);
    if (!t)
        return err_memory(err);
    (void)pthread_mutex_init(&t->lock, NULL);
    if (fill(t, environment) < 0) {
        toolbox_close(t);
        return err_memory(err);
    }
    *ret_toolbox = t;
    return 0;
}

void toolbox_close(struct toolbox *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->version_count; i++)
        free(t->versions[i].path);
    (void)pthread_mutex_destroy(&t->lock);
    arena_free(t->arena);
    free(t);
}

const char *const *toolbox_environment(const struct toolbox *t)
{
    return t->envp;
}

/* ---- looking ---- */

const char *toolbox_next(const struct toolbox *t, struct arena *arena, const char *name, size_t *at,
                         struct stat *ret_st)
{
    char path[PATH_MAX];
    while (*at < t->folder_count) {
        int n = snprintf(path, sizeof path, "%s/%s", t->folders[(*at)++], name);
        if (n > 0 && (size_t)n < sizeof path && stat(path, ret_st) == 0 &&
            S_ISREG(ret_st->st_mode) && access(path, X_OK) == 0)
            return arena_copy(arena, path, (size_t)n);
    }
    return NULL;
}

const char *toolbox_find(const struct toolbox *t, struct arena *arena, const char *name)
{
    struct stat st;
    size_t at = 0;
    return toolbox_next(t, arena, name, &at, &st);
}

/* ---- versions ---- */

/* The end of digits and dots at `p`; *ret_dotted when a digit follows a dot. */
static const char *number_end(const char *p, bool *ret_dotted)
{
    *ret_dotted = false;
    while (isdigit((unsigned char)*p) || (*p == '.' && isdigit((unsigned char)p[1]))) {
        *ret_dotted |= *p == '.';
        p++;
    }
    return p;
}

void toolbox_pick_version(const char *text, char *to, size_t room)
{
    const char *whole = NULL, *whole_end = NULL;
    to[0] = '\0';
    for (const char *p = text; *p; p++) {
        bool dotted;
        if (!isdigit((unsigned char)*p))
            continue;
        const char *end = number_end(p, &dotted);
        if (dotted) {
            (void)snprintf(to, room, "%.*s", (int)(end - p), p);
            return;
        }
        /* "less 590": a number that stands alone will do when there is no better. */
        bool alone = p > text && p[-1] == ' ' && (!*end || isspace((unsigned char)*end));
        if (alone && !whole) {
            whole = p;
            whole_end = end;
        }
        p = end - 1;
    }
    if (whole)
        (void)snprintf(to, room, "%.*s", (int)(whole_end - whole), whole);
}

/* False when there was no time to find out. */
static bool probe(const struct toolbox *t, const char *path, const char *flag, uint64_t deadline,
                  char *to, size_t room)
{
    uint64_t now = loop_clock();
    if (now >= deadline)
        return false;
    uint64_t ms = deadline - now < PROBE_MS ? deadline - now : PROBE_MS;
    const char *argv[] = {path, flag, NULL};
    struct spawn_spec spec = {.argv = argv, .envp = t->envp, .cwd = "/"};
    cleanup_bytes struct bytes out = BYTES_INIT(PROBE_CEILING);
    cleanup_bytes struct bytes errors = BYTES_INIT(PROBE_CEILING);
    struct exit_status status;
    struct err err;
    to[0] = '\0';
    if (spawn_wait(&spec, NULL, 0, &out, &errors, ms, &status, &err) < 0 || status.code != 0)
        return true;
    if (bytes_text(&out))
        toolbox_pick_version(out.data, to, room);
    if (!to[0] && bytes_text(&errors))
        toolbox_pick_version(errors.data, to, room);
    return true;
}

static struct version *lookup(struct toolbox *t, const char *path)
{
    for (size_t i = 0; i < t->version_count; i++)
        if (strcmp(t->versions[i].path, path) == 0)
            return &t->versions[i];
    return NULL;
}

static bool still_good(const struct version *v, const struct stat *st)
{
    return v->dev == st->st_dev && v->ino == st->st_ino &&
           v->changed.tv_sec == st->st_ctim.tv_sec && v->changed.tv_nsec == st->st_ctim.tv_nsec &&
           loop_clock() < v->until;
}

/* A place for `path`: its own, a new one, or the one that was filled longest ago. */
static struct version *place_for(struct toolbox *t, const char *path)
{
    struct version *v = lookup(t, path);
    if (v)
        return v;
    char *copy = strdup(path);
    if (!copy)
        return NULL;
    if (t->version_count < MAX_VERSIONS) {
        v = &t->versions[t->version_count++];
    } else {
        v = &t->versions[t->oldest++ % MAX_VERSIONS];
        free(v->path);
    }
    *v = (struct version){.path = copy};
    return v;
}

static struct version *refresh(struct toolbox *t, const char *path, const struct stat *st,
                               const char *flag, uint64_t deadline)
{
    char text[VERSION_SIZE];
    if (!probe(t, path, flag, deadline, text, sizeof text))
        return NULL;
    struct version *v = place_for(t, path);
    if (!v)
        return NULL;
    v->dev = st->st_dev;
    v->ino = st->st_ino;
    v->changed = st->st_ctim;
    v->until = loop_clock() + KEEP_MS;
    memcpy(v->text, text, sizeof text);
    return v;
}

const char *toolbox_version(struct toolbox *t, struct arena *arena, const char *path,
                            const struct stat *st, const char *flag, uint64_t deadline)
{
    const char *text = NULL;
    (void)pthread_mutex_lock(&t->lock);
    struct version *v = lookup(t, path);
    if (!v || !still_good(v, st))
        v = refresh(t, path, st, flag, deadline);
    if (v)
        text = arena_copy(arena, v->text, strlen(v->text));
    (void)pthread_mutex_unlock(&t->lock);
    return text;
}
