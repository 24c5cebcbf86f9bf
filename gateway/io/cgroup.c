#include "io/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define FILE_ROOM  16384
#define NAME       "sandgate-"
#define OWN_SUFFIX ".self"

static const char *const controller_names[CONTROLLERS] = {"memory", "pids"};

/* ---- the kernel's small files ---- */

static int path_of(char out[static PATH_MAX], const char *folder, const char *name)
{
    int n = snprintf(out, PATH_MAX, "%s%s", folder, name);
    if (n >= 0 && n < PATH_MAX)
        return 0;
    errno = ENAMETOOLONG;
    return -1;
}

static bool read_file(const char *folder, const char *name, char text[static FILE_ROOM])
{
    char path[PATH_MAX];
    cleanup_close int fd = path_of(path, folder, name) < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, FILE_ROOM - 1);
    text[n > 0 ? n : 0] = '\0';
    return n >= 0;
}

static int write_file(const char *folder, const char *name, const char *text)
{
    char path[PATH_MAX];
    cleanup_close int fd = path_of(path, folder, name) < 0 ? -1 : open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    return write(fd, text, strlen(text)) < 0 ? -1 : 0;
}

static int write_number(const char *folder, const char *name, uint64_t value)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return write_file(folder, name, text);
}

/* Whether `word` is one of those in `list`, which `separators` part. */
static bool has_word(const char *list, const char *separators, const char *word)
{
    size_t n = strlen(word);
    while (*list) {
        size_t length = strcspn(list, separators);
        if (length == n && memcmp(list, word, n) == 0)
            return true;
        list += length + (list[length] != '\0');
    }
    return false;
}

/* ---- where we are ---- */

/* A line of /proc/self/mountinfo (proc(5)); octal escapes of blanks are left as they are. */
struct mount {
    char root[PATH_MAX], point[PATH_MAX], type[32], options[512];
};

static bool parse_mount(const char *line, struct mount *m)
{
    const char *dash = strstr(line, " - ");
    return dash && sscanf(line, "%*s %*s %*s %4095s %4095s", m->root, m->point) == 2 &&
           sscanf(dash + 3, "%31s %*s %511s", m->type, m->options) == 2;
}

/* The mount that has the controller; version 2 (`name` NULL) has one for all. */
static bool find_mount(const char *root, const char *name, struct mount *ret_mount)
{
    char path[PATH_MAX], *line = NULL;
    size_t size = 0;
    bool found = false;
    FILE *file = path_of(path, root, "/proc/self/mountinfo") < 0 ? NULL : fopen(path, "re");
    while (file && !found && getline(&line, &size, file) > 0)
        found = parse_mount(line, ret_mount) && (name ? strcmp(ret_mount->type, "cgroup") == 0 &&
                                                            has_word(ret_mount->options, ",", name)
                                                      : strcmp(ret_mount->type, "cgroup2") == 0);
    free(line);
    if (file)
        (void)fclose(file);
    return found;
}

/* Our group, from "7:pids,cpu:/path" or "0::/path" in /proc/self/cgroup. */
static bool find_group(const char *root, const char *name, char out[static PATH_MAX])
{
    char text[FILE_ROOM];
    if (!read_file(root, "/proc/self/cgroup", text))
        return false;
    for (char *line = text, *end; *line; line = end + 1) {
        end = line + strcspn(line, "\n");
        bool last = !*end;
        *end = '\0';
        char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
        if (path) {
            *path++ = '\0';
            if (name ? has_word(list + 1, ",", name) : strncmp(line, "0:", 2) == 0)
                return path_of(out, path, "") == 0;
        }
        if (last)
            break;
    }
    return false;
}

/* The folder of our group. A mount may show only the part of the tree below its root. */
static bool find_folder(const char *root, const char *name, char out[static PATH_MAX])
{
    struct mount m;
    char group[PATH_MAX], head[PATH_MAX];
    if (!find_mount(root, name, &m) || !find_group(root, name, group) ||
        path_of(head, root, m.point) < 0)
        return false;
    size_t n = strcmp(m.root, "/") == 0 ? 0 : strlen(m.root);
    const char *below = strncmp(group, m.root, n) == 0 ? group + n : "";
    return path_of(out, head, strcmp(below, "/") == 0 ? "" : below) == 0;
}

/* ---- what a gateway that was killed has left ---- */

/* `name` is that of a group which a gateway made that is no more. */
static bool is_left(const char *name)
{
    if (strncmp(name, NAME, sizeof NAME - 1) != 0)
        return false;
    int pid = (int)strtol(name + sizeof NAME - 1, NULL, 10);
    return pid > 0 && pid != getpid() && kill(pid, 0) < 0 && errno == ESRCH;
}

/* Only an empty group can be removed. */
static void remove_leftovers(const char *parent)
{
    DIR *dir = opendir(parent);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (is_left(entry->d_name))
            (void)unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
    if (dir)
        (void)closedir(dir);
}

/* Whoever starts us was moved to the leaf of the one before, and we with it: it is ours now. */
static void adopt_leaf(struct cgroup *g)
{
    char *slash = strrchr(g->parent, '/');
    size_t n = slash ? strlen(slash) : 0;
    if (g->version != 2 || n < sizeof OWN_SUFFIX || !is_left(slash + 1) ||
        strcmp(slash + n - (sizeof OWN_SUFFIX - 1), OWN_SUFFIX) != 0)
        return;
    memcpy(g->own, g->parent, sizeof g->own);
    *slash = '\0';
}

/* ---- making a group ---- */

