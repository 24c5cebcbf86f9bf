/* http/mount.h: an app that is shown below a prefix it does not know: addresses in its answers are
 * moved there. Pure; any thread. */
#ifndef SANDGATE_HTTP_MOUNT_H
#define SANDGATE_HTTP_MOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct mount {
    const char *outer;  /* what proxies in front take off the path, "" or "/box/1" */
    const char *prefix; /* what we take off, "/proxy/3000" */
    const char *host;   /* Host as the app was told it; may be NULL */
    const char *public; /* as the client knows it */
    uint16_t port;      /* of the app: also known as localhost:3000 and the like */
};

/* A Location that leads to the app itself, by a path or by its own host, becomes a path below the
 * mount. False: it leads elsewhere, or is there already; nothing is written then. */
bool mount_location(const struct mount *mount, const char *location, struct bytes *out);
/* A Set-Cookie whose Path is the app's is bound to the same path below the mount. False: as it is.
 */
bool mount_cookie(const struct mount *mount, const char *cookie, struct bytes *out);

#endif
