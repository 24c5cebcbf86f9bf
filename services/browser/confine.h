/* browser/confine.h: can Chromium have its own sandbox here, and as whom does it run?
 *
 * Its sandbox is made of user namespaces and needs a user who is not root. Whether the kernel,
 * seccomp and the like let us is not guessed from settings: a child takes all of Chromium's steps
 * and tells. */
#ifndef SANDGATE_BROWSER_CONFINE_H
#define SANDGATE_BROWSER_CONFINE_H

#include <stdbool.h>

#include "base/err.h"

/* For one who is root: also puts this process into a user namespace in which it is an ordinary
 * user, who outside is still root and so owns the files under the home. Not to be called when there
 * are threads. *ret_sandboxed is false where Chromium must go without; the log says why. On failure
 * the process is neither here nor there and must end. */
int confine(bool *ret_sandboxed, struct err *err) MUST_CHECK;

#endif
