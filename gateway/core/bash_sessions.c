#include "core/bash_sessions.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "core/history.h"

#define KIND "bash"

struct bash_sessions {
    struct loop *loop;
    struct children *children;
    struct store *store;
    const struct config *config;
    const struct environment *environment;
    struct map map;
    char *output_dir;
    size_t running;
    uint64_t started;
    bool stopping;
};

/* ---- sessions ---- */

const struct map *bash_sessions_all(const struct bash_sessions *t)
{
    return &t->map;
}

size_t bash_sessions_running(const struct bash_sessions *t)
{
    return t->running;
}

uint64_t bash_sessions_started(const struct bash_sessions *t)
{
    return t->started;
}

struct bash_session *bash_session_find(struct bash_sessions *t, const char *id)
{
    return map_get(&t->map, id);
}

static void remember(const struct bash_session *s)
{
    struct session_record r = {KIND, s->id, s->working_dir, s->created_at, s->last_used_at};
    history_session(s->table->store, &r);
}

static void free_list(struct command *list)
{
    while (list) {
        struct command *next = list->next;
        command_free(list);
        list = next;
    }
}

static void session_free(struct bash_session *s)
{
    command_free(s->current);
    free_list(s->queue);
    free_list(s->kept);
    free(s->working_dir);
    free(s->snapshot);
    free(s);
}

/* Make room by forgetting the session that was idle for longest. */
static bool evict_idle(struct bash_sessions *t)
{
    struct map_walk walk = {0};
    struct bash_session *s, *oldest = NULL;
    while ((s = map_next(&t->map, &walk)))
        if (s->disposable && !s->current && !s->queue &&
            (!oldest || s->used_clock < oldest->used_clock))
            oldest = s;
    if (!oldest)
        return false;
    bash_session_end(oldest, "made room for a newer session");
    return true;
}

static int session_new(struct bash_sessions *t, const char *id, const char *dir,
                       struct bash_session **ret_session, struct err *err)
{
    if (t->map.count >= (size_t)t->config->max_bash_sessions && !evict_idle(t))
        return err_set(err, ERR_LIMIT, "%zu bash sessions are in use, which is the limit",
                       t->map.count);
    struct bash_session *s = calloc(1, sizeof *s);
    if (!s)
        return err_memory(err);
    s->table = t;
    s->queue_end = &s->queue;
    s->kept_end = &s->kept;
    s->created_at = s->last_used_at = history_now();
    s->used_clock = loop_clock();
    (void)snprintf(s->id, sizeof s->id, "%s", id);
    s->working_dir = strdup(dir);
    if (!s->working_dir || map_put(&t->map, s->id, s) < 0) {
        session_free(s);
        return err_memory(err);
    }
    *ret_session = s;
    return 0;
}

int bash_session_get(struct bash_sessions *t, struct text id, struct bash_session **ret_session,
                     struct err *err)
{
    char name[IDENT_SIZE];
    if (id.n == 0) {
        ident_random(name, "");
    } else {
        if (!ident_valid(id.p, id.n))
            return err_field(err, "session_id",
                             "field 'session_id' must be 1 to %d printable bytes without slashes",
                             IDENT_MAX);
        *ret_session = bash_session_find(t, id.p);
        if (*ret_session)
            return 0;
        (void)snprintf(name, sizeof name, "%s", id.p);
    }
    if (session_new(t, name, t->config->workspace, ret_session, err) < 0)
        return -1;
    (*ret_session)->disposable = id.n == 0;
    remember(*ret_session);
    return 0;
}

int bash_session_set_dir(struct bash_session *s, struct text dir, struct err *err)
{
    struct stat st;
    if (!dir.p || strcmp(dir.p, s->working_dir) == 0)
        return 0;
    if (stat(dir.p, &st) < 0)
        return err_field(err, "exec_dir", "field 'exec_dir': %s: %s", dir.p,
                         strerrordesc_np(errno));
    if (!S_ISDIR(st.st_mode))
        return err_field(err, "exec_dir", "field 'exec_dir': %s is not a directory", dir.p);
    char *copy = strdup(dir.p);
    if (!copy)
        return err_memory(err);
    free(s->working_dir);
    s->working_dir = copy;
    return 0;
}

int bash_session_set_snapshot(struct bash_session *s, struct text path, struct err *err)
{
    if (!path.p)
        return 0;
    if (access(path.p, R_OK) < 0)
        return err_field(err, "snapshot_path", "field 'snapshot_path': %s: %s", path.p,
                         strerrordesc_np(errno));
    char *copy = strdup(path.p);
    if (!copy)
        return err_memory(err);
    free(s->snapshot);
    s->snapshot = copy;
    return 0;
}

/* ---- commands ---- */

