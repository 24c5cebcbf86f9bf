#include "core/jupyter_sessions.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/code_run.h"
#include "core/history.h"
#include "core/jupyter_sessions_internal.h"
#include "core/socket_dir.h"

/* The sweep comes when something is due, but at least so often. */
#define SWEEP_MS 2000
#define DIR_NAME "kernels"
/* "/k12345678.json" */
#define FILE_NAME_MAX 16

const struct map *jupyter_sessions_all(const struct jupyter_sessions *t)
{
    return &t->map;
}

struct jupyter_session *jupyter_session_find(struct jupyter_sessions *t, const char *id)
{
    return map_get(&t->map, id);
}

/* Only while there is something that may come to its end. */
static void keep_sweeping(struct jupyter_sessions *t, uint64_t ms)
{
    if (t->sweeping || t->stopping || (!t->map.count && !t->spare))
        return;
    t->sweeping = true;
    timer_set(t->sweep, ms);
}

static bool is_full(const struct jupyter_sessions *t)
{
    return t->map.count >= (size_t)t->config->max_jupyter_sessions;
}

/* ---- specs ---- */

static struct text copy_text(struct arena *arena, struct text text, bool *failed)
{
    if (!text.p)
        return text;
    text.p = arena_copy(arena, text.p, text.n);
    *failed |= !text.p;
    return text;
}

static const char *copy_word(struct arena *arena, const char *word, bool *failed)
{
    return word ? copy_text(arena, (struct text){word, strlen(word)}, failed).p : NULL;
}

int jupyter_copy_spec(struct arena *arena, const struct kernel_spec *spec,
                      struct kernel_spec *ret_copy)
{
    bool failed = false;
    struct kernel_spec s = *spec;
    struct text *argv = arena_alloc(arena, (s.argv.n + 1) * sizeof *argv);
    struct text_pair *env = arena_alloc(arena, (s.env.n + 1) * sizeof *env);
    if (!argv || !env)
        return -1;
    for (size_t i = 0; i < s.argv.n; i++)
        argv[i] = copy_text(arena, spec->argv.items[i], &failed);
    for (size_t i = 0; i < s.env.n; i++)
        env[i] = (struct text_pair){copy_text(arena, spec->env.items[i].name, &failed),
                                    copy_text(arena, spec->env.items[i].value, &failed)};
    s.argv.items = argv;
    s.env.items = env;
    s.name = copy_word(arena, s.name, &failed);
    s.alias = copy_word(arena, s.alias, &failed);
    s.bin = copy_word(arena, s.bin, &failed);
    s.display_name = copy_text(arena, s.display_name, &failed);
    s.language = copy_text(arena, s.language, &failed);
    s.interrupt = copy_text(arena, s.interrupt, &failed);
    *ret_copy = s;
    return failed ? -1 : 0;
}

/* ---- kernels ---- */

static int open_kernel(struct jupyter_sessions *t, const struct kernel_spec *spec, const char *cwd,
                       const struct kernel_hooks *hooks, struct kernel **ret_kernel,
                       struct err *err)
{
    if (!t->dir) {
        if (socket_dir_open(t->arena, t->config->state, DIR_NAME, FILE_NAME_MAX, &t->dir, err) < 0)
            return -1;
        socket_dir_empty(t->dir);
    }
    struct kernel_start start = {.loop = t->loop,
                                 .children = t->children,
                                 .environment = t->environment,
                                 .spec = spec,
                                 .dir = t->dir,
                                 .cwd = cwd,
                                 .hooks = *hooks};
    return kernel_open(&start, ret_kernel, err);
}

static void forget_spare(struct jupyter_sessions *t)
{
    arena_free(t->spare_arena);
    t->spare = NULL;
    t->spare_arena = NULL;
}

static void drop_spare(struct jupyter_sessions *t)
{
    kernel_close(t->spare, false);
    forget_spare(t);
}

static void on_spare_ready(void *arg)
{
    struct jupyter_sessions *t = arg;
    jupyter_warm_up(t->spare, &t->spare_spec);
}

static void on_spare_message(void *arg, enum kernel_channel channel,
                             const struct kernel_message *message)
{
    (void)arg;
    (void)channel;
    (void)message;
}

static void on_spare_ended(void *arg, const char *why)
{
    struct jupyter_sessions *t = arg;
    log_warn("jupyter: the spare kernel: %s", why);
    drop_spare(t);
}

void jupyter_keep_spare(struct jupyter_sessions *t, const struct kernel_spec *spec)
{
    const struct kernel_hooks hooks = {on_spare_ready, on_spare_message, on_spare_ended, t};
    struct err err;
    t->spare_until = loop_now(t->loop) + JUPYTER_SPARE_SECONDS * UINT64_C(1000);
    if (t->spare || t->stopping || !spec->python || is_full(t))
        return;
    t->spare_arena = arena_new();
    if (!t->spare_arena || jupyter_copy_spec(t->spare_arena, spec, &t->spare_spec) < 0 ||
        open_kernel(t, &t->spare_spec, t->config->workspace, &hooks, &t->spare, &err) < 0)
        forget_spare(t);
    keep_sweeping(t, SWEEP_MS);
}

int jupyter_take_kernel(struct jupyter_session *s, const struct kernel_hooks *hooks,
                        struct err *err)
{
    struct jupyter_sessions *t = s->table;
    if (!t->spare || strcmp(t->spare_spec.name, s->spec.name) != 0) {
        s->move = false;
        return open_kernel(t, &s->spec, s->cwd, hooks, &s->kernel, err);
    }
    s->kernel = t->spare;
    s->move = strcmp(s->cwd, t->config->workspace) != 0;
    kernel_give(s->kernel, hooks);
    forget_spare(t);
    return 0;
}

