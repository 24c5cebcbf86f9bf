#include "core/packages.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/json.h"
#include "io/spawn.h"

#define DEADLINE_MS  20000
#define OUTPUT       (8 * MIB)
#define MANIFEST     (1 * MIB)
#define MAX_PACKAGES 20000

/* What pip itself reads, without needing pip: a name found twice counts where it is found first. */
static const char list_python[] =
    "import importlib.metadata\n"
    "seen = {}\n"
    "for d in importlib.metadata.distributions():\n"
    "    name = d.metadata['Name']\n"
    "    if name:\n"
    "        seen.setdefault(name.lower().replace('_', '-'), (name, d.version))\n"
    "for name, version in seen.values():\n"
    "    print(name, version, sep='\\t')\n";

static int by_name(const void *a, const void *b)
{
    const struct package *x = a, *y = b;
    return strcasecmp(x->name, y->name);
}

static int add(struct arena *arena, struct package_list *list, const char *name, size_t name_n,
               const char *version, size_t version_n)
{
    if (list->n == MAX_PACKAGES || name_n == 0)
        return 0;
    if ((list->n & (list->n - 1)) == 0) { /* full at every power of two */
        struct package *more = arena_alloc(arena, (list->n ? list->n * 2 : 1) * sizeof *more);
        if (!more)
            return -1;
        if (list->n)
            memcpy(more, list->items, list->n * sizeof *more);
        list->items = more;
    }
    struct package *p = &list->items[list->n];
    p->name = arena_copy(arena, name, name_n);
    p->version = arena_copy(arena, version, version_n);
    if (!p->name || !p->version)
        return -1;
    list->n++;
    return 0;
}

static void sort(struct package_list *list)
{
    if (list->n)
        qsort(list->items, list->n, sizeof *list->items, by_name);
}

/* Run in "/", so that no file of a workspace can pass for a module. */
static int run(const struct toolbox *toolbox, const char *const *argv, struct bytes *out,
               struct exit_status *ret_status, struct err *err)
{
    struct spawn_spec spec = {.argv = argv, .envp = toolbox_environment(toolbox), .cwd = "/"};
    if (spawn_wait(&spec, NULL, 0, out, NULL, DEADLINE_MS, ret_status, err) < 0)
        return -1;
    if (out->failed || !bytes_text(out))
        return err_set(err, ERR_TOO_LARGE, "%s printed more than is listed here", argv[0]);
    return 0;
}

/* `take` reads one line into the list; -1: out of memory. */
static int each_line(char *text, struct arena *arena, struct package_list *list,
                     int (*take)(struct arena *arena, struct package_list *list, const char *line),
                     struct err *err)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        bool more = text[n] == '\n';
        text[n] = '\0';
        if (take(arena, list, text) < 0)
            return err_memory(err);
        text += n + more;
    }
    return 0;
}

/* ---- Python ---- */

static int take_python(struct arena *arena, struct package_list *list, const char *line)
{
    const char *tab = strchr(line, '\t');
    return tab ? add(arena, list, line, (size_t)(tab - line), tab + 1, strlen(tab + 1)) : 0;
}

int packages_python(const struct toolbox *toolbox, struct arena *arena,
                    struct package_list *ret_list, struct err *err)
{
    struct package_list list = {0};
    struct exit_status status;
    cleanup_bytes struct bytes out = BYTES_INIT(OUTPUT);
    const char *argv[] = {toolbox_find(toolbox, arena, "python3"), "-c", list_python, NULL};
    if (!argv[0])
        return err_set(err, ERR_UNAVAILABLE, "python3 is not installed");
    if (run(toolbox, argv, &out, &status, err) < 0)
        return -1;
    if (status.code != 0)
        return err_set(err, ERR_UNAVAILABLE, "%s could not list its packages (exit code %d)",
                       argv[0], status.code);
    if (each_line(out.data, arena, &list, take_python, err) < 0)
        return -1;
    sort(&list);
    *ret_list = list;
    return 0;
}

/* ---- Node.js ---- */

/* "FOLDER:NAME@VERSION[:…]"; the name may begin with '@'. The first line is the root itself, whose
 * version is empty. */
static int take_npm(struct arena *arena, struct package_list *list, const char *line)
{
    const char *colon = strchr(line, ':');
    if (!colon)
        return 0;
    const char *name = colon + 1;
    size_t n = strcspn(name, ":");
    const char *at = n ? memrchr(name + 1, '@', n - 1) : NULL;
    if (!at || at + 1 == name + n)
        return 0;
    return add(arena, list, name, (size_t)(at - name), at + 1, n - (size_t)(at + 1 - name));
}

