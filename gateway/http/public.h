/* http/public.h: the address by which the client reached us, to be told back to it.
 *
 * From Host, or what a proxy in front says it was: X-Forwarded-Host, X-Forwarded-Proto,
 * X-Forwarded-Prefix (a list's first element counts). What is not a sound host, scheme or path is
 * passed over, never reflected. */
#ifndef SANDGATE_HTTP_PUBLIC_H
#define SANDGATE_HTTP_PUBLIC_H

#include "http/exchange.h"

/* `scheme` is "http" or "ws" and becomes "https" or "wss" where the client used TLS; `path` begins
 * with '/'. In the exchange's arena; NULL when memory is out. */
const char *public_url(struct exchange *ex, const char *scheme, const char *path);

#endif
