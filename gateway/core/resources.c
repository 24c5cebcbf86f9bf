#include "core/resources.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/mem.h"
#include "io/loop.h"

#define GROUPS    "/sys/fs/cgroup"
#define MAX_DEPTH 32
/* Two calls closer together than this see the same figure: a shorter one would only jump. */
#define CPU_GRAIN_MS 500
#define FILE_ROOM    8192

struct resources {
    const char *root, *workspace;
    pthread_mutex_t lock; /* guards the rest */
    double used;          /* CPU seconds at `at` */
    uint64_t at;
    double percent, window;
};

/* Where the figures are counted: folders of control groups, "" for the machine. */
struct places {
    char cpu[PATH_MAX], memory[PATH_MAX];
    double cores;        /* of the tightest quota; 0: none */
    uint64_t memory_max; /* UINT64_MAX: none */
};

/* ---- the kernel's small files ---- */

static bool slurp(const char *folder, const char *name, char text[static FILE_ROOM])
{
    char path[2 * PATH_MAX];
    int n = snprintf(path, sizeof path, "%s%s", folder, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return false;
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, FILE_ROOM - 1);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

/* The number after the line's first word `name`; 0 when there is no such line. */
static uint64_t named(const char *text, const char *name)
{
    size_t n = strlen(name);
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, n) == 0 && (line[n] == ' ' || line[n] == ':'))
            return strtoull(line + n + 1, NULL, 10);
    }
    return 0;
}

static bool number(const char *folder, const char *name, uint64_t *ret_value)
{
    char text[FILE_ROOM], *end;
    if (!slurp(folder, name, text))
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (end == text || errno) /* "max" */
        return false;
    *ret_value = value;
    return true;
}

/* ---- control groups ---- */

static void consider(struct places *at, const char *group)
{
    char text[FILE_ROOM];
    uint64_t max;
    double quota, period;
    if (number(group, "/memory.max", &max) && max < at->memory_max) {
        at->memory_max = max;
        (void)snprintf(at->memory, sizeof at->memory, "%s", group);
    }
    if (slurp(group, "/cpu.max", text) && sscanf(text, "%lf %lf", &quota, &period) == 2 &&
        period > 0 && (at->cores <= 0 || quota / period < at->cores)) {
        at->cores = quota / period;
        (void)snprintf(at->cpu, sizeof at->cpu, "%s", group);
    }
}

/* The real root of all groups counts no memory, so a topmost folder that does belongs to a
 * container: its use is counted even where nothing limits it. */
static void find_places(const struct resources *r, struct places *at)
{
    char text[FILE_ROOM], group[PATH_MAX];
    uint64_t current;
    *at = (struct places){.memory_max = UINT64_MAX};
    int top = snprintf(group, sizeof group, "%s" GROUPS, r->root);
    if (top < 0 || (size_t)top >= sizeof group)
        return;
    if (number(group, "/memory.current", &current)) {
        memcpy(at->memory, group, (size_t)top + 1);
        memcpy(at->cpu, group, (size_t)top + 1);
    }
    const char *own = slurp(r->root, "/proc/self/cgroup", text) ? strstr(text, "0::/") : NULL;
    if (own && (own == text || own[-1] == '\n'))
        (void)snprintf(group + top, sizeof group - (size_t)top, "%.*s", (int)strcspn(own + 3, "\n"),
                       own + 3);
    for (int depth = 0; depth < MAX_DEPTH; depth++) {
        consider(at, group);
        char *slash = strrchr(group + top, '/');
        if (!slash)
            break;
        *slash = '\0';
    }
}

/* ---- CPU ---- */

/* Seconds used since whenever counting began. */
static double cpu_used(const struct resources *r, const struct places *at)
{
    char text[FILE_ROOM];
    double ticks[8] = {0};
    if (at->cpu[0] && slurp(at->cpu, "/cpu.stat", text))
        return (double)named(text, "usage_usec") / 1e6;
    /* user nice system idle iowait irq softirq steal (proc(5)) */
    if (!slurp(r->root, "/proc/stat", text) ||
        sscanf(text, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &ticks[0], &ticks[1], &ticks[2],
               &ticks[3], &ticks[4], &ticks[5], &ticks[6], &ticks[7]) < 4)
        return 0;
    double busy = ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7];
    return busy / (double)sysconf(_SC_CLK_TCK);
}

