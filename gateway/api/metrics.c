/* What a Prometheus server collects (text exposition format 0.0.4).
 *
 * A single number is one row of `gauges`: a name, a line of help and a function that reads it from
 * the app. Rooms that count something are added there. */
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/app.h"
#include "core/audit.h"
#include "core/bash_sessions.h"
#include "core/shell_sessions.h"
#include "core/supervisor.h"
#include "io/spawn.h"
#include "store/store.h"

#define TYPE    "text/plain; version=0.0.4; charset=utf-8"
#define CEILING (64 * KIB)

struct gauge {
    const char *name, *type, *help;
    double (*read)(const struct app *app);
};

static double connections(const struct app *app)
{
    return server_connections(app->server);
}

static double children(const struct app *app)
{
    return (double)children_count(app->children);
}

static double uptime(const struct app *app)
{
    return (double)(loop_clock() - app->started_ms) / 1e3;
}

static double blocking(const struct app *app)
{
    return app->pipeline->blocking;
}

static double body_bytes(const struct app *app)
{
    return (double)app->pipeline->metrics.bytes_in;
}

static double cpu_seconds(const struct app *app)
{
    struct timespec used = {0};
    (void)app;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* /proc/self/statm: pages in all, pages resident (proc(5)). */
static double resident_bytes(const struct app *app)
{
    unsigned long pages = 0;
    (void)app;
    cleanup_file FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%*u %lu", &pages) != 1)
        return 0;
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double open_fds(const struct app *app)
{
    double count = 0;
    DIR *dir = opendir("/proc/self/fd");
    (void)app;
    if (!dir)
        return 0;
    while (readdir(dir))
        count++;
    (void)closedir(dir);
    return count - 3; /* ".", ".." and the directory itself */
}

static double max_fds(const struct app *app)
{
    struct rlimit limit = {0};
    (void)app;
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    return (double)limit.rlim_cur;
}

static double shell_sessions(const struct app *app)
{
    return (double)shell_sessions_all(app->shells)->count;
}

static double shell_busy_sessions(const struct app *app)
{
    return (double)shell_sessions_busy(app->shells);
}

static double bash_sessions(const struct app *app)
{
    return (double)bash_sessions_all(app->bash)->count;
}

static double bash_commands(const struct app *app)
{
    return (double)bash_sessions_running(app->bash);
}

static double bash_commands_total(const struct app *app)
{
    return (double)bash_sessions_started(app->bash);
}

static double audit_entries(const struct app *app)
{
    return (double)audit_written(app->audit);
}

static double database_failures(const struct app *app)
{
    return (double)store_failures(app->store);
}

static const struct gauge gauges[] = {
    {"sandgate_http_connections", "gauge", "Open client connections.", connections},
    {"sandgate_http_blocking_handlers", "gauge", "Handlers at work on a worker thread.", blocking},
    {"sandgate_http_request_body_bytes_total", "counter", "Bytes of collected request bodies.",
     body_bytes},
    {"sandgate_shell_sessions", "gauge", "Shell sessions.", shell_sessions},
    {"sandgate_shell_sessions_busy", "gauge", "Shell sessions in which something runs.",
     shell_busy_sessions},
    {"sandgate_bash_sessions", "gauge", "Bash sessions.", bash_sessions},
    {"sandgate_bash_commands", "gauge", "Bash commands that run now.", bash_commands},
    {"sandgate_bash_commands_total", "counter", "Bash commands started.", bash_commands_total},
    {"sandgate_audit_entries_total", "counter", "Entries written to the audit log.", audit_entries},
    {"sandgate_database_failures_total", "counter", "Writes to the database that were lost.",
     database_failures},
    {"sandgate_children", "gauge", "Programs started by the gateway that have not ended.",
     children},
    {"sandgate_uptime_seconds", "gauge", "Seconds since the gateway was started.", uptime},
    {"process_cpu_seconds_total", "counter", "User and system CPU time of the gateway.",
     cpu_seconds},
    {"process_resident_memory_bytes", "gauge", "Resident memory of the gateway.", resident_bytes},
    {"process_open_fds", "gauge", "Open file descriptors of the gateway.", open_fds},
    {"process_max_fds", "gauge", "Most file descriptors the gateway may open.", max_fds},
};

static void write_head(struct bytes *out, const char *name, const char *type, const char *help)
{
    (void)bytes_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_classes(struct bytes *out, const struct http_metrics *m)
{
    static const char name[] = "sandgate_http_requests_total";
    write_head(out, name, "counter", "Requests by class of the answer's status.");
    for (unsigned i = 1; i < COUNT_OF(m->by_class); i++)
        (void)bytes_printf(out, "%s{class=\"%uxx\"} %llu\n", name, i,
                           (unsigned long long)m->by_class[i]);
    (void)bytes_printf(out, "%s{class=\"none\"} %llu\n", name, (unsigned long long)m->by_class[0]);
}

static void write_latency(struct bytes *out, const struct http_metrics *m)
{
    static const char name[] = "sandgate_http_request_duration_seconds";
    unsigned long long total = 0;
    write_head(out, name, "histogram", "From the request line to the end of the answer.");
    for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
        total += m->latency[i];
        (void)bytes_printf(out, "%s_bucket{le=\"%g\"} %llu\n", name, latency_bounds[i], total);
    }
    total += m->latency[LATENCY_BUCKETS];
    (void)bytes_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.9g\n%s_count %llu\n", name,
                       total, name, m->latency_sum, name, total);
}

static void write_services(struct bytes *out, const struct supervisor *supervisor)
{
    static const char name[] = "sandgate_services";
    unsigned counts[SERVICE_FAILED + 1] = {0};
    const struct service *service;
    for (size_t i = 0; (service = supervisor_at(supervisor, i)); i++)
        counts[service_state(service)]++;
    write_head(out, name, "gauge", "Services by state.");
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        (void)bytes_printf(out, "%s{state=\"%s\"} %u\n", name, service_state_names[i], counts[i]);
}

static int metrics(struct exchange *ex, struct err *err)
{
    const struct app *app = app_of(ex);
    struct bytes out = BYTES_INIT(CEILING);
    write_head(&out, "sandgate_build_info", "gauge", "The version that runs.");
    (void)bytes_adds(&out, "sandgate_build_info{version=\"" SANDGATE_VERSION "\"} 1\n");
    write_classes(&out, &app->pipeline->metrics);
    write_latency(&out, &app->pipeline->metrics);
    write_services(&out, app->supervisor);
    for (size_t i = 0; i < COUNT_OF(gauges); i++) {
        const struct gauge *g = &gauges[i];
        write_head(&out, g->name, g->type, g->help);
        (void)bytes_printf(&out, "%s %.15g\n", g->name, g->read(app));
    }
    if (out.failed) {
        bytes_done(&out);
        return err_memory(err);
    }
    exchange_reply(ex, 200, TYPE, &out);
    return 0;
}

const struct route metrics_routes[] = {
    {"GET", "/metrics", SCOPE_READ, ROUTE_INLINE, metrics, .tag = "health", .answers = "text/plain",
     .summary = "Counters and gauges for Prometheus."},
    ROUTES_END,
};
