/* browser/profile.h: the folder Chromium keeps its profile in, made ready for a start.
 *
 * It is HOME/.config/sandgate-browser: kept with the home, and not Chromium's own default, for
 * which it refuses the DevTools protocol and which a Chromium started by hand would use. */
#ifndef SANDGATE_BROWSER_PROFILE_H
#define SANDGATE_BROWSER_PROFILE_H

#include "base/err.h"
#include "base/mem.h"
#include "settings.h"

/* Makes the folders, takes the profile for this process and whatever it becomes, clears away what
 * a killed Chromium left and writes the settings. *ret_path belongs to `arena`. */
int profile_prepare(struct arena *arena, const struct settings *settings, const char **ret_path,
                    struct err *err) MUST_CHECK;

#endif
