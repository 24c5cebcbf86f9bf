/* What a service says about itself. Input: the environment, a variable a line up to an empty one,
 * then the manifest. */
#include "fuzz.h"

#include "base/utf8.h"
#include "core/manifest.h"
#include "core/probe.h"

#define VARIABLES 8

static void check_texts(const struct text_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        HOLDS(strlen(list->items[i].p) == list->items[i].n &&
              utf8_valid(list->items[i].p, list->items[i].n));
}

static void check(struct manifest *m, struct arena *arena, const char *const *envp)
{
    struct err err = ERR_INIT;
    bool disabled;
    HOLDS(m->command.n > 0 && m->command.items[0].n > 0);
    HOLDS(m->port == INT_ABSENT || (m->port > 0 && m->port <= 65535));
    HOLDS(m->ready_seconds > 0 && m->stop_seconds >= 0 && m->idle_stop_seconds >= 0);
    HOLDS(manifest_signal(m) > 0);
    check_texts(&m->command);
    check_texts(&m->needs);
    check_texts(&m->wants);
    if (manifest_apply(m, envp, &disabled, &err) == 0)
        HOLDS(m->port == INT_ABSENT || (m->port > 0 && m->port <= 65535));
    else
        HOLDS(err.text[0]);
    for (size_t i = 0; i < m->command.n; i++)
        HOLDS(manifest_expand(arena, m->command.items[i].p, envp) != NULL);
    if (manifest_check_order(m, 1, &err) < 0)
        HOLDS(err.text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *envp[VARIABLES + 1] = {NULL};
    struct arena *arena = arena_new();
    struct manifest m;
    struct err err = ERR_INIT;
    size_t n = 0;
    if (!arena)
        abort();
    for (;;) {
        struct text line = take_until(arena, &data, &size, '\n');
        if (line.n == 0)
            break;
        if (n < VARIABLES && strchr(line.p, '='))
            envp[n++] = line.p;
    }
    if (manifest_parse(arena, "/services/web", "web", (const char *)data, size, &m, &err) == 0)
        check(&m, arena, envp);
    else
        HOLDS(err.text[0]);
    arena_free(arena);
    return 0;
}
