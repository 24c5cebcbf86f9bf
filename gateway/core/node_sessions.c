#include "core/node_sessions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "core/history.h"
#include "core/node_sessions_internal.h"

/* The sweep comes when something is due, but at least so often. */
#define SWEEP_MS 2000

const struct map *node_sessions_all(const struct node_sessions *t)
{
    return &t->map;
}

struct node_session *node_session_find(struct node_sessions *t, const char *id)
{
    return map_get(&t->map, id);
}

/* Only while there is something that may come to its end. */
static void keep_sweeping(struct node_sessions *t, uint64_t ms)
{
    if (t->sweeping || t->stopping || (!t->map.count && !t->spare))
        return;
    t->sweeping = true;
    timer_set(t->sweep, ms);
}

/* ---- processes ---- */

static int open_worker(struct node_sessions *t, const char *node,
                       const struct node_worker_hooks *hooks, struct node_worker **ret_worker,
                       struct err *err)
{
    struct arena *arena = arena_new();
    if (!arena)
        return err_memory(err);
    struct node_worker_spec spec = {
        .loop = t->loop,
        .children = t->children,
        .node = node,
        .script = t->script,
        .cwd = t->config->workspace,
        .envp = environment_with(t->environment, arena, NULL),
        .hooks = *hooks,
    };
    int r = spec.envp ? node_worker_open(&spec, ret_worker, err) : err_memory(err);
    arena_free(arena);
    return r;
}

static void drop_spare(struct node_sessions *t)
{
    node_worker_close(t->spare);
    free(t->spare_node);
    t->spare = NULL;
    t->spare_node = NULL;
    t->spare_major = 0;
}

static int on_spare_said(void *arg, const char *json, size_t n)
{
    struct node_sessions *t = arg;
    struct code_told told;
    struct err err;
    struct arena *arena = arena_new();
    if (arena && code_told_decode(arena, json, n, &told, &err) == 0 && told.version.p)
        t->spare_major = (int)strtol(told.version.p, NULL, 10);
    arena_free(arena);
    return 0;
}

static void on_spare_ended(void *arg, struct exit_status status)
{
    log_warn("node: the spare process ended (%d)", status.code);
    drop_spare(arg);
}

void node_keep_spare(struct node_sessions *t, const char *node)
{
    const struct node_worker_hooks hooks = {on_spare_said, on_spare_ended, t};
    struct err err;
    t->spare_until = loop_now(t->loop) + NODE_SPARE_SECONDS * UINT64_C(1000);
    if (t->spare || t->stopping || t->map.count >= NODE_MAX_SESSIONS)
        return;
    t->spare_node = strdup(node);
    if (!t->spare_node || open_worker(t, node, &hooks, &t->spare, &err) < 0)
        drop_spare(t);
    keep_sweeping(t, SWEEP_MS);
}

int node_take_worker(struct node_session *s, const struct node_worker_hooks *hooks, struct err *err)
{
    struct node_sessions *t = s->table;
    if (!t->spare || strcmp(t->spare_node, s->node) != 0)
        return open_worker(t, s->node, hooks, &s->worker, err);
    s->worker = t->spare;
    if (t->spare_major)
        s->major = t->spare_major;
    t->spare = NULL;
    node_worker_give(s->worker, hooks);
    drop_spare(t);
    return 0;
}

/* ---- making and ending ---- */

static void session_free(struct node_session *s)
{
    free(s->cwd);
    free(s->node);
    free(s);
}

void node_session_end(struct node_session *s, const char *reason)
{
    (void)map_remove(&s->table->map, s->id);
    node_calls_close(s, reason);
    session_free(s);
}

/* Make room by forgetting the session that was idle for longest. */
static bool evict_idle(struct node_sessions *t)
{
    struct map_walk walk = {0};
    struct node_session *s, *oldest = NULL;
    while ((s = map_next(&t->map, &walk)))
        if (s->disposable && !s->current && (!oldest || s->used_clock < oldest->used_clock))
            oldest = s;
    if (!oldest)
        return false;
    node_session_end(oldest, "the session made room for a newer one");
    return true;
}

static int64_t at_most(const struct node_sessions *t, int64_t seconds)
{
    int64_t most = t->config->nodejs_idle_seconds;
    return seconds < most ? seconds : most;
}

static int session_new(struct node_sessions *t, const char *id,
                       const struct node_session_spec *spec, struct node_session **ret_session,
                       struct err *err)
{
    if (t->map.count >= NODE_MAX_SESSIONS && !evict_idle(t))
        return err_set(err, ERR_LIMIT, "%zu Node.js sessions are in use, which is the limit",
                       t->map.count);
    struct node_session *s = calloc(1, sizeof *s);
    if (!s)
        return err_memory(err);
    s->table = t;
    s->major = spec->major;
    s->max_idle = at_most(t, spec->max_idle);
    s->created_at = s->last_used_at = history_now();
    s->used_clock = loop_clock();
    (void)snprintf(s->id, sizeof s->id, "%s", id);
    s->cwd = strdup(spec->cwd.p ? spec->cwd.p : t->config->workspace);
    s->node = strdup(spec->node);
    if (!s->cwd || !s->node || node_calls_open(s, err) < 0) {
        session_free(s);
        return err_memory(err);
    }
    if (map_put(&t->map, s->id, s) < 0) {
        node_calls_close(s, "");
        session_free(s);
        return err_memory(err);
    }
    keep_sweeping(t, SWEEP_MS);
    *ret_session = s;
    return 0;
}

