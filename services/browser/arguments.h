/* browser/arguments.h: Chromium's command line, each switch with its reason. Pure. */
#ifndef SANDGATE_BROWSER_ARGUMENTS_H
#define SANDGATE_BROWSER_ARGUMENTS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "settings.h"

/* What the machine decides. */
struct surroundings {
    const char *program; /* argv[0] */
    const char *profile; /* --user-data-dir */
    bool sandboxed;      /* Chromium can put its processes into a sandbox */
    bool shm_is_small;   /* /dev/shm does not take what a page can ask for */
};

/* NULL-terminated and owned by `arena`; NULL when memory is out. */
const char **arguments_build(struct arena *arena, const struct settings *settings,
                             const struct surroundings *surroundings);

#endif
