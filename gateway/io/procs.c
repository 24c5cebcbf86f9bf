/* Finding processes by kinship: /proc/PID/stat gives parent and session (proc(5)). */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "io/spawn.h"

struct process {
    pid_t pid, parent, session;
    bool ended; /* a zombie */
    bool ours;
};

static bool read_process(const char *name, struct process *ret)
{
    char path[64], line[512];
    uint64_t pid;
    if (parse_u64(name, strlen(name), &pid) < 0)
        return false;
    (void)snprintf(path, sizeof path, "/proc/%s/stat", name);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (n <= 0)
        return false;
    line[n] = '\0';
    /* The name in parentheses may itself hold parentheses and spaces. */
    const char *after = strrchr(line, ')');
    char state;
    int parent, group, session;
    if (!after || sscanf(after + 1, " %c %d %d %d", &state, &parent, &group, &session) != 4)
        return false;
    *ret = (struct process){(pid_t)pid, parent, session, state == 'Z' || state == 'X', false};
    return true;
}

static int by_pid(const void *a, const void *b)
{
    pid_t first = ((const struct process *)a)->pid, second = ((const struct process *)b)->pid;
    return (first > second) - (first < second);
}

/* By pid. */
static struct process *list_processes(size_t *ret_count)
{
    size_t count = 0, room = 256;
    struct process *list = malloc(room * sizeof *list);
    DIR *dir = opendir("/proc");
    const struct dirent *entry;
    while (list && dir && (entry = readdir(dir))) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        if (count == room) {
            struct process *more = realloc(list, room * 2 * sizeof *list);
            if (!more)
                break;
            list = more;
            room *= 2;
        }
        if (read_process(entry->d_name, &list[count]))
            count++;
    }
    if (dir)
        (void)closedir(dir);
    *ret_count = list ? count : 0;
    if (list)
        qsort(list, count, sizeof *list, by_pid);
    return list;
}

static bool is_ours(const struct process *list, size_t count, pid_t pid)
{
    struct process key = {.pid = pid};
    const struct process *found = bsearch(&key, list, count, sizeof *list, by_pid);
    return found && found->ours;
}

/* Whatever descends from `root` (0: from nobody further) or from those that are ours already. */
static void mark_descendants(struct process *list, size_t count, pid_t root)
{
    bool grew = true;
    while (grew) {
        grew = false;
        for (size_t i = 0; i < count; i++) {
            if (list[i].ours)
                continue;
            list[i].ours = (root && list[i].parent == root) || is_ours(list, count, list[i].parent);
            grew |= list[i].ours;
        }
    }
}

size_t children_kill_all(int signal)
{
    size_t count, told = 0;
    cleanup_free struct process *list = list_processes(&count);
    mark_descendants(list, count, getpid());
    for (size_t i = 0; i < count; i++)
        if (list[i].ours && kill(list[i].pid, signal) == 0)
            told++;
    return told;
}

size_t session_kill(pid_t sid, int signal)
{
    size_t count, told = 0;
    cleanup_free struct process *list = list_processes(&count);
    for (size_t i = 0; i < count; i++)
        if (list[i].session == sid && kill(list[i].pid, signal) == 0)
            told++;
    return told;
}

/* /proc/PID/environ is NUL-separated (proc(5)). */
bool process_carries(pid_t pid, const char *mark)
{
    char path[64];
    cleanup_bytes struct bytes text = BYTES_INIT(256 * KIB);
    char chunk[4096];
    ssize_t n;
    (void)snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && (n = read(fd, chunk, sizeof chunk)) > 0)
        (void)bytes_add(&text, chunk, (size_t)n);
    return text.len && memmem(text.data, text.len, mark, strlen(mark) + 1);
}

/* What a child leaves behind is reparented to us, so only our descendants need to be looked at. */
static void mark_tree(struct process *list, size_t count, struct tree *tree)
{
    bool session_lives = false;
    mark_descendants(list, count, getpid());
    for (size_t i = 0; i < count; i++) {
        bool member = list[i].ours && tree->session && list[i].session == tree->session;
        session_lives |= member;
        list[i].ours = member || (list[i].ours && process_carries(list[i].pid, tree->mark));
    }
    if (!session_lives)
        tree->session = 0;
    mark_descendants(list, count, 0);
}

size_t tree_kill(struct tree *tree, int signal)
{
    size_t count, told = 0;
    cleanup_free struct process *list = list_processes(&count);
    mark_tree(list, count, tree);
    for (size_t i = 0; i < count; i++)
        if (list[i].ours && !list[i].ended && kill(list[i].pid, signal) == 0)
            told++;
    return told;
}
