/* usage PID: prints "OWN TREE RSS PSS CHILDREN" of a server: CPU seconds of the process itself (all
 * threads), CPU seconds of it and every descendant (living, or already waited for), the process's
 * own resident and proportional set in KiB, and how many descendants live. The clock ticks of
 * /proc/PID/stat are 10 ms; rows measure over seconds of CPU time. */
#include "clock.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct times {
    double own;    /* user + system of the process */
    double reaped; /* the same of children it has waited for */
};

static FILE *open_proc(const char *pid, const char *file)
{
    char path[64];
    int length = snprintf(path, sizeof(path), "/proc/%s/%s", pid, file);

    if (length < 0 || (size_t)length >= sizeof(path))
        die("no process \"%s\"", pid);
    return fopen(path, "re");
}

/* 0 and the times, or -1 when the process is gone. */
static int read_times(const char *pid, struct times *ret)
{
    char line[1024];
    const char *after_name;
    unsigned long long user, system, reaped_user, reaped_system;
    double tick = (double)sysconf(_SC_CLK_TCK);
    FILE *file = open_proc(pid, "stat");
    size_t length;

    if (file == NULL)
        return -1;
    length = fread(line, 1, sizeof(line) - 1, file);
    fclose(file);
    line[length] = '\0';
    after_name = strrchr(line, ')'); /* the name before it may hold spaces and brackets */
    if (after_name == NULL ||
        sscanf(after_name + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu %llu %llu",
               &user, &system, &reaped_user, &reaped_system) != 4)
        return -1;
    ret->own = (double)(user + system) / tick;
    ret->reaped = (double)(reaped_user + reaped_system) / tick;
    return 0;
}

struct tree {
    double cpu;
    size_t processes;
};

static void add_tree(struct tree *tree, const char *pid);

/* Adds the children one thread has started, read from its `children` list. */
static void add_children(struct tree *tree, const char *pid, const char *thread)
{
    char file[64], child[16];
    FILE *list;

    snprintf(file, sizeof(file), "task/%.16s/children", thread);
    list = open_proc(pid, file);
    if (list == NULL)
        return; /* the thread ended since it was listed */
    while (fscanf(list, "%15s", child) == 1)
        add_tree(tree, child);
    fclose(list);
}

static void add_tree(struct tree *tree, const char *pid)
{
    struct times times;
    struct dirent *entry;
    char path[64];
    DIR *threads;

    if (read_times(pid, &times) != 0)
        return; /* ended meanwhile; its parent reaps it */
    tree->cpu += times.own + times.reaped;
    tree->processes++;
    snprintf(path, sizeof(path), "/proc/%.16s/task", pid);
    threads = opendir(path);
    if (threads == NULL)
        return;
    while ((entry = readdir(threads)) != NULL)
        if (entry->d_name[0] != '.')
            add_children(tree, pid, entry->d_name);
    closedir(threads);
}

static long memory_kib(const char *pid, const char *name)
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

int main(int argc, char **argv)
{
    struct times times;
    struct tree tree = {0};

    if (argc != 2)
        die("usage: usage PID");
    if (read_times(argv[1], &times) != 0)
        die("no process %s", argv[1]);
    add_tree(&tree, argv[1]);
    printf("%.2f %.2f %ld %ld %zu\n", times.own, tree.cpu, memory_kib(argv[1], "Rss:"),
           memory_kib(argv[1], "Pss:"), tree.processes - 1);
    return 0;
}
