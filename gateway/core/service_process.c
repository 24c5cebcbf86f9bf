/* The processes of a service: one run from its start until nothing of it is left. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "core/service_internal.h"

#define LOG_CEILING (1 * MIB)
#define READ_CHUNK  65536
#define READ_ROUNDS 8
#define LAST_LINE   1024 /* what is looked at for the last line */
/* KILL is sent again to what appears meanwhile, and given up in the end. */
#define FORCE_AGAIN_MS 50
#define FORCE_MS       10000

/* ---- output ---- */

static void close_output(struct service *s)
{
    watch_close(s->output_watch);
    s->output_watch = NULL;
    if (s->output >= 0)
        (void)close(s->output);
    s->output = -1;
}

/* A flood is read in turns with everyone else. */
static void read_output(struct service *s)
{
    static char chunk[READ_CHUNK]; /* loop thread only */
    for (int i = 0; i < READ_ROUNDS && s->output >= 0; i++) {
        ssize_t n = read(s->output, chunk, sizeof chunk);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0)
            close_output(s);
        else
            outlog_append(&s->log, chunk, (size_t)n);
    }
}

static void on_output(void *arg, unsigned events)
{
    (void)events;
    read_output(arg);
}

static int open_output(struct service *s, int *ret_child_end, struct err *err)
{
    int ends[2];
    close_output(s);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(err, errno, "cannot make a pipe");
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    s->output = ends[0];
    *ret_child_end = ends[1];
    if (watch_open(s->supervisor->loop, s->output, on_output, s, &s->output_watch, err) < 0)
        return -1;
    watch_set(s->output_watch, WATCH_READ);
    return 0;
}

void process_last_line(struct service *s, char *out, size_t size)
{
    cleanup_bytes struct bytes text = BYTES_INIT(LAST_LINE);
    uint64_t from = s->log.length > LAST_LINE ? s->log.length - LAST_LINE : 0, next, skipped;
    outlog_read(&s->log, from > s->log_start ? from : s->log_start, LAST_LINE, &text, &next,
                &skipped);
    size_t end = text.len;
    while (end && strchr("\r\n\t ", text.data[end - 1]))
        end--;
    size_t start = end;
    while (start && text.data[start - 1] != '\n')
        start--;
    (void)snprintf(out, size, "%.*s", (int)(end - start), end ? text.data + start : "");
    for (char *p = out; *p; p++)
        if ((unsigned char)*p < 0x20)
            *p = ' ';
}

/* ---- the end ---- */

static void tell_failure(struct service *s, const char *what, bool with_line)
{
    char why[sizeof s->reason], line[200] = "";
    if (with_line)
        process_last_line(s, line, sizeof line);
    (void)snprintf(why, sizeof why, "%s%s%s", what, line[0] ? ": " : "", line);
    service_on_failure(s, why);
}

static void set_gone(struct service *s)
{
    s->busy = false;
    s->ending = ENDING_NO;
    timer_stop(s->end_timer);
    place_release(s);
    service_on_gone(s);
}

static void force(struct service *s)
{
    uint64_t now = loop_clock();
    if (s->ending != ENDING_FORCED)
        s->end_due = now + FORCE_MS;
    s->ending = ENDING_FORCED;
    size_t left = tree_kill(&s->tree, SIGKILL);
    if (!s->child && left == 0) {
        set_gone(s);
    } else if (!s->child && now >= s->end_due) {
        log_warn("service %s: %zu of its processes do not end", s->manifest->name, left);
        set_gone(s);
    } else {
        timer_set(s->end_timer, FORCE_AGAIN_MS);
    }
}

static void on_end_timer(void *arg)
{
    force(arg);
}

void process_look(struct service *s)
{
    if (!s->busy || s->child)
        return;
    if (s->ending == ENDING_FORCED)
        force(s);
    else if (tree_kill(&s->tree, 0) == 0)
        set_gone(s);
}

/* The program alone is told, for it knows best in which order its own processes end: Chromium loses
 * what pages have stored when its storage process is told too. What it leaves behind has no one
 * else to tell it. */
static void ask_to_end(struct service *s)
{
    if (s->child) {
        (void)kill(child_pid(s->child), manifest_signal(s->manifest));
        (void)kill(child_pid(s->child), SIGCONT);
        return;
    }
    (void)tree_kill(&s->tree, SIGTERM);
    (void)tree_kill(&s->tree, SIGCONT);
}

