#include "gateway.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_MS 20000
#define STOP_MS  20000

extern char **environ;

static void die(const char *what)
{
    (void)fprintf(stderr, "soak: %s: %s\n", what, strerrordesc_np(errno));
    exit(2);
}

/* ---- start and stop ---- */

/* The address is all that comes, in one line. */
static uint16_t read_port(int fd)
{
    char line[256] = "";
    size_t n = 0;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    while (n < sizeof line - 1 && (n == 0 || line[n - 1] != '\n')) {
        if (poll(&wait, 1, START_MS) <= 0)
            return 0;
        ssize_t got = read(fd, line + n, sizeof line - 1 - n);
        if (got <= 0)
            return 0;
        n += (size_t)got;
    }
    line[n] = '\0';
    const char *colon = strrchr(line, ':');
    return colon ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
}

static void make_dirs(struct gateway *g)
{
    static const char *const names[] = {"home", "workspace", "state"};
    char path[128];
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(g->root, sizeof g->root, "%s/sandgate-soak-XXXXXX",
                   tmp && strlen(tmp) < 32 ? tmp : "/tmp");
    if (!mkdtemp(g->root))
        die("cannot make a directory");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", g->root, names[i]);
        if (mkdir(path, 0700) < 0)
            die(path);
    }
}

void gateway_start(struct gateway *g, const char *program)
{
    char home[96], workspace[96], state[96], log[96];
    char *web = realpath("build/web", NULL); /* also for a binary that lies elsewhere */
    int out[2];
    posix_spawn_file_actions_t actions;
    if (!web)
        die("build/web");
    make_dirs(g);
    (void)snprintf(home, sizeof home, "%s/home", g->root);
    (void)snprintf(workspace, sizeof workspace, "%s/workspace", g->root);
    (void)snprintf(state, sizeof state, "%s/state", g->root);
    (void)snprintf(log, sizeof log, "%s/log", g->root);
    const char *argv[] = {
        program, "--listen",   "127.0.0.1:0", "--home", home, "--workspace", workspace, "--state",
        state,   "--services", "none",        "--web",  web,  "--log-level", "warn",    NULL};
    if (pipe2(out, O_CLOEXEC) < 0 || posix_spawn_file_actions_init(&actions) != 0 ||
        posix_spawn_file_actions_adddup2(&actions, out[1], 1) != 0 ||
        posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0600) !=
            0 ||
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) != 0)
        die("cannot prepare a process");
    errno = posix_spawn(&g->pid, program, &actions, NULL, (char *const *)(uintptr_t)argv, environ);
    if (errno)
        die(program);
    (void)posix_spawn_file_actions_destroy(&actions);
    free(web);
    (void)close(out[1]);
    g->port = read_port(out[0]);
    (void)close(out[0]);
    if (!g->port) {
        (void)kill(g->pid, SIGKILL);
        (void)fprintf(stderr, "soak: %s does not listen; see %s\n", program, log);
        exit(2);
    }
}

int gateway_stop(struct gateway *g)
{
    int status, pidfd = pidfd_open(g->pid, 0);
    struct pollfd wait = {.fd = pidfd, .events = POLLIN};
    (void)kill(g->pid, SIGTERM);
    bool ended = pidfd >= 0 && poll(&wait, 1, STOP_MS) == 1;
    if (!ended)
        (void)kill(g->pid, SIGKILL);
    (void)close(pidfd);
    if (waitpid(g->pid, &status, 0) != g->pid)
        return -1;
    return ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    (void)remove(path);
    return 0;
}

