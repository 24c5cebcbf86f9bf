#include "core/sandbox_info.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "core/ports.h"
#include "core/tool_list.h"
#include "io/loop.h"

/* All versions together may take this long the first time; what is missing is asked next time. */
#define VERSIONS_MS 4000
#define SMALL_FILE  (16 * KIB)

/* ---- small files ---- */

static const char *read_small(struct arena *arena, const char *path)
{
    cleanup_file FILE *file = fopen(path, "re");
    char *text = file ? arena_alloc(arena, SMALL_FILE) : NULL;
    if (!text)
        return NULL;
    text[fread(text, 1, SMALL_FILE - 1, file)] = '\0';
    return text;
}

const char *os_release_value(const char *text, const char *name, struct arena *arena)
{
    size_t n = strlen(name);
    for (const char *line = text; line && *line;) {
        size_t length = strcspn(line, "\n");
        if (length > n && strncmp(line, name, n) == 0 && line[n] == '=') {
            const char *value = line + n + 1;
            size_t size = length - n - 1;
            if (size >= 2 && (*value == '"' || *value == '\'') && value[size - 1] == *value) {
                value++;
                size -= 2;
            }
            return arena_copy(arena, value, size);
        }
        line += length + (line[length] == '\n');
    }
    return NULL;
}

/* ---- the system ---- */

static const char *or_else(const char *value, const char *fallback)
{
    return value && value[0] ? value : fallback;
}

static const char *user_name(struct arena *arena)
{
    struct passwd entry, *found = NULL;
    char text[4096];
    if (getpwuid_r(geteuid(), &entry, text, sizeof text, &found) == 0 && found)
        return arena_copy(arena, entry.pw_name, strlen(entry.pw_name));
    return arena_printf(arena, "%u", (unsigned)geteuid());
}

/* TZ, else what Debian writes, else what systemd links, else what the C library assumes. */
static const char *time_zone(const struct config *config, struct arena *arena)
{
    char target[512];
    if (config->timezone[0])
        return config->timezone;
    ssize_t n = readlink("/etc/localtime", target, sizeof target - 1);
    target[n > 0 ? n : 0] = '\0';
    const char *zone = strstr(target, "/zoneinfo/");
    if (zone)
        return arena_copy(arena, zone + 10, strlen(zone + 10));
    const char *named = read_small(arena, "/etc/timezone");
    return named && named[0] ? arena_copy(arena, named, strcspn(named, "\n")) : "UTC";
}

static void read_system(const struct config *config, struct arena *arena, struct sandbox_info *info)
{
    struct utsname uts = {0};
    const char *release = read_small(arena, "/etc/os-release");
    (void)uname(&uts);
    info->os = or_else(os_release_value(release, "NAME", arena), "Linux");
    info->os_version = or_else(os_release_value(release, "VERSION", arena),
                               or_else(os_release_value(release, "VERSION_ID", arena), "unknown"));
    info->kernel = arena_copy(arena, uts.release, strlen(uts.release));
    info->arch = arena_copy(arena, uts.machine, strlen(uts.machine));
    info->user = user_name(arena);
    info->root = geteuid() == 0;
    info->home = config->home;
    info->workspace = config->workspace;
    info->timezone = time_zone(config, arena);
    info->version = SANDGATE_VERSION;
}

/* ---- ports ---- */

static int read_ports(struct arena *arena, struct sandbox_info *info)
{
    cleanup_free bool *taken = calloc(PORTS_ALL, sizeof *taken);
    size_t count = 0;
    if (!taken)
        return -1;
    ports_listening(taken);
    for (size_t i = 0; i < PORTS_ALL; i++)
        count += taken[i];
    info->ports = arena_alloc(arena, (count + 1) * sizeof *info->ports);
    if (!info->ports)
        return -1;
    for (size_t i = 0; i < PORTS_ALL; i++)
        if (taken[i])
            info->ports[info->port_count++] = (uint16_t)i;
    return 0;
}

/* ---- runtimes ---- */

static void add_alias(struct runtime *r, const char *name)
{
    for (size_t i = 0; i < r->alias_count; i++)
        if (strcmp(r->aliases[i], name) == 0)
            return;
    if (r->alias_count < MAX_ALIASES)
        r->aliases[r->alias_count++] = name;
}

static void add_runtime(struct runtime_list *list, const struct stat *st, const char *path,
                        const char *name)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i].dev == st->st_dev && list->items[i].ino == st->st_ino) {
            add_alias(&list->items[i], name);
            return;
        }
    }
    if (list->n == MAX_RUNTIMES)
        return;
    struct runtime *r = &list->items[list->n++];
    *r = (struct runtime){.dev = st->st_dev, .ino = st->st_ino, .path = path};
    add_alias(r, name);
}

/* Every interpreter of these names along the whole PATH: the first of each name is what its name
 * starts, the others are worth knowing too. */
