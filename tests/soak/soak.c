/* soak GATEWAY: puts a gateway through thousands of connections, commands and sessions, and says
 * whether it is as it was before. A tenth of each, at most, goes before as a warm-up: what a
 * process holds is compared after both. From the environment:
 *
 *   SOAK_CONNECTIONS (2000)  clients at once            SOAK_LOAD (300)   seconds of them
 *   SOAK_CYCLES (10000)      sessions made and deleted  SOAK_EXEC (600)   seconds of 64 execs
 *   SOAK_RSS_KIB (2048)      what memory may grow by; 0: no matter
 *   SOAK_WARMUPS (1)         to see whether memory goes on growing
 *   SOAK_HISTORY (1000)      commands, and as many ended sessions, the history shall keep */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "app.h"
#include "gateway.h"
#include "phases.h"
#include "tally.h"

#define SETTLE_SECONDS 60
#define LOOK_EVERY_MS  250
/* Memory that was freed is given back after ten seconds at most. */
#define STILL_LOOKS 48
/* Written before the history is trimmed anew. */
#define HISTORY_SLACK 256

struct plan {
    unsigned connections, load_seconds, exec_seconds, cycles, rss_kib, history, warmups;
};

static int passed, failed;

static void check(bool good, const char *what, long measured, long allowed)
{
    printf("%s %s: %ld (allowed: %ld)\n", good ? "ok    " : "FAILED", what, measured, allowed);
    *(good ? &passed : &failed) += 1;
}

static unsigned from_environment(const char *name, unsigned fallback)
{
    const char *value = getenv(name);
    return value && *value ? (unsigned)strtoul(value, NULL, 10) : fallback;
}

static void run_phases(const struct site *site, const struct plan *plan)
{
    load_run(site, plan->connections, plan->load_seconds);
    app_hang_up();
    exec_run(site, plan->exec_seconds);
    cycles_run(site, plan->cycles);
}

static void short_pause(void)
{
    struct timespec t = {0, LOOK_EVERY_MS * 1000000L};
    (void)nanosleep(&t, NULL);
}

static bool is_back(const struct holding *now, const struct holding *before,
                    const struct plan *plan)
{
    return now->fds <= before->fds && now->processes <= before->processes && !now->zombies &&
           now->files <= before->files && now->commands <= (long)plan->history + HISTORY_SLACK &&
           now->sessions <= (long)plan->history + HISTORY_SLACK &&
           (!plan->rss_kib || now->rss_kib <= before->rss_kib + (long)plan->rss_kib);
}

/* Until it holds for a while what it held a moment ago. */
static struct holding settle(const struct gateway *g)
{
    struct holding before = gateway_holds(g);
    for (unsigned still = 0, i = 0;
         still < STILL_LOOKS && i < SETTLE_SECONDS * 1000 / LOOK_EVERY_MS; i++) {
        short_pause();
        struct holding now = gateway_holds(g);
        bool same = now.fds == before.fds && now.processes == before.processes &&
                    now.files == before.files && now.rss_kib == before.rss_kib;
        still = same ? still + 1 : 0;
        before = now;
    }
    return before;
}

static struct holding come_back(const struct gateway *g, const struct holding *before,
                                const struct plan *plan)
{
    struct holding now = settle(g);
    for (unsigned i = 0; !is_back(&now, before, plan) && i < SETTLE_SECONDS * 1000 / LOOK_EVERY_MS;
         i++) {
        short_pause();
        now = gateway_holds(g);
    }
    return now;
}

static void print_holdings(const struct holding *before, const struct holding *after)
{
    printf("\n%-24s %10s %10s\n", "", "before", "after");
    printf("%-24s %10ld %10ld\n", "memory (KiB)", before->rss_kib, after->rss_kib);
    printf("%-24s %10ld %10ld\n", "descriptors", before->fds, after->fds);
    printf("%-24s %10ld %10ld\n", "processes", before->processes, after->processes);
    printf("%-24s %10ld %10ld\n", "zombies", before->zombies, after->zombies);
    printf("%-24s %10ld %10ld\n", "files of its state", before->files, after->files);
    printf("%-24s %10ld %10ld\n", "commands remembered", before->commands, after->commands);
    printf("%-24s %10ld %10ld\n\n", "sessions remembered", before->sessions, after->sessions);
}