void process_end(struct service *s)
{
    probe_close(s->probe);
    s->probe = NULL;
    if (!s->busy || s->ending != ENDING_NO)
        return;
    s->ending = ENDING_ASKED;
    ask_to_end(s);
    timer_set(s->end_timer, (uint64_t)(s->manifest->stop_seconds * 1000));
}

/* What the program leaves behind has no business of its own: it is ended before the next run. One
 * that was asked to stop may take its time for that. */
static void on_exit_of(void *arg, struct exit_status status)
{
    struct service *s = arg;
    char what[64];
    s->child = NULL;
    s->address = (struct address){.port = 0};
    probe_close(s->probe);
    s->probe = NULL;
    read_output(s);
    if (status.signaled)
        (void)snprintf(what, sizeof what, "killed by SIG%s%s", sigabbrev_np(status.signal),
                       status.out_of_memory ? ": out of memory" : "");
    else
        (void)snprintf(what, sizeof what, "exited with code %d", status.code);
    log_debug("service %s: %s", s->manifest->name, what);
    if (s->ending == ENDING_NO)
        tell_failure(s, what, !status.signaled);
    if (s->ending == ENDING_ASKED)
        process_look(s);
    else
        force(s);
}

/* ---- the start ---- */

static void on_probed(void *arg, bool ready)
{
    struct service *s = arg;
    char what[64];
    s->probe = NULL;
    if (ready) {
        service_on_ready(s);
        return;
    }
    (void)snprintf(what, sizeof what, "not ready after %.15g s", s->manifest->ready_seconds);
    process_end(s);
    tell_failure(s, what, true);
}

struct run {
    struct arena *arena;
    const char *const *envp;
    const char **argv;
};

static int start_probe(struct service *s, const struct run *run, struct err *err)
{
    const struct manifest *m = s->manifest;
    struct supervisor *v = s->supervisor;
    struct probe_spec spec = {.kind = (enum probe_kind)m->probe,
                              .address = s->address,
                              .deadline_ms = (uint64_t)(m->ready_seconds * 1000),
                              .done = on_probed,
                              .arg = s};
    if (m->probe == PROBE_HTTP)
        spec.target = m->probe_path.p ? m->probe_path.p : "/";
    if (m->probe == PROBE_UNIX && m->probe_path.p) {
        const char *path = manifest_expand(run->arena, m->probe_path.p, run->envp);
        if (!path || strlen(path) >= sizeof spec.address.path)
            return err_set(err, ERR_INVALID, "the path of its ready probe is too long");
        (void)snprintf(spec.address.path, sizeof spec.address.path, "%s", path);
        spec.address.port = 0;
    }
    return probe_open(v->loop, &spec, &s->probe, err);
}

static int make_environment(struct service *s, struct run *run, struct err *err)
{
    const struct manifest *m = s->manifest;
    const struct environment *base = s->supervisor->environment;
    struct text_pair *pairs = arena_alloc(run->arena, (m->environment.n + 8) * sizeof *pairs);
    struct text_map extra = {pairs, 0};
    if (!pairs)
        return err_memory(err);
#define PUT(variable, text)                                                                        \
    pairs[extra.n++] = (struct text_pair)                                                          \
    {                                                                                              \
        {(variable), sizeof(variable) - 1},                                                        \
        {                                                                                          \
            (text), strlen(text)                                                                   \
        }                                                                                          \
    }
    PUT("SERVICE_NAME", m->name);
    PUT("SERVICE_DIR", m->dir);
    PUT("SERVICE_STATE", s->state_dir);
    PUT("SERVICE_RUN", s->run_dir);
    PUT("SANDGATE_RUN", s->supervisor->run_dir);
    if (s->address.path[0])
        PUT("SERVICE_SOCKET", s->address.path);
    const char *port = arena_printf(run->arena, "%u", s->address.port);
    if (!port)
        return err_memory(err);
    if (s->address.port)
        PUT("SERVICE_PORT", port);
#undef PUT
    run->envp = environment_with(base, run->arena, &extra);
    for (size_t i = 0; run->envp && i < m->environment.n; i++) {
        struct text_pair pair = m->environment.items[i];
        if (pair.value.p) {
            pair.value.p = manifest_expand(run->arena, pair.value.p, run->envp);
            if (!pair.value.p)
                return err_set(err, ERR_LIMIT, "variable %.60s gets too long", pair.name.p);
        }
        pairs[extra.n++] = pair;
    }
    run->envp = environment_with(base, run->arena, &extra);
    return run->envp ? 0 : err_memory(err);
}

