/* Control groups of made-up machines: where the group is made, and what is written there. What a
 * kernel would do about it is for tests/api/test_limits_children.py. */
#include "io/cgroup.h"

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static char root[] = "/tmp/cgroup-XXXXXX";

static void put(const char *path, const char *text)
{
    char full[PATH_MAX];
    (void)snprintf(full, sizeof full, "%s%s", root, path);
    for (char *slash = strchr(full + strlen(root) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(full, 0700);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static const char *get(const char *folder, const char *name)
{
    static char text[256];
    char full[PATH_MAX];
    (void)snprintf(full, sizeof full, "%s/%s", folder, name);
    FILE *file = fopen(full, "r");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[n] = '\0';
    if (file)
        (void)fclose(file);
    return file ? text : "(none)";
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static void clear(void)
{
    (void)nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    CHECK(mkdir(root, 0700) == 0);
}

/* A kernel makes these in every new folder; here they must be there before. */
static void expect_group(const char *parent, const char *const *files)
{
    char path[PATH_MAX];
    for (; *files; files++) {
        (void)snprintf(path, sizeof path, "%s/sandgate-%d/%s", parent, (int)getpid(), *files);
        put(path, "");
    }
}

static const char *const v2_files[] = {"memory.max", "pids.max", "cgroup.procs", NULL};

static const char v2_mounts[] =
    "24 1 0:22 / /sys rw - sysfs sysfs rw\n"
    "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

static void delegated(const char *group)
{
    char line[256], path[256];
    clear();
    put("/proc/self/mountinfo", v2_mounts);
    (void)snprintf(line, sizeof line, "0::%s\n", group);
    put("/proc/self/cgroup", line);
    (void)snprintf(path, sizeof path, "/sys/fs/cgroup%s", strcmp(group, "/") == 0 ? "" : group);
    (void)snprintf(line, sizeof line, "%.200s/cgroup.controllers", path);
    put(line, "cpu memory pids\n");
    (void)snprintf(line, sizeof line, "%.200s/cgroup.subtree_control", path);
    put(line, "");
    expect_group(path, v2_files);
}

static void version_2_shares_one_folder(void)
{
    struct err err = ERR_INIT;
    struct cgroup memory, pids;
    delegated("/system.slice/x.service");
    CHECK(cgroup_open(root, CONTROLLER_MEMORY, 1 << 30, NULL, &memory, &err) == 0);
    CHECK(memory.version == 2 && strstr(memory.folder, "/sys/fs/cgroup/system.slice/x.service/"));
    CHECK_TEXT(get(memory.parent, "cgroup.subtree_control"), "+memory");
    CHECK_TEXT(get(memory.folder, "memory.max"), "1073741824");
    CHECK(cgroup_open(root, CONTROLLER_PIDS, 500, &memory, &pids, &err) == 0);
    CHECK_TEXT(pids.folder, memory.folder);
    CHECK_TEXT(get(pids.folder, "pids.max"), "500");
    int fd = cgroup_entrance(&pids);
    CHECK(fd >= 0 && write(fd, "0", 1) == 1 && close(fd) == 0);
    CHECK_TEXT(get(pids.folder, "cgroup.procs"), "0");
}

static void a_container_sees_its_own_root(void)
{
    struct err err = ERR_INIT;
    struct cgroup g;
    delegated("/");
    CHECK(cgroup_open(root, CONTROLLER_PIDS, 100, NULL, &g, &err) == 0);
    CHECK(g.version == 2 && strstr(g.parent, "/sys/fs/cgroup"));
    CHECK_TEXT(get(g.folder, "pids.max"), "100");
}

/* Its parent holds processes, and was let hand down the controller all the same: the gateway moves
 * out, and where that does not help there is no group. */
static void an_invalid_group_is_none(void)
{
    struct err err = ERR_INIT;
    struct cgroup g;
    char type[PATH_MAX], leaf[PATH_MAX];
    int pid = (int)getpid();
    delegated("/a");
    (void)snprintf(type, sizeof type, "/sys/fs/cgroup/a/sandgate-%d/cgroup.type", pid);
    (void)snprintf(leaf, sizeof leaf, "/sys/fs/cgroup/a/sandgate-%d.self/cgroup.procs", pid);
    put(type, "domain invalid\n");
    put(leaf, "");
    CHECK(cgroup_open(root, CONTROLLER_PIDS, 100, NULL, &g, &err) < 0 && g.version == 0);
    CHECK(strstr(err.text, "cannot make a control group") != NULL);
    CHECK_TEXT(get(root, leaf + 1), "0");
    put(type, "domain\n");
    CHECK(cgroup_open(root, CONTROLLER_PIDS, 100, NULL, &g, &err) == 0 && g.own[0] == '\0');
}

/* No process can have the number. */
static void the_leaf_of_a_killed_gateway_is_adopted(void)
{
    struct err err = ERR_INIT;
    struct cgroup g;
    char path[64];
    delegated("/");
    put("/proc/self/cgroup", "0::/sandgate-99999999.self\n");
    put("/sys/fs/cgroup/sandgate-99999999.self/cgroup.controllers", "memory pids\n");
    put("/sys/fs/cgroup/sandgate-99999999.self/cgroup.procs", "71\n");
    put("/sys/fs/cgroup/cgroup.procs", "");
    CHECK(cgroup_open(root, CONTROLLER_PIDS, 100, NULL, &g, &err) == 0);
    (void)snprintf(path, sizeof path, "/sandgate-%d", (int)getpid());
    CHECK(strcmp(strrchr(g.folder, '/'), path) == 0 && strstr(g.own, "/sandgate-99999999.self"));
    CHECK(strcmp(g.parent + strlen(root), "/sys/fs/cgroup") == 0);
    cgroup_close(&g);
    CHECK_TEXT(get(root, "sys/fs/cgroup/cgroup.procs"), "71");
}

static void counts_are_read(void)
{
    struct err err = ERR_INIT;
    struct cgroup g;
    char path[PATH_MAX];
    delegated("/a");
    CHECK(cgroup_open(root, CONTROLLER_MEMORY, 1 << 30, NULL, &g, &err) == 0);
    CHECK(cgroup_count(&g) == 0 && cgroup_oom_kills(&g) == 0);
    (void)snprintf(path, sizeof path, "%s/pids.current", g.folder + strlen(root));
    put(path, "42\n");
    (void)snprintf(path, sizeof path, "%s/memory.events", g.folder + strlen(root));
    put(path, "low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 0\n");
    CHECK(cgroup_count(&g) == 42 && cgroup_oom_kills(&g) == 2);
}

/* Version 1 has a tree per controller, of which a container's mount shows the part below its root.
 */
static void version_1_has_two(void)
{
    static const char *const memory_files[] = {"memory.limit_in_bytes", "cgroup.procs", NULL};
    static const char *const pids_files[] = {"pids.max", "cgroup.procs", NULL};
    struct err err = ERR_INIT;
    struct cgroup memory, pids;
    clear();
    put("/proc/self/mountinfo",
        "30 24 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        "31 24 0:27 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "32 24 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n");
    put("/proc/self/cgroup", "9:memory:/docker/abc/deep\n8:pids:/other\n0::/\n");
    put("/sys/fs/cgroup/unified/cgroup.controllers", "hugetlb\n");
    expect_group("/sys/fs/cgroup/memory/deep", memory_files);
    expect_group("/sys/fs/cgroup/pids/other", pids_files);
    CHECK(cgroup_open(root, CONTROLLER_MEMORY, 4096, NULL, &memory, &err) == 0);
    CHECK(memory.version == 1 && strstr(memory.parent, "/sys/fs/cgroup/memory/deep"));
    CHECK_TEXT(get(memory.folder, "memory.limit_in_bytes"), "4096");
    CHECK(cgroup_open(root, CONTROLLER_PIDS, 7, &memory, &pids, &err) == 0);
    CHECK(pids.version == 1 && strstr(pids.parent, "/sys/fs/cgroup/pids/other"));
    CHECK_TEXT(get(pids.folder, "pids.max"), "7");
}

static void nothing_is_no_group(void)
{
    struct err err = ERR_INIT;
    struct cgroup g;
    clear();
    CHECK(cgroup_open(root, CONTROLLER_MEMORY, 4096, NULL, &g, &err) < 0);
    CHECK(g.version == 0 && strstr(err.text, "no control groups"));
    put("/proc/self/mountinfo", "garbage\n\n - \n1 2 3 / / - cgroup2\n");
    put("/proc/self/cgroup", ":::\n0::\nx\n12:memory\n");
    CHECK(cgroup_open(root, CONTROLLER_PIDS, 4096, NULL, &g, &err) < 0 && g.version == 0);
    /* Read-only, as Docker mounts it: the files are there and take nothing. */
    put("/proc/self/mountinfo", v2_mounts);
    put("/proc/self/cgroup", "0::/\n");
    put("/sys/fs/cgroup/cgroup.controllers", "memory pids\n");
    CHECK(cgroup_open(root, CONTROLLER_PIDS, 4096, NULL, &g, &err) < 0 && g.version == 0);
    CHECK(strstr(err.text, "cannot make a control group") != NULL);
}

int main(void)
{
    CHECK(mkdtemp(root) != NULL);
    RUN(version_2_shares_one_folder);
    RUN(a_container_sees_its_own_root);
    RUN(an_invalid_group_is_none);
    RUN(the_leaf_of_a_killed_gateway_is_adopted);
    RUN(counts_are_read);
    RUN(version_1_has_two);
    RUN(nothing_is_no_group);
    clear();
    (void)rmdir(root);
    return CHECK_DONE();
}