static void record_end(const struct command *c, const struct bash_session *s)
{
    struct command_record r = {.kind = KIND, .id = c->id, .session_id = s->id};
    struct bytes out = BYTES_INIT(HISTORY_OUTPUT), errors = BYTES_INIT(HISTORY_OUTPUT);
    uint64_t next, skipped;
    struct outlog *log = (struct outlog *)(uintptr_t)&c->out;
    uint64_t from = log->length > HISTORY_OUTPUT ? log->length - HISTORY_OUTPUT : 0;
    outlog_read(log, from, HISTORY_OUTPUT, &out, &next, &skipped);
    log = (struct outlog *)(uintptr_t)&c->errors;
    from = log->length > HISTORY_OUTPUT ? log->length - HISTORY_OUTPUT : 0;
    outlog_read(log, from, HISTORY_OUTPUT, &errors, &next, &skipped);
    r.status = command_status_names[c->status];
    r.exit_code = c->exited ? c->exit.code : INT_ABSENT;
    r.ended_at = c->ended_at;
    r.out = (struct text){out.data, out.len};
    r.errors = (struct text){errors.data, errors.len};
    r.out_bytes = (int64_t)c->out.length;
    r.errors_bytes = (int64_t)c->errors.length;
    history_command_ended(s->table->store, &r);
    bytes_done(&out);
    bytes_done(&errors);
}

static void record_begin(const struct command *c, const struct bash_session *s)
{
    struct command_record r = {.kind = KIND,
                               .id = c->id,
                               .session_id = s->id,
                               .command = c->text,
                               .status = command_status_names[c->status],
                               .started_at = c->started_at};
    history_command(s->table->store, &r);
}

/* The newest is never the one dropped, so whoever is being told of it may still look at it. */
static void keep(struct bash_session *s, struct command *c)
{
    c->next = NULL;
    *s->kept_end = c;
    s->kept_end = &c->next;
    if (++s->kept_count <= BASH_KEPT)
        return;
    struct command *oldest = s->kept;
    s->kept = oldest->next;
    s->kept_count--;
    command_free(oldest);
}

static void start_next(struct bash_session *s);

/* Loop callback of command.c: `c` was running, or was killed while it waited. */
static void on_ended(void *arg, struct command *c)
{
    struct bash_session *s = arg;
    if (c == s->current) {
        s->current = NULL;
        s->table->running--;
    } else {
        struct command **at = &s->queue;
        while (*at && *at != c)
            at = &(*at)->next;
        if (*at) {
            *at = c->next;
            s->queued--;
        }
        s->queue_end = &s->queue;
        while (*s->queue_end)
            s->queue_end = &(*s->queue_end)->next;
    }
    record_end(c, s);
    keep(s, c);
    start_next(s);
}

static void start_next(struct bash_session *s)
{
    struct err err;
    struct command *c = s->queue;
    if (s->current || !c || s->closing || s->table->stopping)
        return;
    s->queue = c->next;
    if (!s->queue)
        s->queue_end = &s->queue;
    s->queued--;
    s->current = c;
    s->table->running++;
    if (command_start(c, &err) == 0)
        return;
    log_warn("bash session %s: %s", s->id, err.text);
    outlog_append(&c->errors, err.text, strlen(err.text));
    command_signal(c, SIGKILL); /* still pending: ends at once, as killed */
}

static int check_room(const struct bash_sessions *t, const struct bash_session *s, struct err *err)
{
    if (t->stopping)
        return err_set(err, ERR_UNAVAILABLE, "the gateway is stopping");
    if (s->current && s->queued >= BASH_MAX_QUEUED)
        return err_set(err, ERR_LIMIT, "%zu commands wait in this session, which is the limit",
                       s->queued);
    if (!s->current && t->running >= (size_t)t->config->max_commands)
        return err_set(err, ERR_LIMIT, "%zu commands are running, which is the limit", t->running);
    return 0;
}

static int make_command(struct bash_session *s, const struct bash_exec *exec,
                        struct command **ret_command, struct err *err)
{
    struct bash_sessions *t = s->table;
    struct arena *arena = arena_new();
    if (!arena)
        return err_memory(err);
    struct text_pair *pairs = arena_alloc(arena, (exec->env.n + 1) * sizeof *pairs);
    struct text_map extra = {pairs, 0};
    if (pairs && exec->env.n)
        memcpy(pairs, exec->env.items, exec->env.n * sizeof *pairs);
    extra.n = exec->env.n;
    if (pairs && s->snapshot)
        pairs[extra.n++] = (struct text_pair){{"BASH_ENV", 8}, {s->snapshot, strlen(s->snapshot)}};
    const char *const *envp = pairs ? environment_with(t->environment, arena, &extra) : NULL;
    struct command_spec spec = {
        .loop = t->loop,
        .children = t->children,
        .output_dir = t->output_dir,
        .output_ceiling = (uint64_t)t->config->max_output_bytes,
        .text = exec->command,
        .cwd = s->working_dir,
        .envp = envp,
        .snapshot = s->snapshot,
        .hard_timeout_ms =
            isnan(exec->hard_timeout) ? 0 : (uint64_t)(exec->hard_timeout * 1000) + 1,
        .ended = on_ended,
        .arg = s,
    };
    int r = envp ? command_new(&spec, ret_command, err) : err_memory(err);
    arena_free(arena);
    return r;
}

