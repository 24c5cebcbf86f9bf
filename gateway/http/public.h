/* http/public.h: the address under which the client knows us, as its request and the proxies in
 * front tell it: Host, and X-Forwarded-Host, -Port, -Proto and -Prefix. Each is checked; one that
 * is not what it should be is taken as absent, so that nothing odd is ever reflected. */
#ifndef SANDGATE_HTTP_PUBLIC_H
#define SANDGATE_HTTP_PUBLIC_H

#include <stdbool.h>

#include "base/bytes.h"
#include "http/exchange.h"

struct public_address {
    bool secure;      /* https, wss */
    char host[272];   /* with the port, unless it is the scheme's own */
    char prefix[256]; /* "" or "/a/b", without a final slash */
};

/* What a request says; NULL where absent. */
struct public_hints {
    const char *host, *forwarded_host, *forwarded_port, *forwarded_proto, *forwarded_prefix;
};

/* Pure. `fallback` is the authority where there is no usable Host. */
void public_address_decide(const struct public_hints *hints, const char *fallback,
                           struct public_address *ret_address);
void public_address_of(const struct exchange *ex, struct public_address *ret_address);

/* Append SCHEME://HOST/PREFIX/path; `scheme` is "http" or "ws", made secure where the client's is;
 * `path` begins with a slash. */
void public_url(const struct exchange *ex, const char *scheme, const char *path, struct bytes *out);

/* The address as a proxy behind us is told it. */
bool public_prefix_valid(const char *prefix, size_t n);

#endif
