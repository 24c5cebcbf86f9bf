/* core/environment.h: what children see: the gateway's own environment without its secrets, with
 * what a shell expects filled in. Built once; immutable; any thread. */
#ifndef SANDGATE_CORE_ENVIRONMENT_H
#define SANDGATE_CORE_ENVIRONMENT_H

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "core/config.h"

struct environment;

/* Set in every child, so that what a killed gateway left running can be found at the next start:
 * the value names the state directory. */
#define ENVIRONMENT_MARK "SANDGATE_INSTANCE"

int environment_open(const struct config *config, char **own, struct environment **ret_environment,
                     struct err *err) MUST_CHECK;
void environment_close(struct environment *environment);

/* NULL-terminated envp with `extra` laid over it (a NULL value removes), in `arena`. `extra` may be
 * NULL. NULL when memory is out. */
const char *const *environment_with(const struct environment *environment, struct arena *arena,
                                    const struct text_map *extra);

/* End every process that carries this instance's mark and is not a descendant of ours: what an
 * earlier gateway left behind when it was killed. Returns how many there were. */
size_t environment_end_leftovers(const struct environment *environment);

#endif
