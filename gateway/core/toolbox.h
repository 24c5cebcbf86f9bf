/* core/toolbox.h: which programs a command would find on its PATH, and what versions they are.
 *
 * Looking is cheap and always done anew. A version costs a start of the program, so it is kept
 * until the file changes or a quarter of an hour has passed (a shim may stand for another version
 * by then). Any thread; a version being asked for makes others wait for that one answer. */
#ifndef SANDGATE_CORE_TOOLBOX_H
#define SANDGATE_CORE_TOOLBOX_H

#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"
#include "core/environment.h"

struct toolbox;

int toolbox_open(const struct environment *environment, struct toolbox **ret_toolbox,
                 struct err *err) MUST_CHECK;
void toolbox_close(struct toolbox *toolbox);

/* What children see; for starting what was found. */
const char *const *toolbox_environment(const struct toolbox *toolbox);

/* The first program of that name in the PATH's folders from number *at on, which becomes the number
 * of the folder after it: begin with 0, call again for more. A path in `arena`, or NULL. */
const char *toolbox_next(const struct toolbox *toolbox, struct arena *arena, const char *name,
                         size_t *at, struct stat *ret_st);
const char *toolbox_find(const struct toolbox *toolbox, struct arena *arena, const char *name);

/* What the program at `path` says it is when started with `flag`: the number only, in `arena`; ""
 * when it fails or does not say; NULL when there is no answer before `deadline` (loop_clock). */
const char *toolbox_version(struct toolbox *toolbox, struct arena *arena, const char *path,
                            const struct stat *st, const char *flag, uint64_t deadline);

/* The version number in what a program printed, copied to `to` ("" when there is none). Pure. */
void toolbox_pick_version(const char *text, char *to, size_t room);

#endif
