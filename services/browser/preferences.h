/* browser/preferences.h: a few settings inside the two JSON files in which Chromium keeps its own.
 * Everything else in them stays as it is. Pure; the only door to cJSON here. */
#ifndef SANDGATE_BROWSER_PREFERENCES_H
#define SANDGATE_BROWSER_PREFERENCES_H

#include <stddef.h>

#include "base/bytes.h"
#include "settings.h"

enum preferences_file {
    PREFERENCES_PROFILE, /* Default/Preferences */
    PREFERENCES_LOCAL_STATE,
};

/* 1: `text` is no JSON object and what is appended to `out` was begun anew. -1: memory is out. */
int preferences_edit(enum preferences_file file, const char *text, size_t n,
                     const struct settings *settings, const char *downloads, struct bytes *out);

#endif
