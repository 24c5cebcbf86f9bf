#include "core/shell_sessions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "core/history.h"

#define KIND     "shell"
#define SWEEP_MS 30000

struct shell_sessions {
    struct loop *loop;
    struct children *children;
    struct store *store;
    const struct config *config;
    struct arena *arena; /* of the environment */
    const char *const *envp;
    char *dir, *output_dir;
    struct map map;
    struct timer *sweep;
};

const struct map *shell_sessions_all(const struct shell_sessions *t)
{
    return &t->map;
}

size_t shell_sessions_busy(const struct shell_sessions *t)
{
    struct map_walk walk = {0};
    const struct shell_session *s;
    size_t n = 0;
    while ((s = map_next(&t->map, &walk)))
        n += shell_busy(s->shell);
    return n;
}

struct shell_session *shell_session_find(struct shell_sessions *t, const char *id)
{
    return map_get(&t->map, id);
}

/* ---- records ---- */

static void on_run_began(void *arg, const struct shell_run *run)
{
    const struct shell_session *s = arg;
    struct command_record r = {.kind = KIND,
                               .id = run->id,
                               .session_id = s->id,
                               .command = run->text,
                               .status = run_status_names[run->status],
                               .started_at = run->started_at};
    history_command(s->table->store, &r);
}

static void on_run_ended(void *arg, struct shell_run *run)
{
    struct shell_session *s = arg;
    struct bytes out = BYTES_INIT(HISTORY_OUTPUT);
    uint64_t next, skipped;
    uint64_t from = run->out.length > HISTORY_OUTPUT ? run->out.length - HISTORY_OUTPUT : 0;
    outlog_read(&run->out, from, HISTORY_OUTPUT, &out, &next, &skipped);
    struct command_record r = {.id = run->id,
                               .status = run_status_names[run->status],
                               .exit_code = run->has_code ? run->exit_code : INT_ABSENT,
                               .ended_at = run->ended_at,
                               .out = {out.data, out.len},
                               .out_bytes = (int64_t)run->out.length};
    history_command_ended(s->table->store, &r);
    bytes_done(&out);
    s->last_used_at = run->ended_at;
}

void shell_session_touch(struct shell_session *s)
{
    struct session_record r = {KIND, s->id, shell_working_dir(s->shell), s->created_at,
                               history_now()};
    s->last_used_at = r.last_used_at;
    history_session(s->table->store, &r);
}

/* ---- making and ending ---- */

void shell_session_end(struct shell_session *s, const char *reason)
{
    struct shell_sessions *t = s->table;
    (void)map_remove(&t->map, s->id);
    shell_free(s->shell, reason);
    history_session_closed(t->store, KIND, s->id, reason);
    free(s);
}

static bool idle(const struct shell_session *s)
{
    return !shell_busy(s->shell) && shell_viewer_count(s->shell) == 0;
}

/* Dead shells first, then the one idle for longest. */
static bool better_to_go(const struct shell_session *a, const struct shell_session *b)
{
    if (!b || shell_alive(a->shell) != shell_alive(b->shell))
        return !b || !shell_alive(a->shell);
    return a->last_used_at < b->last_used_at;
}

static bool evict_idle(struct shell_sessions *t)
{
    struct map_walk walk = {0};
    struct shell_session *s, *oldest = NULL;
    while ((s = map_next(&t->map, &walk)))
        if (s->disposable && idle(s) && better_to_go(s, oldest))
            oldest = s;
    if (!oldest)
        return false;
    shell_session_end(oldest, "made room for a newer session");
    return true;
}

static int make_shell(struct shell_session *s, const char *working_dir, struct pty_size size,
                      struct err *err)
{
    struct shell_sessions *t = s->table;
    char dir[512], name[IDENT_SIZE];
    ident_random(name, "");
    (void)snprintf(dir, sizeof dir, "%s/%s", t->dir, name);
    struct shell_spec spec = {
        .loop = t->loop,
        .children = t->children,
        .dir = dir,
        .output_dir = t->output_dir,
        .output_ceiling = (uint64_t)t->config->max_output_bytes,
        .envp = t->envp,
        .working_dir = working_dir,
        .size = size,
        .run_began = on_run_began,
        .run_ended = on_run_ended,
        .arg = s,
    };
    return shell_new(&spec, &s->shell, err);
}

static int session_new(struct shell_sessions *t, const char *id, const char *dir,
                       struct pty_size size, struct shell_session **ret_session, struct err *err)
{
    if (t->map.count >= (size_t)t->config->max_shell_sessions && !evict_idle(t))
        return err_set(err, ERR_LIMIT, "%zu shell sessions are in use, which is the limit",
                       t->map.count);
    struct shell_session *s = calloc(1, sizeof *s);
    if (!s)
        return err_memory(err);
    s->table = t;
    s->created_at = s->last_used_at = history_now();
    s->no_change_seconds = SHELL_NO_CHANGE_SECONDS;
    (void)snprintf(s->id, sizeof s->id, "%s", id);
    if (make_shell(s, dir, size, err) < 0) {
        free(s);
        return -1;
    }
    if (map_put(&t->map, s->id, s) < 0) {
        shell_free(s->shell, "it could not be kept");
        free(s);
        return err_memory(err);
    }
    *ret_session = s;
    return 0;
}

