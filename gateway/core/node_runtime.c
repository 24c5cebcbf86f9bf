#include "core/node_runtime.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "io/loop.h"

/* All versions together may take this long. */
#define VERSIONS_MS 4000

int node_default(const struct toolbox *toolbox, struct arena *arena, const char **ret_path,
                 struct err *err)
{
    const char *path = toolbox_find(toolbox, arena, "node");
    if (!path)
        path = toolbox_find(toolbox, arena, "nodejs");
    if (!path)
        return err_set(err, ERR_UNAVAILABLE, "node is not installed");
    *ret_path = path;
    return 0;
}

int node_parse_version(struct text text, int *ret_major, struct err *err)
{
    const char *p = text.p;
    uint64_t major = 0;
    *ret_major = 0;
    if (!text.n)
        return 0;
    p += strncmp(p, "node", 4) == 0 ? 4 : 0;
    p += *p == 'v';
    size_t digits = strspn(p, "0123456789");
    if (parse_u64(p, digits, &major) < 0 || major == 0 || major > 999 ||
        p[strspn(p, "0123456789.")] != '\0')
        return err_field(err, "version",
                         "field 'version': '%.40s' is not a version like \"node20\" or \"20\"",
                         text.p);
    *ret_major = (int)major;
    return 0;
}

/* ---- versions ---- */

/* The major version of the program at `path`, 0 when it does not say. */
static int major_of(struct toolbox *toolbox, struct arena *arena, const char *path,
                    const struct stat *st, uint64_t deadline, const char **ret_version)
{
    const char *version = toolbox_version(toolbox, arena, path, st, "--version", deadline);
    if (ret_version)
        *ret_version = version ? version : "";
    return version ? (int)strtol(version, NULL, 10) : 0;
}

static void note_major(struct node_info *info, int major)
{
    for (size_t i = 0; i < info->major_count; i++)
        if (info->majors[i] == major)
            return;
    if (major && info->major_count < NODE_MAX_VERSIONS)
        info->majors[info->major_count++] = major;
}

/* Every interpreter along the PATH, also those named after their version: node20, node24.
 * Returns the path of the first of version `wanted`. */
static const char *scan(struct toolbox *toolbox, struct arena *arena, int wanted,
                        struct node_info *info)
{
    static const char *const names[] = {"node",   "nodejs", "node18", "node20", "node22",
                                        "node24", "node26", "node28", NULL};
    uint64_t deadline = loop_clock() + VERSIONS_MS;
    struct stat st;
    for (size_t i = 0; names[i]; i++) {
        size_t at = 0;
        const char *path;
        while ((path = toolbox_next(toolbox, arena, names[i], &at, &st))) {
            int major = major_of(toolbox, arena, path, &st, deadline, NULL);
            if (info)
                note_major(info, major);
            if (wanted && major == wanted)
                return path;
        }
    }
    return NULL;
}

static const char *list_majors(struct arena *arena, const struct node_info *info)
{
    const char *text = "";
    for (size_t i = 0; text && i < info->major_count; i++)
        text = arena_printf(arena, "%s%snode%d", text, i ? ", " : "", info->majors[i]);
    return text ? text : "";
}

int node_find(struct toolbox *toolbox, struct arena *arena, int major, const char **ret_path,
              struct err *err)
{
    struct node_info info = {.major_count = 0};
    const char *path = scan(toolbox, arena, major, &info);
    if (!path)
        return err_field(err, "version",
                         "field 'version': Node.js %d is not installed; there is %s", major,
                         info.major_count ? list_majors(arena, &info) : "none");
    *ret_path = path;
    return 0;
}

/* ---- all of it ---- */

/* npm tells of many things; where its global packages lie is beside the first of them. */
static const char *global_folder(const char *node, struct arena *arena)
{
    char real[PATH_MAX];
    char *slash = realpath(node, real) ? strrchr(real, '/') : NULL;
    if (!slash)
        return NULL;
    *slash = '\0';
    const char *path = arena_printf(arena, "%s/../lib/node_modules", real);
    return path && realpath(path, real) ? arena_copy(arena, real, strlen(real)) : NULL;
}

int node_info_read(struct toolbox *toolbox, const struct config *config, struct arena *arena,
                   struct node_info *ret_info, struct err *err)
{
    struct node_info info = {.npm_version = ""};
    struct stat st;
    size_t at = 0;
    const char *node = NULL;
    uint64_t deadline = loop_clock() + VERSIONS_MS;
    if (node_default(toolbox, arena, &node, err) < 0)
        return -1;
    if (stat(node, &st) < 0)
        return err_set(err, ERR_UNAVAILABLE, "node is not installed");
    note_major(&info, major_of(toolbox, arena, node, &st, deadline, &info.node_version));
    (void)scan(toolbox, arena, 0, &info);
    const char *npm = toolbox_next(toolbox, arena, "npm", &at, &st);
    if (npm)
        (void)major_of(toolbox, arena, npm, &st, deadline, &info.npm_version);
    info.local_folder = arena_printf(arena, "%s/node_modules", config->workspace);
    info.global_folder = global_folder(node, arena);
    if (!info.local_folder)
        return err_memory(err);
    if (packages_below(info.local_folder, arena, &info.local, err) < 0 ||
        packages_nodejs(toolbox, arena, &info.global, err) < 0)
        return -1;
    *ret_info = info;
    return 0;
}
