/* Which Node.js a request means. */
#include <stdlib.h>

#include "api/app.h"
#include "api/code.h"
#include "base/mem.h"
#include "core/node_runtime.h"
#include "http/envelope.h"

#define SEARCH_MS 60000

/* A version is asked for on a worker; the client may leave meanwhile. */
struct search {
    struct exchange *ex; /* NULL: left */
    int (*then)(struct exchange *ex, void *arg, const char *node, int major, struct err *err);
    void *arg;
    int major;
    struct toolbox *toolbox;
    struct arena *arena;
    const char *node; /* NULL: not found, `err` says why */
    struct err err;
};

static void search_work(void *arg)
{
    struct search *s = arg;
    if (node_find(s->toolbox, s->arena, s->major, &s->node, &s->err) < 0)
        s->node = NULL;
}

static void search_done(void *arg)
{
    struct search *s = arg;
    struct exchange *ex = s->ex;
    if (ex) {
        if (!s->node || s->then(ex, s->arg, s->node, s->major, &s->err) < 0)
            reply_error(ex, &s->err);
        if (exchange_replied(ex))
            exchange_wake(ex);
    }
    arena_free(s->arena);
    free(s);
}

static void search_left(void *arg, enum park_end why)
{
    struct search *s = arg;
    (void)why;
    s->ex = NULL;
}

static int search(struct exchange *ex, struct search what, struct err *err)
{
    struct search *s = malloc(sizeof *s);
    what.arena = arena_new();
    if (!s || !what.arena) {
        free(s);
        arena_free(what.arena);
        return err_memory(err);
    }
    *s = what;
    if (loop_offload(exchange_loop(ex), search_work, search_done, s, err) < 0) {
        arena_free(s->arena);
        free(s);
        return -1;
    }
    exchange_park(ex, SEARCH_MS, search_left, s);
    return 0;
}

int nodejs_choose(struct exchange *ex, struct text version,
                  int (*then)(struct exchange *ex, void *arg, const char *node, int major,
                              struct err *err),
                  void *arg, struct err *err)
{
    const char *node;
    int major;
    if (node_parse_version(version, &major, err) < 0)
        return -1;
    if (major)
        return search(
            ex,
            (struct search){
                .ex = ex, .then = then, .arg = arg, .major = major, .toolbox = app_of(ex)->toolbox},
            err);
    if (node_default(app_of(ex)->toolbox, exchange_arena(ex), &node, err) < 0)
        return -1;
    return then(ex, arg, node, 0, err);
}