/* As execvp(3) would find it, but on the service's PATH. */
static const char *find_program(struct arena *arena, const char *name, const char *const *envp)
{
    const char *path = manifest_expand(arena, "${PATH}", envp);
    while (path && *path) {
        size_t n = strcspn(path, ":");
        const char *file = arena_printf(arena, "%.*s/%s", (int)n, path, name);
        struct stat st;
        if (!file)
            return NULL;
        if (file[0] == '/' && access(file, X_OK) == 0 && stat(file, &st) == 0 &&
            S_ISREG(st.st_mode))
            return file;
        path += n + (path[n] == ':');
    }
    return NULL;
}

static int make_arguments(const struct service *s, struct run *run, struct err *err)
{
    const struct text_list *command = &s->manifest->command;
    run->argv = arena_alloc(run->arena, (command->n + 1) * sizeof *run->argv);
    if (!run->argv)
        return err_memory(err);
    for (size_t i = 0; i < command->n; i++) {
        run->argv[i] = manifest_expand(run->arena, command->items[i].p, run->envp);
        if (!run->argv[i])
            return err_set(err, ERR_LIMIT, "argument %zu gets too long", i);
    }
    const char *program = run->argv[0];
    if (strncmp(program, "./", 2) == 0)
        run->argv[0] = arena_printf(run->arena, "%s/%s", s->manifest->dir, program + 2);
    else if (program[0] != '/')
        run->argv[0] = find_program(run->arena, program, run->envp);
    return run->argv[0]
               ? 0
               : err_set(err, ERR_NOT_FOUND, "%.100s is not installed (not on the PATH)", program);
}

static int spawn(struct service *s, const struct run *run, struct err *err)
{
    cleanup_close int out = -1;
    struct supervisor *v = s->supervisor;
    if (open_output(s, &out, err) < 0)
        return -1;
    struct spawn_spec spec = {.argv = run->argv,
                              .envp = run->envp,
                              .cwd = v->config->home,
                              .stdio = {-1, out, out},
                              .session = true};
    if (child_spawn(v->children, &spec, on_exit_of, s, &s->child, err) < 0)
        return -1;
    s->tree.session = child_pid(s->child);
    s->busy = true;
    s->ending = ENDING_NO;
    s->log_start = s->log.length;
    return 0;
}

/* The program runs once this succeeds, and on_exit_of() tells of its end. */
static int run_program(struct service *s, struct run *run, struct err *err)
{
    if (place_prepare(s, err) < 0 || make_environment(s, run, err) < 0 ||
        make_arguments(s, run, err) < 0 || spawn(s, run, err) < 0) {
        place_release(s);
        return -1;
    }
    if (s->manifest->probe == CHOICE_ABSENT)
        return 0;
    if (start_probe(s, run, err) < 0) {
        process_end(s);
        return -1;
    }
    return 0;
}

int process_start(struct service *s, struct err *err)
{
    struct run run = {.arena = arena_new()};
    int r = run.arena ? run_program(s, &run, err) : err_memory(err);
    arena_free(run.arena);
    if (r < 0)
        return -1;
    log_info("service %s: runs as pid %d", s->manifest->name, (int)child_pid(s->child));
    if (s->manifest->probe == CHOICE_ABSENT)
        service_on_ready(s);
    return 0;
}

int process_init(struct service *s, struct err *err)
{
    struct supervisor *v = s->supervisor;
    const char *name = s->manifest->name;
    s->output = s->port_claim = -1;
    s->run_dir = arena_printf(v->arena, "%s/%s", v->run_dir, name);
    s->state_dir = arena_printf(v->arena, "%s/services/%s", v->config->state, name);
    s->tree.mark = arena_printf(v->arena, "SERVICE_RUN=%s", s->run_dir);
    const char *log = arena_printf(v->arena, "%s/services/%s.log", v->config->state, name);
    if (!s->run_dir || !s->state_dir || !s->tree.mark || !log)
        return err_memory(err);
    outlog_init(&s->log, log, LOG_CEILING);
    return timer_open(v->loop, on_end_timer, s, &s->end_timer, err);
}

void process_done(struct service *s)
{
    child_disown(s->child);
    s->child = NULL;
    probe_close(s->probe);
    close_output(s);
    timer_close(s->end_timer);
    place_release(s);
    outlog_done(&s->log);
}
