/* http/preview.h: which port of the sandbox a request names, beside the paths that do.
 *
 *   Host: 3000-anything.example.org   the first label begins with the port and a dash
 *   X-AIO-Proxy-Port: 3000            wins over Host; a value that is no number means nothing
 *
 * All but preview_named() is pure; any thread. */
#ifndef SANDGATE_HTTP_PREVIEW_H
#define SANDGATE_HTTP_PREVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/exchange.h"

#define PREVIEW_HEADER "X-AIO-Proxy-Port"

/* How long the digits and the dash are that a Host begins with; 0: it does not, or nothing follows.
 */
size_t preview_label(const char *host);
/* The port that digits stand for; 0: they are none, or no port (1–65535). */
uint16_t preview_port(const char *digits, size_t n);

/* What a request names, as it was written. */
struct preview_name {
    const char *digits;
    size_t n;
};
/* Either may be NULL. False: neither names a port. */
bool preview_name_of(const char *header, const char *host, struct preview_name *ret_name);
/* `ret_name` may be NULL. */
bool preview_named(const struct exchange *ex, struct preview_name *ret_name);

#endif