static void read_runtimes(struct toolbox *toolbox, struct arena *arena, const char *const *names,
                          uint64_t deadline, struct runtime_list *list)
{
    struct stat st;
    for (size_t i = 0; names[i]; i++) {
        size_t at = 0;
        const char *path;
        while ((path = toolbox_next(toolbox, arena, names[i], &at, &st)))
            add_runtime(list, &st, path, names[i]);
    }
    size_t kept = 0;
    for (size_t i = 0; i < list->n; i++) {
        struct runtime r = list->items[i];
        if (stat(r.path, &st) == 0)
            r.version = toolbox_version(toolbox, arena, r.path, &st, "--version", deadline);
        /* One that cannot even tell its version (a shim with nothing behind it) is of no use. */
        if (!r.version || r.version[0])
            list->items[kept++] = r;
    }
    list->n = kept;
}

/* ---- tools ---- */

static bool read_tool(struct toolbox *toolbox, struct arena *arena, const struct known_tool *known,
                      uint64_t deadline, struct tool *to)
{
    struct stat st;
    size_t at = 0;
    const char *path = toolbox_next(toolbox, arena, known->name, &at, &st);
    if (!path)
        return false;
    const char *version = known->version_flag ? toolbox_version(toolbox, arena, path, &st,
                                                                known->version_flag, deadline)
                                              : NULL;
    to->name = known->name;
    to->description =
        version ? arena_printf(arena, "%s (%s)", known->description, version) : known->description;
    return true;
}

static int read_tools(struct toolbox *toolbox, struct arena *arena, uint64_t deadline,
                      struct sandbox_info *info)
{
    info->categories = arena_alloc(arena, known_category_count * sizeof *info->categories);
    if (!info->categories)
        return -1;
    for (size_t i = 0; i < known_category_count; i++) {
        const struct known_category *known = &known_categories[i];
        struct tool_category *c = &info->categories[info->category_count];
        c->name = known->name;
        c->n = 0;
        c->tools = arena_alloc(arena, known->n * sizeof *c->tools);
        if (!c->tools)
            return -1;
        for (size_t j = 0; j < known->n; j++)
            if (read_tool(toolbox, arena, &known->tools[j], deadline, &c->tools[c->n]))
                c->n++;
        if (c->n)
            info->category_count++;
    }
    return 0;
}

int sandbox_info_read(const struct config *config, struct toolbox *toolbox, struct arena *arena,
                      struct sandbox_info *ret_info, struct err *err)
{
    struct sandbox_info info = {0};
    uint64_t deadline = loop_clock() + VERSIONS_MS;
    read_system(config, arena, &info);
    read_runtimes(toolbox, arena, known_pythons, deadline, &info.python);
    read_runtimes(toolbox, arena, known_nodes, deadline, &info.nodejs);
    if (read_ports(arena, &info) < 0 || read_tools(toolbox, arena, deadline, &info) < 0 ||
        !info.kernel || !info.arch || !info.user || !info.timezone)
        return err_memory(err);
    *ret_info = info;
    return 0;
}

/* ---- the text ---- */

static void describe_runtimes(const char *name, const struct runtime_list *list, struct bytes *out)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct runtime *r = &list->items[i];
        (void)bytes_printf(out, "- %s %s: %s (", name, or_else(r->version, "of unknown version"),
                           r->path);
        for (size_t j = 0; j < r->alias_count; j++)
            (void)bytes_printf(out, "%s%s", j ? ", " : "", r->aliases[j]);
        (void)bytes_adds(out, ")\n");
    }
    if (list->n == 0)
        (void)bytes_printf(out, "- %s: not installed\n", name);
}

static void describe_tools(const struct sandbox_info *info, struct bytes *out)
{
    for (size_t i = 0; i < info->category_count; i++) {
        const struct tool_category *c = &info->categories[i];
        (void)bytes_printf(out, "- %s: ", c->name);
        for (size_t j = 0; j < c->n; j++)
            (void)bytes_printf(out, "%s%s", j ? ", " : "", c->tools[j].name);
        (void)bytes_addc(out, '\n');
    }
}

void sandbox_info_describe(const struct sandbox_info *info, struct bytes *out)
{
    (void)bytes_printf(out,
                       "Sandgate %s\n\nSystem\n- %s %s, Linux %s on %s\n- User: %s%s\n- Home: %s\n"
                       "- Workspace (where commands start): %s\n- Time zone: %s\n- Ports in use: ",
                       info->version, info->os, info->os_version, info->kernel, info->arch,
                       info->user, info->root ? " (the superuser)" : "", info->home,
                       info->workspace, info->timezone);
    for (size_t i = 0; i < info->port_count; i++)
        (void)bytes_printf(out, "%s%u", i ? ", " : "", info->ports[i]);
    (void)bytes_adds(out, info->port_count ? "\n\nLanguages\n" : "none\n\nLanguages\n");
    describe_runtimes("Python", &info->python, out);
    describe_runtimes("Node.js", &info->nodejs, out);
    (void)bytes_adds(out, "\nPrograms\n");
    describe_tools(info, out);
}