static int find_or_make(struct shell_sessions *t, struct text id, struct text dir,
                        struct pty_size size, struct shell_session **ret_session, bool *ret_made,
                        struct err *err)
{
    char name[IDENT_SIZE];
    *ret_made = false;
    if (id.n == 0) {
        ident_random(name, "");
    } else {
        if (!ident_valid(id.p, id.n))
            return err_field(
                err, "id", "field 'id' must be 1 to %d printable bytes without slashes", IDENT_MAX);
        *ret_session = shell_session_find(t, id.p);
        if (*ret_session)
            return 0;
        (void)snprintf(name, sizeof name, "%s", id.p);
    }
    if (session_new(t, name, dir.p ? dir.p : t->config->workspace, size, ret_session, err) < 0)
        return -1;
    *ret_made = true;
    (*ret_session)->disposable = id.n == 0;
    shell_session_touch(*ret_session);
    return 0;
}

int shell_session_get(struct shell_sessions *t, struct text id, struct text dir,
                      struct shell_session **ret_session, bool *ret_made, struct err *err)
{
    return find_or_make(t, id, dir, (struct pty_size){0}, ret_session, ret_made, err);
}

int shell_session_get_sized(struct shell_sessions *t, struct text id, struct pty_size size,
                            struct shell_session **ret_session, struct err *err)
{
    const struct text no_dir = {0};
    bool made;
    if (find_or_make(t, id, no_dir, size, ret_session, &made, err) < 0)
        return -1;
    if (!made && size.cols)
        shell_resize((*ret_session)->shell, size);
    return 0;
}

/* ---- the table ---- */

static struct shell_session *find_expired(struct shell_sessions *t)
{
    struct map_walk walk = {0};
    struct shell_session *s;
    int64_t limit = history_now() - t->config->session_idle_seconds * 1000;
    while ((s = map_next(&t->map, &walk)))
        if (idle(s) && s->last_used_at < limit)
            return s;
    return NULL;
}

static void on_sweep(void *arg)
{
    struct shell_sessions *t = arg;
    struct shell_session *s;
    while ((s = find_expired(t)))
        shell_session_end(s, "idle for too long");
    timer_set(t->sweep, SWEEP_MS);
}

static int make_dir(char *path)
{
    return path && (mkdir(path, 0700) == 0 || errno == EEXIST) ? 0 : -1;
}

static int fill(struct shell_sessions *t, const struct environment *environment, struct err *err)
{
    struct text_pair pairs[] = {
        {{"TERM", 4}, {"xterm-256color", 14}},
        {{"COLORTERM", 9}, {"truecolor", 9}},
    };
    struct text_map extra = {pairs, COUNT_OF(pairs)};
    t->arena = arena_new();
    t->envp = t->arena ? environment_with(environment, t->arena, &extra) : NULL;
    if (!t->envp)
        return err_memory(err);
    if (asprintf(&t->dir, "%s/shell", t->config->state) < 0)
        t->dir = NULL;
    if (asprintf(&t->output_dir, "%s/output", t->config->state) < 0)
        t->output_dir = NULL;
    if (make_dir(t->dir) < 0 || make_dir(t->output_dir) < 0)
        return err_errno(err, errno, "cannot make the shells' directory");
    if (timer_open(t->loop, on_sweep, t, &t->sweep, err) < 0)
        return -1;
    timer_set(t->sweep, SWEEP_MS);
    return 0;
}

int shell_sessions_open(struct loop *loop, struct children *children, struct store *store,
                        const struct config *config, const struct environment *environment,
                        struct shell_sessions **ret_table, struct err *err)
{
    struct shell_sessions *t = calloc(1, sizeof *t);
    if (!t)
        return err_memory(err);
    *t = (struct shell_sessions){
        .loop = loop, .children = children, .store = store, .config = config};
    if (fill(t, environment, err) < 0) {
        shell_sessions_close(t);
        return -1;
    }
    *ret_table = t;
    return 0;
}

void shell_sessions_stop(struct shell_sessions *t, const char *reason)
{
    for (;;) {
        struct map_walk walk = {0};
        struct shell_session *s = map_next(&t->map, &walk);
        if (!s)
            return;
        shell_session_end(s, reason);
    }
}

void shell_sessions_close(struct shell_sessions *t)
{
    if (!t)
        return;
    shell_sessions_stop(t, "the gateway stopped");
    timer_close(t->sweep);
    map_done(&t->map);
    arena_free(t->arena);
    free(t->dir);
    free(t->output_dir);
    free(t);
}