static void judge(const struct holding *before, const struct holding *after,
                  const struct plan *plan)
{
    long history = (long)plan->history + HISTORY_SLACK;
    check(tally_errors() == 0, "errors", (long)tally_errors(), 0);
    check(tally_wedges() == 0, "requests without an answer", (long)tally_wedges(), 0);
    if (plan->rss_kib)
        check(after->rss_kib <= before->rss_kib + (long)plan->rss_kib, "memory kept (KiB)",
              after->rss_kib - before->rss_kib, (long)plan->rss_kib);
    check(after->fds <= before->fds, "descriptors", after->fds, before->fds);
    check(after->processes <= before->processes, "processes", after->processes, before->processes);
    check(after->zombies == 0, "zombies", after->zombies, 0);
    check(after->files <= before->files, "files of its state", after->files, before->files);
    check(after->commands <= history, "commands remembered", after->commands, history);
    check(after->sessions <= history, "sessions remembered", after->sessions, history);
}

static double own_cpu(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void measure(const struct gateway *g, const struct site *site, const struct plan *plan)
{
    struct plan warm = *plan;
    warm.load_seconds = plan->load_seconds / 10 + 3;
    warm.exec_seconds = plan->exec_seconds / 20 + 1;
    warm.cycles = plan->cycles < 2000 ? plan->cycles / 2 : 1002;
    printf("warming up\n");
    (void)fflush(stdout);
    struct holding before = {0};
    for (unsigned i = 0; i < plan->warmups; i++) {
        run_phases(site, &warm);
        before = settle(g);
        printf("%ld KiB\n", before.rss_kib);
        (void)fflush(stdout);
    }
    check(tally_errors() == 0, "errors while warming up", (long)tally_errors(), 0);
    tally_clear();

    printf("%u connections for %u s, 64 execs for %u s, %u sessions\n\n", plan->connections,
           plan->load_seconds, plan->exec_seconds, plan->cycles);
    (void)fflush(stdout);
    double cpu = own_cpu();
    uint64_t since = now_us();
    run_phases(site, plan);
    double seconds = (double)(now_us() - since) / 1e6;
    struct holding busy = gateway_holds(g);
    tally_print();
    printf("\n%llu requests in %.0f s; CPU: %.1f s of the gateway, %.1f s of the clients\n",
           (unsigned long long)tally_total(), seconds, busy.cpu_seconds - before.cpu_seconds,
           own_cpu() - cpu);
    struct holding after = come_back(g, &before, plan);
    print_holdings(&before, &after);
    judge(&before, &after, plan);
}

/* Whoever stops us stops the gateway with us. */
static volatile sig_atomic_t gateway_pid;
static void on_stop(int number)
{
    (void)kill(gateway_pid, SIGTERM);
    _exit(128 + number);
}

int main(int argc, char **argv)
{
    struct plan plan = {.connections = from_environment("SOAK_CONNECTIONS", 2000),
                        .load_seconds = from_environment("SOAK_LOAD", 300),
                        .exec_seconds = from_environment("SOAK_EXEC", 600),
                        .cycles = from_environment("SOAK_CYCLES", 10000),
                        .rss_kib = from_environment("SOAK_RSS_KIB", 2048),
                        .warmups = from_environment("SOAK_WARMUPS", 1),
                        .history = from_environment("SOAK_HISTORY", 1000)};
    struct rlimit files = {0};
    struct gateway g;
    char history[16];
    if (argc != 2) {
        (void)fprintf(stderr, "usage: soak GATEWAY\n");
        return 2;
    }
    (void)getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    /* As many sessions and commands as there are clients of that kind. */
    (void)snprintf(history, sizeof history, "%u", plan.history);
    (void)setenv("SANDGATE_HISTORY_ENTRIES", history, 1);
    (void)setenv("MAX_BASH_SESSIONS", "4096", 1);
    (void)setenv("MAX_SHELL_SESSIONS", "1024", 1);
    (void)setenv("SANDGATE_MAX_COMMANDS", "2048", 1);
    gateway_start(&g, argv[1]);
    gateway_pid = g.pid;
    (void)signal(SIGTERM, on_stop);
    (void)signal(SIGINT, on_stop);
    struct site site = {.gateway = g.port, .app = app_start(), .folder = g.root};
    measure(&g, &site, &plan);
    int code = gateway_stop(&g);
    check(code == 0, "exit code", code, 0);
    long left = gateway_processes(&g);
    check(left == 0, "processes left behind", left, 0);
    check(gateway_log_clean(&g), "sanitiser's findings in the log", 0, 0);
    gateway_forget(&g);
    printf("%d passed, %d failed\n", passed, failed);
    return failed ? 1 : 0;
}