static int check_env(const struct text_map *env, struct err *err)
{
    for (size_t i = 0; i < env->n; i++) {
        struct text name = env->items[i].name;
        if (name.n == 0 || memchr(name.p, '=', name.n))
            return err_field(err, "env", "field 'env': '%.40s' is not a variable's name", name.p);
    }
    return 0;
}

int bash_sessions_exec(struct bash_sessions *t, const struct bash_exec *exec,
                       struct bash_session **ret_session, struct command **ret_command,
                       struct err *err)
{
    struct bash_session *s;
    struct command *c;
    if (check_env(&exec->env, err) < 0 || bash_session_get(t, exec->session_id, &s, err) < 0 ||
        check_room(t, s, err) < 0 || bash_session_set_dir(s, exec->exec_dir, err) < 0 ||
        make_command(s, exec, &c, err) < 0)
        return -1;
    s->last_used_at = history_now();
    s->used_clock = loop_clock();
    s->command_count++;
    t->started++;
    remember(s);
    if (s->current) {
        c->started_at = s->last_used_at;
        *s->queue_end = c;
        s->queue_end = &c->next;
        s->queued++;
    } else {
        s->current = c;
        t->running++;
        if (command_start(c, err) < 0) {
            s->current = NULL;
            t->running--;
            command_free(c);
            return -1;
        }
    }
    record_begin(c, s);
    *ret_session = s;
    *ret_command = c;
    return 0;
}

struct command *bash_session_command(const struct bash_session *s, const char *id)
{
    struct command *newest = s->current;
    if (s->current && (!id || strcmp(s->current->id, id) == 0))
        return s->current;
    for (struct command *c = s->kept; c; c = c->next) {
        if (id && strcmp(c->id, id) == 0)
            return c;
        if (!id)
            newest = c;
    }
    for (struct command *c = s->queue; c && id; c = c->next)
        if (strcmp(c->id, id) == 0)
            return c;
    return id ? NULL : newest;
}

/* ---- ends ---- */

/* Each end comes back through on_ended(), which keeps the command until the session goes. */
static void kill_all(struct bash_session *s)
{
    s->closing = true;
    while (s->queue)
        command_end_now(s->queue);
    if (s->current)
        command_end_now(s->current);
}

void bash_session_end(struct bash_session *s, const char *reason)
{
    struct bash_sessions *t = s->table;
    kill_all(s);
    history_session_closed(t->store, KIND, s->id, reason);
    (void)map_remove(&t->map, s->id);
    session_free(s);
}

void bash_sessions_stop(struct bash_sessions *t)
{
    struct map_walk walk = {0};
    struct bash_session *s;
    t->stopping = true;
    while ((s = map_next(&t->map, &walk)))
        kill_all(s);
}

void bash_sessions_close(struct bash_sessions *t)
{
    if (!t)
        return;
    struct map_walk walk = {0};
    struct bash_session *s;
    while ((s = map_next(&t->map, &walk)))
        session_free(s);
    map_done(&t->map);
    free(t->output_dir);
    free(t);
}

static void restore(void *arg, const struct session_record *r)
{
    struct bash_sessions *t = arg;
    struct bash_session *s;
    struct err err;
    if (session_new(t, r->id, r->working_dir, &s, &err) < 0) {
        log_warn("bash session %s not restored: %s", r->id, err.text);
        return;
    }
    s->created_at = r->created_at;
    s->last_used_at = r->last_used_at;
    s->used_clock = loop_clock();
    s->disposable = true;
}

int bash_sessions_open(struct loop *loop, struct children *children, struct store *store,
                       const struct config *config, const struct environment *environment,
                       struct bash_sessions **ret_table, struct err *err)
{
    struct bash_sessions *t = calloc(1, sizeof *t);
    if (!t)
        return err_memory(err);
    *t = (struct bash_sessions){.loop = loop,
                                .children = children,
                                .store = store,
                                .config = config,
                                .environment = environment};
    if (asprintf(&t->output_dir, "%s/output", config->state) < 0)
        t->output_dir = NULL;
    if (!t->output_dir || (mkdir(t->output_dir, 0700) < 0 && errno != EEXIST)) {
        int why = errno;
        bash_sessions_close(t);
        return err_errno(err, why, "cannot make the output directory");
    }
    if (history_open_sessions(store, KIND, restore, t, err) < 0) {
        bash_sessions_close(t);
        return -1;
    }
    *ret_table = t;
    return 0;
}