void gateway_forget(const struct gateway *g)
{
    (void)nftw(g->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

bool gateway_log_clean(const struct gateway *g)
{
    static const char *const signs[] = {"Sanitizer", "runtime error:"};
    char path[96], *text = NULL;
    size_t room = 0;
    bool clean = true;
    (void)snprintf(path, sizeof path, "%s/log", g->root);
    FILE *log = fopen(path, "re");
    while (log && getline(&text, &room, log) > 0)
        for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
            if (strstr(text, signs[i])) {
                (void)fputs(text, stderr);
                clean = false;
            }
    if (log)
        (void)fclose(log);
    free(text);
    return clean;
}

/* ---- what it holds ---- */

static long entries_of(const char *path)
{
    long n = 0;
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        n += entry->d_name[0] != '.';
    if (dir)
        (void)closedir(dir);
    return n;
}

/* A small file of /proc, NULs kept. */
static size_t slurp(const char *path, char *text, size_t room)
{
    size_t n = 0;
    FILE *file = fopen(path, "re");
    if (file) {
        n = fread(text, 1, room - 1, file);
        (void)fclose(file);
    }
    text[n] = '\0';
    return n;
}

static long rss_kib(pid_t pid)
{
    char path[64], text[4096];
    (void)snprintf(path, sizeof path, "/proc/%d/status", pid);
    (void)slurp(path, text, sizeof text);
    const char *at = strstr(text, "VmRSS:");
    return at ? strtol(at + 6, NULL, 10) : 0;
}

static double cpu_seconds(pid_t pid)
{
    clockid_t clock;
    struct timespec t = {0};
    if (clock_getcpuclockid(pid, &clock) == 0)
        (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool has_home(const char *pid, const char *home)
{
    char path[64], text[65536];
    (void)snprintf(path, sizeof path, "/proc/%.16s/environ", pid);
    size_t n = slurp(path, text, sizeof text);
    for (const char *at = text; at < text + n; at += strlen(at) + 1)
        if (strcmp(at, home) == 0)
            return true;
    return false;
}

static long each_process(bool (*counts)(const char *, const char *), const char *arg)
{
    long n = 0;
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    while (proc && (entry = readdir(proc)))
        n += entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && counts(entry->d_name, arg);
    if (proc)
        (void)closedir(proc);
    return n;
}

long gateway_processes(const struct gateway *g)
{
    char home[96];
    (void)snprintf(home, sizeof home, "HOME=%s/home", g->root);
    return each_process(has_home, home);
}

static bool is_zombie_of(const char *pid, const char *parent)
{
    char path[64], text[1024], ppid[16];
    (void)snprintf(path, sizeof path, "/proc/%.16s/stat", pid);
    (void)slurp(path, text, sizeof text);
    const char *after_name = strrchr(text, ')');
    return after_name && sscanf(after_name, ") Z %15s", ppid) == 1 && strcmp(ppid, parent) == 0;
}

static long rows_of(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    long n = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        n = (long)sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return n;
}

static void count_rows(const struct gateway *g, struct holding *holds)
{
    char path[96];
    sqlite3 *db = NULL;
    (void)snprintf(path, sizeof path, "%s/state/sandgate.db", g->root);
    holds->commands = holds->sessions = -1;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) {
        (void)sqlite3_busy_timeout(db, 5000);
        holds->commands = rows_of(db, "SELECT count(*) FROM commands");
        holds->sessions = rows_of(db, "SELECT count(*) FROM sessions");
    }
    (void)sqlite3_close(db);
}

struct holding gateway_holds(const struct gateway *g)
{
    char path[96], pid[16];
    struct holding holds = {.rss_kib = rss_kib(g->pid), .cpu_seconds = cpu_seconds(g->pid)};
    (void)snprintf(pid, sizeof pid, "%d", g->pid);
    (void)snprintf(path, sizeof path, "/proc/%d/fd", g->pid);
    holds.fds = entries_of(path);
    holds.processes = gateway_processes(g);
    holds.zombies = each_process(is_zombie_of, pid);
    (void)snprintf(path, sizeof path, "%s/state/output", g->root);
    holds.files = entries_of(path);
    (void)snprintf(path, sizeof path, "%s/state/shell", g->root);
    holds.files += entries_of(path);
    count_rows(g, &holds);
    return holds;
}