static int check_version(const struct node_session *s, const struct node_session_spec *spec,
                         struct err *err)
{
    if (!spec->major || !s->major || spec->major == s->major)
        return 0;
    return err_field(err, "version", "field 'version': session '%s' runs Node.js %d", s->id,
                     s->major);
}

int node_session_get(struct node_sessions *t, const struct node_session_spec *spec,
                     struct node_session **ret_session, bool *ret_made, struct err *err)
{
    char name[IDENT_SIZE];
    *ret_made = false;
    if (t->stopping)
        return err_set(err, ERR_UNAVAILABLE, "the gateway is stopping");
    if (code_cwd_check(spec->cwd, err) < 0)
        return -1;
    if (spec->id.n == 0) {
        ident_random(name, NODE_SESSION_PREFIX);
    } else {
        if (!ident_valid(spec->id.p, spec->id.n))
            return err_field(err, "session_id",
                             "field 'session_id' must be 1 to %d printable bytes without slashes",
                             IDENT_MAX);
        *ret_session = node_session_find(t, spec->id.p);
        if (*ret_session)
            return check_version(*ret_session, spec, err);
        (void)snprintf(name, sizeof name, "%s", spec->id.p);
    }
    if (session_new(t, name, spec, ret_session, err) < 0)
        return -1;
    *ret_made = true;
    (*ret_session)->disposable = spec->id.n == 0;
    return 0;
}

int node_session_set_cwd(struct node_session *s, struct text cwd, struct err *err)
{
    if (code_cwd_check(cwd, err) < 0)
        return -1;
    char *path = strdup(cwd.p);
    if (!path)
        return err_memory(err);
    free(s->cwd);
    s->cwd = path;
    s->move = true;
    return 0;
}

/* ---- idle sessions ---- */

static uint64_t due_at(const struct node_session *s)
{
    return s->used_clock + (uint64_t)s->max_idle * 1000;
}

/* The next that is over; *ret_wait: ms until another may be. */
static struct node_session *find_expired(const struct node_sessions *t, uint64_t *ret_wait)
{
    struct map_walk walk = {0};
    struct node_session *s;
    uint64_t now = loop_clock();
    while ((s = map_next(&t->map, &walk))) {
        if (s->current)
            continue;
        if (due_at(s) <= now)
            return s;
        if (due_at(s) - now < *ret_wait)
            *ret_wait = due_at(s) - now;
    }
    return NULL;
}

static void on_sweep(void *arg)
{
    struct node_sessions *t = arg;
    struct node_session *s;
    uint64_t wait = SWEEP_MS;
    while ((s = find_expired(t, &wait)))
        node_session_end(s, "the session was idle for its maximum time");
    if (t->spare && loop_now(t->loop) >= t->spare_until)
        drop_spare(t);
    t->sweeping = false;
    keep_sweeping(t, wait);
}

void node_session_set_idle(struct node_session *s, int64_t seconds)
{
    s->max_idle = at_most(s->table, seconds);
    s->last_used_at = history_now();
    s->used_clock = loop_clock();
}

/* ---- the table ---- */

int node_sessions_open(struct loop *loop, struct children *children, const struct config *config,
                       const struct environment *environment, struct code_jobs *jobs,
                       struct node_sessions **ret_table, struct err *err)
{
    struct node_sessions *t = calloc(1, sizeof *t);
    if (!t)
        return err_memory(err);
    *t = (struct node_sessions){.loop = loop,
                                .children = children,
                                .config = config,
                                .environment = environment,
                                .jobs = jobs};
    if (asprintf(&t->script, "%s/" NODE_SCRIPT, config->services_dir) < 0)
        t->script = NULL;
    if (asprintf(&t->output_dir, "%s/code", config->state) < 0)
        t->output_dir = NULL;
    if (!t->script || !t->output_dir || timer_open(loop, on_sweep, t, &t->sweep, err) < 0) {
        node_sessions_close(t);
        return err_memory(err);
    }
    *ret_table = t;
    return 0;
}

void node_sessions_stop(struct node_sessions *t)
{
    struct map_walk walk;
    struct node_session *s;
    t->stopping = true;
    drop_spare(t);
    timer_close(t->sweep);
    t->sweep = NULL;
    for (walk = (struct map_walk){0}; (s = map_next(&t->map, &walk)); walk = (struct map_walk){0})
        node_session_end(s, "the gateway is stopping");
}

void node_sessions_close(struct node_sessions *t)
{
    if (!t)
        return;
    if (!t->stopping)
        node_sessions_stop(t);
    map_done(&t->map);
    free(t->script);
    free(t->output_dir);
    free(t);
}
