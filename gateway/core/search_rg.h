/* core/search_rg.h: running ripgrep. Arguments are never seen by a shell, values are always joined
 * to their option (--glob=VALUE) so that none can become an option itself. Workers only. */
#ifndef SANDGATE_CORE_SEARCH_RG_H
#define SANDGATE_CORE_SEARCH_RG_H

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "io/spawn.h"

struct files;

#define RG_DEADLINE_MS 60000
#define RG_MAX_ARGS    280

/* A command line under construction; its text lives in `arena`. */
struct rg {
    struct arena *arena;
    const char *argv[RG_MAX_ARGS + 1];
    size_t n;
    bool failed; /* memory, or too many arguments */
    /* The request's fields that ripgrep's complaints are about. */
    const char *pattern_field, *glob_field;
};

void rg_init(struct rg *rg, struct files *files, struct arena *arena);
void rg_add(struct rg *rg, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* One --glob per item: `lead` is "" or "!". */
void rg_add_globs(struct rg *rg, const char *lead, const struct text_list *globs);

/* Run in `cwd` on `target`, handing the output to `taker`. ripgrep's complaints about what the
 * caller gave become ERR_INVALID naming the field. With --no-messages it says nothing of files it
 * could not search, and 1 is returned: the rest was. */
int rg_run(struct rg *rg, struct files *files, const char *cwd, const char *target,
           const struct spawn_taker *taker, struct err *err) MUST_CHECK;

#endif