/* The machine's processors; a group's are those its processes may run on, and its quota's. */
static double cpu_cores(const struct places *at)
{
    cpu_set_t set;
    double cores = (double)sysconf(_SC_NPROCESSORS_ONLN);
    if (at->cpu[0] && sched_getaffinity(0, sizeof set, &set) == 0)
        cores = fmin(cores, CPU_COUNT(&set));
    return at->cores > 0 ? fmin(cores, at->cores) : cores;
}

static void read_cpu(struct resources *r, const struct places *at, struct resource_use *use)
{
    double used = cpu_used(r, at);
    use->cpu_cores = cpu_cores(at);
    use->cpu_grouped = at->cpu[0] != '\0';
    (void)pthread_mutex_lock(&r->lock);
    uint64_t now = loop_clock();
    if (now - r->at >= CPU_GRAIN_MS) {
        double share = use->cpu_cores > 0 ? (used - r->used) / use->cpu_cores : 0;
        r->window = (double)(now - r->at) / 1e3;
        r->percent = fmin(fmax(share / r->window * 100, 0), 100);
        r->used = used;
        r->at = now;
    }
    use->cpu_percent = r->percent;
    use->cpu_window = r->window;
    (void)pthread_mutex_unlock(&r->lock);
}

/* ---- memory, processes ---- */

static void read_memory(const struct resources *r, const struct places *at,
                        struct resource_use *use)
{
    char text[FILE_ROOM];
    uint64_t current, cache;
    bool told = slurp(r->root, "/proc/meminfo", text);
    use->memory_total = told ? named(text, "MemTotal") * 1024 : 0;
    uint64_t available = told ? named(text, "MemAvailable") * 1024 : 0;
    use->memory_used = use->memory_total > available ? use->memory_total - available : 0;
    if (!at->memory[0] || !number(at->memory, "/memory.current", &current))
        return;
    cache = slurp(at->memory, "/memory.stat", text) ? named(text, "inactive_file") : 0;
    use->memory_used = current > cache ? current - cache : 0;
    use->memory_grouped = true;
    if (at->memory_max < use->memory_total || !use->memory_total)
        use->memory_total = at->memory_max;
}

static unsigned count_processes(const struct resources *r)
{
    char path[PATH_MAX];
    unsigned count = 0;
    const struct dirent *entry;
    int n = snprintf(path, sizeof path, "%s/proc", r->root);
    DIR *dir = n > 0 && (size_t)n < sizeof path ? opendir(path) : NULL;
    if (!dir)
        return 0;
    while ((entry = readdir(dir)))
        count += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
    (void)closedir(dir);
    return count;
}

static void read_load(const struct resources *r, struct resource_use *use)
{
    char text[FILE_ROOM];
    double load[3];
    if (slurp(r->root, "/proc/loadavg", text) &&
        sscanf(text, "%lf %lf %lf", &load[0], &load[1], &load[2]) == 3)
        memcpy(use->load, load, sizeof load);
}

static int read_disk(const struct resources *r, struct resource_use *use, struct err *err)
{
    struct statvfs fs;
    if (statvfs(r->workspace, &fs) < 0)
        return err_errno(err, errno, "cannot tell the disk space of '%.400s'", r->workspace);
    use->disk_total = (uint64_t)fs.f_blocks * fs.f_frsize;
    use->disk_used = (uint64_t)(fs.f_blocks - fs.f_bfree) * fs.f_frsize;
    use->disk_free = (uint64_t)fs.f_bavail * fs.f_frsize;
    return 0;
}

/* ---- the room ---- */

int resources_open(const char *root, const char *workspace, struct resources **ret_resources,
                   struct err *err)
{
    struct places at;
    struct resources *r = calloc(1, sizeof *r);
    if (!r)
        return err_memory(err);
    (void)pthread_mutex_init(&r->lock, NULL);
    r->root = root;
    r->workspace = workspace;
    find_places(r, &at);
    r->used = cpu_used(r, &at);
    r->at = loop_clock();
    *ret_resources = r;
    return 0;
}

void resources_close(struct resources *r)
{
    if (!r)
        return;
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}

int resources_read(struct resources *r, struct resource_use *ret_use, struct err *err)
{
    struct places at;
    struct resource_use use = {0};
    if (read_disk(r, &use, err) < 0)
        return -1;
    find_places(r, &at);
    read_cpu(r, &at, &use);
    read_memory(r, &at, &use);
    read_load(r, &use);
    use.processes = count_processes(r);
    *ret_use = use;
    return 0;
}