/* ---- making and ending ---- */

static void session_free(struct jupyter_session *s)
{
    free(s->cwd);
    arena_free(s->arena);
    free(s);
}

void jupyter_session_end(struct jupyter_session *s, const char *reason)
{
    (void)map_remove(&s->table->map, s->id);
    jupyter_calls_close(s, reason);
    session_free(s);
}

/* Make room by forgetting the session that was idle for longest. */
static bool evict_idle(struct jupyter_sessions *t)
{
    struct map_walk walk = {0};
    struct jupyter_session *s, *oldest = NULL;
    while ((s = map_next(&t->map, &walk)))
        if (s->disposable && !s->current && (!oldest || s->last_used_at < oldest->last_used_at))
            oldest = s;
    if (!oldest)
        return false;
    jupyter_session_end(oldest, "the session made room for a newer one");
    return true;
}

static struct jupyter_session *session_new(struct jupyter_sessions *t, const char *id,
                                           const struct jupyter_session_spec *spec)
{
    struct jupyter_session *s = calloc(1, sizeof *s);
    struct err err;
    if (!s)
        return NULL;
    s->table = t;
    s->disposable = spec->id.n == 0;
    s->once = spec->once;
    s->created_at = s->last_used_at = history_now();
    (void)snprintf(s->id, sizeof s->id, "%s", id);
    s->cwd = strdup(spec->cwd.p ? spec->cwd.p : t->config->workspace);
    s->arena = arena_new();
    if (!s->cwd || !s->arena || jupyter_copy_spec(s->arena, spec->spec, &s->spec) < 0 ||
        jupyter_calls_open(s, &err) < 0) {
        session_free(s);
        return NULL;
    }
    return s;
}

int jupyter_session_make(struct jupyter_sessions *t, const struct jupyter_session_spec *spec,
                         struct jupyter_session **ret_session, struct err *err)
{
    char name[IDENT_SIZE];
    if (t->stopping)
        return err_set(err, ERR_UNAVAILABLE, "the gateway is stopping");
    if (code_cwd_check(spec->cwd, err) < 0)
        return -1;
    ident_random(name, JUPYTER_SESSION_PREFIX);
    if (spec->id.n) {
        if (!ident_valid(spec->id.p, spec->id.n))
            return err_field(err, "session_id",
                             "field 'session_id' must be 1 to %d printable bytes without slashes",
                             IDENT_MAX);
        (void)snprintf(name, sizeof name, "%s", spec->id.p);
    }
    if (is_full(t) && !evict_idle(t))
        return err_set(err, ERR_LIMIT, "%zu Jupyter sessions are in use, which is the limit",
                       t->map.count);
    struct jupyter_session *s = session_new(t, name, spec);
    if (!s)
        return err_memory(err);
    if (map_put(&t->map, s->id, s) < 0) {
        jupyter_calls_close(s, "");
        session_free(s);
        return err_memory(err);
    }
    keep_sweeping(t, SWEEP_MS);
    *ret_session = s;
    return 0;
}

/* ---- idle sessions ---- */

/* The next that is over; *ret_wait: ms until another may be. */
static struct jupyter_session *find_expired(const struct jupyter_sessions *t, uint64_t *ret_wait)
{
    struct map_walk walk = {0};
    struct jupyter_session *s;
    int64_t now = history_now();
    while ((s = map_next(&t->map, &walk))) {
        int64_t due = s->last_used_at + t->config->jupyter_idle_seconds * 1000;
        if (s->current || s->queue)
            continue;
        if (due <= now)
            return s;
        if ((uint64_t)(due - now) < *ret_wait)
            *ret_wait = (uint64_t)(due - now);
    }
    return NULL;
}

static void on_sweep(void *arg)
{
    struct jupyter_sessions *t = arg;
    struct jupyter_session *s;
    uint64_t wait = SWEEP_MS;
    while ((s = find_expired(t, &wait)))
        jupyter_session_end(s, "the session was idle for its maximum time");
    if (t->spare && loop_now(t->loop) >= t->spare_until)
        drop_spare(t);
    t->sweeping = false;
    keep_sweeping(t, wait);
}

/* ---- the table ---- */

int jupyter_sessions_open(struct loop *loop, struct children *children, const struct config *config,
                          const struct environment *environment, struct code_jobs *jobs,
                          struct jupyter_sessions **ret_table, struct err *err)
{
    struct jupyter_sessions *t = calloc(1, sizeof *t);
    if (!t)
        return err_memory(err);
    *t = (struct jupyter_sessions){.loop = loop,
                                   .children = children,
                                   .config = config,
                                   .environment = environment,
                                   .jobs = jobs,
                                   .arena = arena_new()};
    if (!t->arena || timer_open(loop, on_sweep, t, &t->sweep, err) < 0) {
        jupyter_sessions_close(t);
        return err_memory(err);
    }
    *ret_table = t;
    return 0;
}

void jupyter_sessions_stop(struct jupyter_sessions *t)
{
    struct map_walk walk;
    struct jupyter_session *s;
    t->stopping = true;
    drop_spare(t);
    timer_close(t->sweep);
    t->sweep = NULL;
    for (walk = (struct map_walk){0}; (s = map_next(&t->map, &walk)); walk = (struct map_walk){0})
        jupyter_session_end(s, "the gateway is stopping");
}

void jupyter_sessions_close(struct jupyter_sessions *t)
{
    if (!t)
        return;
    if (!t->stopping)
        jupyter_sessions_stop(t);
    map_done(&t->map);
    socket_dir_close(t->dir, t->config->state, DIR_NAME);
    arena_free(t->arena);
    free(t);
}
