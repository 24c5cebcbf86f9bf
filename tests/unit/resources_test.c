/* A made-up /proc and /sys, as a machine and as containers of several kinds show them. */
#include "core/resources.h"

#include <ftw.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "io/loop.h"

#define GIB (UINT64_C(1) << 30)

static char root[] = "/tmp/resources-XXXXXX";

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

static void drop(const char *path)
{
    char full[PATH_MAX];
    (void)snprintf(full, sizeof full, "%s%s", root, path);
    CHECK(unlink(full) == 0);
}

static void machine(void)
{
    put("/proc/meminfo",
        "MemTotal:       8388608 kB\nMemFree:  1 kB\nMemAvailable:   6291456 kB\n");
    put("/proc/stat", "cpu  100 0 100 1000 50 0 0 0 0 0\ncpu0 1 1 1 1\n");
    put("/proc/loadavg", "0.50 1.25 2.00 1/234 999\n");
    put("/proc/self/cgroup", "1:cpu:/x\n0::/\n");
    put("/proc/1/stat", "");
    put("/proc/77/stat", "");
}

static struct resource_use look(struct resources *r)
{
    struct err err = ERR_INIT;
    struct resource_use use = {0};
    CHECK(resources_read(r, &use, &err) == 0);
    return use;
}

static struct resources *open_it(void)
{
    struct err err = ERR_INIT;
    struct resources *r = NULL;
    CHECK(resources_open(root, root, &r, &err) == 0);
    return r;
}

/* The figure is made anew half a second after the last. */
static void wait_grain(void)
{
    uint64_t start = loop_clock();
    while (loop_clock() - start < 520)
        (void)usleep(20000);
}

static void a_machine(void)
{
    struct resources *r = open_it();
    put("/proc/stat", "cpu  110 0 110 5000 50 0 0 0 0 0\n");
    wait_grain();
    struct resource_use use = look(r);
    CHECK(use.memory_total == 8 * GIB && use.memory_used == 2 * GIB && !use.memory_grouped);
    CHECK(fabs(use.load[1] - 1.25) < 1e-9 && use.processes == 2);
    CHECK(use.disk_total > 0 && use.disk_free <= use.disk_total);
    /* 20 ticks were used, whatever the machine idled or waited. */
    double expected = 20.0 / (double)sysconf(_SC_CLK_TCK) / use.cpu_window / use.cpu_cores * 100;
    CHECK(!use.cpu_grouped && use.cpu_window >= 0.5);
    CHECK(fabs(use.cpu_percent - fmin(expected, 100)) < 0.01);
    resources_close(r);
}

static void soon_again_is_the_same_figure(void)
{
    struct resources *r = open_it();
    wait_grain();
    double window = look(r).cpu_window;
    put("/proc/stat", "cpu  999999 0 0 0 0 0 0 0 0 0\n");
    CHECK(fabs(look(r).cpu_window - window) < 1e-9 && look(r).cpu_percent < 1);
    resources_close(r);
    machine();
}

/* As a container sees it: its own group is the root of what is mounted. */
static void a_limited_container(void)
{
    put("/sys/fs/cgroup/memory.current", "1073741824\n");
    put("/sys/fs/cgroup/memory.stat", "anon 1\ninactive_file 268435456\n");
    put("/sys/fs/cgroup/memory.max", "2147483648\n");
    put("/sys/fs/cgroup/cpu.max", "50000 100000\n");
    put("/sys/fs/cgroup/cpu.stat", "usage_usec 1000000\nuser_usec 1\n");
    struct resources *r = open_it();
    put("/sys/fs/cgroup/cpu.stat", "usage_usec 1050000\nuser_usec 1\n");
    wait_grain();
    struct resource_use use = look(r);
    CHECK(use.memory_grouped && use.memory_total == 2 * GIB && use.memory_used == GIB - GIB / 4);
    CHECK(use.cpu_grouped && fabs(use.cpu_cores - 0.5) < 1e-9);
    CHECK(fabs(use.cpu_percent - 0.05 / use.cpu_window / 0.5 * 100) < 0.01);
    resources_close(r);
}

static void a_container_without_limits(void)
{
    put("/sys/fs/cgroup/memory.max", "max\n");
    put("/sys/fs/cgroup/cpu.max", "max 100000\n");
    struct resources *r = open_it();
    struct resource_use use = look(r);
    CHECK(use.memory_grouped && use.memory_total == 8 * GIB && use.memory_used == GIB - GIB / 4);
    CHECK(use.cpu_grouped && use.cpu_cores >= 1);
    resources_close(r);
}

/* The host's groups are visible: the tightest limit on the way up counts, where it stands. */
static void a_nested_group(void)
{
    drop("/sys/fs/cgroup/memory.current");
    put("/proc/self/cgroup", "0::/slice/box/inner\n");
    put("/sys/fs/cgroup/slice/box/inner/memory.max", "max\n");
    put("/sys/fs/cgroup/slice/box/inner/memory.current", "1\n");
    put("/sys/fs/cgroup/slice/box/memory.max", "1073741824\n");
    put("/sys/fs/cgroup/slice/box/memory.current", "536870912\n");
    put("/sys/fs/cgroup/slice/memory.max", "4294967296\n");
    put("/sys/fs/cgroup/slice/memory.current", "9\n");
    struct resources *r = open_it();
    struct resource_use use = look(r);
    CHECK(use.memory_grouped && use.memory_total == GIB && use.memory_used == GIB / 2);
    CHECK(!use.cpu_grouped);
    resources_close(r);
}

static void a_limit_above_the_machine(void)
{
    put("/sys/fs/cgroup/slice/box/memory.max", "9223372036854771712\n");
    put("/sys/fs/cgroup/slice/memory.max", "max\n");
    struct resources *r = open_it();
    CHECK(look(r).memory_total == 8 * GIB);
    resources_close(r);
}

static void files_that_tell_nothing(void)
{
    put("/proc/self/cgroup", "garbage");
    put("/proc/meminfo", "");
    put("/proc/stat", "intr 1 2 3\n");
    put("/proc/loadavg", "\n");
    struct resources *r = open_it();
    struct resource_use use = look(r);
    CHECK(use.memory_total == 0 && use.memory_used == 0 && use.load[0] <= 0);
    resources_close(r);
}

static void a_workspace_that_is_gone(void)
{
    struct err err = ERR_INIT;
    struct resources *r = NULL;
    struct resource_use use;
    CHECK(resources_open(root, "/nowhere/at/all", &r, &err) == 0);
    CHECK(resources_read(r, &use, &err) < 0 && strstr(err.text, "/nowhere/at/all"));
    resources_close(r);
}

static int sweep(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

int main(void)
{
    CHECK(mkdtemp(root) != NULL);
    machine();
    RUN(a_machine);
    RUN(soon_again_is_the_same_figure);
    RUN(a_limited_container);
    RUN(a_container_without_limits);
    RUN(a_nested_group);
    RUN(a_limit_above_the_machine);
    RUN(files_that_tell_nothing);
    RUN(a_workspace_that_is_gone);
    CHECK(nftw(root, sweep, 8, FTW_DEPTH | FTW_PHYS) == 0);
    return CHECK_DONE();
}
