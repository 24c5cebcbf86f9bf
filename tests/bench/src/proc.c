/* proc.c: see proc.h. The process's CPU clock counts nanoseconds where /proc/PID/stat counts ticks
 * of 10 ms; only the children already waited for are known in ticks alone. */
#include "proc.h"

#include "clock.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static FILE *open_proc(const char *pid, const char *file)
{
    char path[64];
    int length = snprintf(path, sizeof(path), "/proc/%s/%s", pid, file);

    if (length < 0 || (size_t)length >= sizeof(path))
        die("no process \"%s\"", pid);
    return fopen(path, "re");
}

/* CPU time of the children the process has waited for, or -1 when it is gone. */
static int64_t reaped_ns(const char *pid)
{
    char line[1024];
    const char *after_name;
    unsigned long long user, system;
    FILE *file = open_proc(pid, "stat");
    size_t length;

    if (file == NULL)
        return -1;
    length = fread(line, 1, sizeof(line) - 1, file);
    fclose(file);
    line[length] = '\0';
    after_name = strrchr(line, ')'); /* the name before it may hold spaces and brackets */
    if (after_name == NULL ||
        sscanf(after_name + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu",
               &user, &system) != 2)
        return -1;
    return (int64_t)(user + system) * (1000000000 / sysconf(_SC_CLK_TCK));
}

/* CPU time of the process's own threads, the ended ones too, or -1 when it is gone. */
static int64_t own_ns(const char *pid)
{
    struct timespec used;
    clockid_t clock;

    if (clock_getcpuclockid((pid_t)strtol(pid, NULL, 10), &clock) != 0 ||
        clock_gettime(clock, &used) != 0)
        return -1;
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

static void add_tree(struct usage *usage, const char *pid);

/* Adds the children one thread has started, read from its `children` list. */
static void add_children(struct usage *usage, const char *pid, const char *thread)
{
    char file[64], child[16];
    FILE *list;

    snprintf(file, sizeof(file), "task/%.16s/children", thread);
    list = open_proc(pid, file);
    if (list == NULL)
        return; /* the thread ended since it was listed */
    while (fscanf(list, "%15s", child) == 1)
        add_tree(usage, child);
    fclose(list);
}

static void add_tree(struct usage *usage, const char *pid)
{
    int64_t own = own_ns(pid), reaped = reaped_ns(pid);
    struct dirent *entry;
    char path[64];
    DIR *threads;

    if (own < 0 || reaped < 0)
        return; /* ended meanwhile; its parent reaps it */
    usage->tree_ns += own + reaped;
    usage->children++;
    snprintf(path, sizeof(path), "/proc/%.16s/task", pid);
    threads = opendir(path);
    if (threads == NULL)
        return;
    while ((entry = readdir(threads)) != NULL)
        if (entry->d_name[0] != '.')
            add_children(usage, pid, entry->d_name);
    closedir(threads);
}

struct usage usage_of(const char *pid)
{
    struct usage usage = {.own_ns = own_ns(pid)};

    if (usage.own_ns < 0)
        die("no process %s", pid);
    add_tree(&usage, pid);
    usage.children--; /* it counted itself */
    return usage;
}

long memory_kib(const char *pid, const char *name)
{
    char line[256];
    long kib = -1;
    FILE *file = open_proc(pid, "smaps_rollup");

    if (file == NULL)
        die("no process %s", pid);
    while (kib < 0 && fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtol(line + strlen(name), NULL, 10);
    fclose(file);
    if (kib < 0)
        die("no %s of process %s", name, pid);
    return kib;
}