struct manifest {
    struct text name, version;
};
static const struct field manifest_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct manifest, name), .required = true},
    {"version", FIELD_TEXT, offsetof(struct manifest, version), .required = true},
    FIELDS_END,
};

static bool listed(const struct package_list *list, struct text name)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i].name, name.p) == 0)
            return true;
    return false;
}

/* What is not a package, or was told of already, is passed over. */
static int take_folder(int modules, const char *folder, struct arena *arena,
                       struct package_list *list)
{
    char path[PATH_MAX], chunk[16384];
    struct manifest m;
    struct err err;
    ssize_t n;
    cleanup_bytes struct bytes text = BYTES_INIT(MANIFEST);
    cleanup_bytes struct bytes unknown = BYTES_INIT(MANIFEST);
    int length = snprintf(path, sizeof path, "%s/package.json", folder);
    if (length < 0 || (size_t)length >= sizeof path)
        return 0;
    cleanup_close int fd = openat(modules, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    while (fd >= 0 && (n = read(fd, chunk, sizeof chunk)) > 0)
        (void)bytes_add(&text, chunk, (size_t)n);
    if (text.failed ||
        json_decode(arena, text.data, text.len, manifest_fields, &m, sizeof m, &unknown, &err) <
            0 ||
        listed(list, m.name))
        return 0;
    return add(arena, list, m.name.p, m.name.n, m.version.p, m.version.n);
}

/* One level of a node_modules folder; `scope` is "" or "@scope/". */
static int take_modules(int modules, const char *scope, struct arena *arena,
                        struct package_list *list)
{
    char name[NAME_MAX * 2 + 2];
    const struct dirent *entry;
    int r = 0, fd = openat(modules, scope[0] ? scope : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0)
            (void)close(fd);
        return 0;
    }
    while (r == 0 && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        bool is_scope = entry->d_name[0] == '@' && !scope[0];
        int n = snprintf(name, sizeof name, "%s%s%s", scope, entry->d_name, is_scope ? "/" : "");
        if (n < 0 || (size_t)n >= sizeof name)
            continue;
        r = is_scope ? take_modules(modules, name, arena, list)
                     : take_folder(modules, name, arena, list);
    }
    (void)closedir(dir);
    return r;
}

int packages_below(const char *modules, struct arena *arena, struct package_list *ret_list,
                   struct err *err)
{
    struct package_list list = {0};
    cleanup_close int fd = open(modules, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && take_modules(fd, "", arena, &list) < 0)
        return err_memory(err);
    sort(&list);
    *ret_list = list;
    return 0;
}

/* The system's global folders, beginning with the one beside the interpreter. npm itself tells of
 * one only: the user's, where its prefix was set. */
static int read_global_modules(const char *node, struct arena *arena, struct package_list *list,
                               struct err *err)
{
    char real[PATH_MAX];
    char *slash = realpath(node, real) ? strrchr(real, '/') : NULL;
    if (slash)
        *slash = '\0';
    const char *folders[] = {arena_printf(arena, "%s/../lib/node_modules", slash ? real : "/usr"),
                             "/usr/local/lib/node_modules", "/usr/lib/node_modules",
                             "/usr/share/nodejs"};
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        cleanup_close int fd = folders[i] ? open(folders[i], O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
        if (fd < 0)
            continue;
        if (take_modules(fd, "", arena, list) < 0)
            return err_memory(err);
    }
    return 0;
}

int packages_nodejs(const struct toolbox *toolbox, struct arena *arena,
                    struct package_list *ret_list, struct err *err)
{
    struct package_list list = {0};
    struct exit_status status;
    cleanup_bytes struct bytes out = BYTES_INIT(OUTPUT);
    const char *node = toolbox_find(toolbox, arena, "node");
    const char *argv[] = {toolbox_find(toolbox, arena, "npm"),
                          "ls",
                          "--global",
                          "--depth=0",
                          "--parseable",
                          "--long",
                          NULL};
    if (!node)
        return err_set(err, ERR_UNAVAILABLE, "node is not installed");
    /* Its exit code tells of unmet dependencies, not of failure. */
    if (argv[0] && (run(toolbox, argv, &out, &status, err) < 0 ||
                    each_line(out.data, arena, &list, take_npm, err) < 0))
        return -1;
    if (read_global_modules(node, arena, &list, err) < 0)
        return -1;
    sort(&list);
    *ret_list = list;
    return 0;
}