static int make_folder(const char *parent, const char *suffix, char out[static PATH_MAX])
{
    int n = snprintf(out, PATH_MAX, "%s/" NAME "%d%s", parent, (int)getpid(), suffix);
    if (n < 0 || n >= PATH_MAX)
        return -1;
    return mkdir(out, 0755) < 0 && errno != EEXIST ? -1 : 0;
}

/* All that is in `from`: in a container we are not alone in our group. */
static void move_all(const char *from, const char *to)
{
    char text[FILE_ROOM];
    if (!read_file(from, "/cgroup.procs", text))
        return;
    for (char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        char pid[24];
        (void)snprintf(pid, sizeof pid, "%.*s", (int)strcspn(line, "\n"), line);
        (void)write_file(to, "/cgroup.procs", pid);
    }
}

static bool hands_down(const char *folder, const char *name)
{
    char text[FILE_ROOM];
    return read_file(folder, "/cgroup.subtree_control", text) && has_word(text, " \n", name);
}

static int hand_down(const char *folder, const char *name)
{
    char text[32];
    (void)snprintf(text, sizeof text, "+%s", name);
    return write_file(folder, "/cgroup.subtree_control", text);
}

/* From our group to a leaf beside the children's. */
static int move_out(const char *root, struct cgroup *g)
{
    char group[PATH_MAX];
    if (make_folder(g->parent, OWN_SUFFIX, g->own) < 0)
        return -1;
    if (!find_group(root, NULL, group) || strcmp(group, "/") != 0)
        return write_file(g->own, "/cgroup.procs", "0");
    move_all(g->parent, g->own);
    return 0;
}

/* Have the parent hand the controller down to the groups below it. */
static int enable(const char *root, struct cgroup *g, const char *name)
{
    if (hands_down(g->parent, name) || hand_down(g->parent, name) == 0)
        return 0;
    if (errno != EBUSY || move_out(root, g) < 0)
        return -1;
    return hand_down(g->parent, name);
}

static bool takes_processes(const struct cgroup *g)
{
    char type[FILE_ROOM];
    return g->version == 1 || !read_file(g->folder, "/cgroup.type", type) ||
           strcmp(type, "domain\n") == 0;
}

/* A controller of threads, as pids is, may be handed down by a group that holds processes: but the
 * groups below it are invalid then, and take none (cgroups(7), thread mode). */
static int make_valid(const char *root, struct cgroup *g)
{
    if (takes_processes(g))
        return 0;
    if (!g->own[0] && move_out(root, g) < 0)
        return -1;
    errno = EOPNOTSUPP;
    return takes_processes(g) ? 0 : -1;
}

static int limit(const struct cgroup *g, enum controller controller, uint64_t max)
{
    if (controller == CONTROLLER_PIDS)
        return write_number(g->folder, "/pids.max", max);
    return write_number(g->folder, g->version == 2 ? "/memory.max" : "/memory.limit_in_bytes", max);
}

static bool find_parent(const char *root, const char *name, struct cgroup *g)
{
    char text[FILE_ROOM];
    if (find_folder(root, NULL, g->parent) && read_file(g->parent, "/cgroup.controllers", text) &&
        has_word(text, " \n", name))
        g->version = 2;
    else if (find_folder(root, name, g->parent))
        g->version = 1;
    return g->version != 0;
}

int cgroup_open(const char *root, enum controller controller, uint64_t max,
                const struct cgroup *sibling, struct cgroup *ret_group, struct err *err)
{
    const char *name = controller_names[controller];
    struct cgroup *g = ret_group;
    *g = (struct cgroup){.version = 0};
    if (sibling && sibling->version == 2) {
        g->version = 2;
        memcpy(g->parent, sibling->parent, sizeof g->parent);
    } else if (!find_parent(root, name, g)) {
        return err_set(err, ERR_UNAVAILABLE, "there are no control groups that limit %s", name);
    }
    adopt_leaf(g);
    remove_leftovers(g->parent);
    if ((g->version == 2 && enable(root, g, name) < 0) ||
        make_folder(g->parent, "", g->folder) < 0 || make_valid(root, g) < 0 ||
        limit(g, controller, max) < 0) {
        int why = errno;
        cgroup_close(g);
        return err_errno(err, why, "cannot make a control group below %.300s", g->parent);
    }
    return 0;
}

void cgroup_close(struct cgroup *g)
{
    if (g->folder[0]) {
        (void)rmdir(g->folder);
        remove_leftovers(g->parent);
    }
    g->folder[0] = '\0';
    /* Back to where we came from, so that the leaf can go, too. */
    if (g->own[0]) {
        (void)write_file(g->parent, "/cgroup.subtree_control", "-memory");
        (void)write_file(g->parent, "/cgroup.subtree_control", "-pids");
        move_all(g->own, g->parent);
        (void)rmdir(g->own);
    }
    g->own[0] = '\0';
    g->version = 0;
}

/* ---- asking it ---- */

int cgroup_entrance(const struct cgroup *g)
{
    char path[PATH_MAX];
    if (path_of(path, g->folder, "/cgroup.procs") < 0)
        return -1;
    return open(path, O_WRONLY | O_CLOEXEC);
}

uint64_t cgroup_count(const struct cgroup *g)
{
    char text[FILE_ROOM];
    return read_file(g->folder, "/pids.current", text) ? strtoull(text, NULL, 10) : 0;
}

uint64_t cgroup_oom_kills(const struct cgroup *g)
{
    char text[FILE_ROOM];
    const char *name = g->version == 2 ? "/memory.events" : "/memory.oom_control";
    const char *line = read_file(g->folder, name, text) ? strstr(text, "oom_kill ") : NULL;
    return line ? strtoull(line + sizeof "oom_kill " - 1, NULL, 10) : 0;
}
