#include "io/birth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/cgroup.h"

/* Of 1000: an ordinary process has 0. */
#define OOM_GATEWAY  (-900)
#define OOM_CHILDREN 500
/* Threads of the gateway, which count as its user's. */
#define OWN_THREADS 16

static struct {
    struct cgroup groups[CONTROLLERS];
    int entrances[CONTROLLERS]; /* -1: none, or the same as the one before */
    struct birth_limit limits[CONTROLLERS];
    struct rlimit data, processes; /* rlim_max 0: left alone */
    char oom[16];                  /* "": left alone */
    uint64_t oom_kills;            /* told of */
} birth = {.entrances = {-1, -1}};

/* ---- who goes first when memory runs out ---- */

static int write_score(int score)
{
    char text[16];
    cleanup_close int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    int n = snprintf(text, sizeof text, "%d", score);
    return fd < 0 || write(fd, text, (size_t)n) != n ? -1 : 0;
}

/* While our memory is nobody's to read (PR_SET_DUMPABLE), /proc/self belongs to root, for the child
 * too until it has become its program (proc(5)). */
void birth_finish(pid_t pid)
{
    char path[40];
    if (!birth.oom[0] || geteuid() == 0 || prctl(PR_GET_DUMPABLE) == 1)
        return;
    (void)snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int)pid);
    cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)!write(fd, birth.oom, strlen(birth.oom));
}

/* Going below what we were given takes CAP_SYS_RESOURCE; a child can always be put above. */
static void order_victims(void)
{
    char text[16] = "";
    cleanup_close int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
        return;
    int own = (int)strtol(text, NULL, 10);
    int children = own + OOM_CHILDREN < 1000 ? own + OOM_CHILDREN : 1000;
    (void)snprintf(birth.oom, sizeof birth.oom, "%d", children);
    if (own > OOM_GATEWAY && write_score(OOM_GATEWAY) < 0)
        log_debug("oom_score_adj stays %d: %s", own, strerrordesc_np(errno));
}

static uint64_t machine_oom_kills(void)
{
    char line[128];
    uint64_t kills = 0;
    FILE *file = fopen("/proc/vmstat", "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "oom_kill ", 9) == 0)
            kills = strtoull(line + 9, NULL, 10);
    if (file)
        (void)fclose(file);
    return kills;
}

static uint64_t count_oom_kills(void)
{
    const struct cgroup *memory = &birth.groups[CONTROLLER_MEMORY];
    return memory->version ? cgroup_oom_kills(memory) : machine_oom_kills();
}

bool birth_out_of_memory(void)
{
    uint64_t kills = count_oom_kills();
    if (kills <= birth.oom_kills)
        return false;
    birth.oom_kills++;
    return true;
}

/* ---- limits ---- */

/* Returns what holds children to the limit without a control group; NULL: nothing. */
static const char *stand_in(enum controller controller, uint64_t max)
{
    if (controller == CONTROLLER_MEMORY) {
        birth.data = (struct rlimit){max, max};
        return "each process";
    }
    if (geteuid() == 0)
        return NULL; /* RLIMIT_NPROC does not bind root */
    birth.processes = (struct rlimit){max + OWN_THREADS, max + OWN_THREADS};
    return "the user";
}

static void limit(enum controller controller, uint64_t max)
{
    static const char *const settings[] = {"SANDBOX_MEMORY_MAX", "SANDBOX_PIDS_MAX"};
    static const char *const versions[] = {NULL, "cgroup v1", "cgroup v2"};
    const struct cgroup *sibling = controller ? &birth.groups[0] : NULL;
    struct cgroup *group = &birth.groups[controller];
    struct birth_limit *told = &birth.limits[controller];
    struct err err;
    told->max = max;
    if (max == 0)
        return;
    if (cgroup_open("", controller, max, sibling, group, &err) == 0) {
        birth.entrances[controller] = cgroup_entrance(group);
        told->by = versions[group->version];
        return;
    }
    told->by = stand_in(controller, max);
    log_warn("%s: %s; it binds %s instead", settings[controller], err.text,
             told->by ? told->by : "nothing");
}

void birth_open(uint64_t memory_max, uint64_t pids_max)
{
    order_victims();
    limit(CONTROLLER_MEMORY, memory_max);
    limit(CONTROLLER_PIDS, pids_max);
    birth.oom_kills = count_oom_kills();
}

void birth_close(void)
{
    for (int i = CONTROLLERS - 1; i >= 0; i--) {
        if (birth.entrances[i] >= 0)
            (void)close(birth.entrances[i]);
        birth.entrances[i] = -1;
        if (birth.groups[i].version)
            cgroup_close(&birth.groups[i]);
    }
}

struct birth_limit birth_memory(void)
{
    return birth.limits[CONTROLLER_MEMORY];
}

struct birth_limit birth_pids(void)
{
    return birth.limits[CONTROLLER_PIDS];
}

/* Moving into a full group is allowed (cgroups(7)); only what runs in it could not start anything
 * any more, and would say so in its own way. */
int birth_permitted(struct err *err)
{
    const struct cgroup *pids = &birth.groups[CONTROLLER_PIDS];
    uint64_t max = birth.limits[CONTROLLER_PIDS].max;
    if (!pids->version || cgroup_count(pids) < max)
        return 0;
    return err_set(err, ERR_UNAVAILABLE,
                   "%llu processes and threads run already, as many as may (SANDBOX_PIDS_MAX)",
                   (unsigned long long)max);
}

void birth_apply(void)
{
    for (int i = 0; i < CONTROLLERS; i++)
        if (birth.entrances[i] >= 0)
            (void)!write(birth.entrances[i], "0", 1);
    if (birth.oom[0]) {
        int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
        if (fd >= 0)
            (void)!write(fd, birth.oom, strlen(birth.oom));
        if (fd >= 0)
            (void)close(fd);
    }
    if (birth.data.rlim_max)
        (void)setrlimit(RLIMIT_DATA, &birth.data);
    if (birth.processes.rlim_max)
        (void)setrlimit(RLIMIT_NPROC, &birth.processes);
}
