/* core/proxy_pac.h: which hosts the browser asks through an upstream proxy.
 *
 * PROXY_SERVER, PROXY_INCLUDE and PROXY_EXCLUDE are checked here once and written as a proxy
 * auto-configuration script or as Chromium's bypass list. Host lists are separated by commas,
 * semicolons or blanks; an entry is
 *
 *   example.org       that host
 *   .example.org      that host and every one below it
 *   *.example.org     a pattern: * is any text, ? one character
 *   10.0.0.0/8        addresses of a network, also of IPv6
 *   ::1, [::1]        one address
 *   <local>           hosts without a dot
 *
 * Only characters of host names get through, so that no entry can become part of the script.
 * Pure; any thread. */
#ifndef SANDGATE_CORE_PROXY_PAC_H
#define SANDGATE_CORE_PROXY_PAC_H

#include "base/bytes.h"
#include "base/err.h"

#define PROXY_LIST_MAX 512 /* entries of one list */

/* NULL and "" mean: not given. */
struct proxy_settings {
    const char *server;  /* [http|https|socks4|socks5://]HOST[:PORT] */
    const char *include; /* when given, only these use the proxy */
    const char *exclude; /* these never do */
};

/* Each appends to `out`. On failure err->field is the name of the setting at fault. */

/* A script with FindProxyForURL; without a server it sends everybody directly. Loopback is never
 * asked through the proxy. */
int proxy_pac_write(const struct proxy_settings *settings, struct bytes *out,
                    struct err *err) MUST_CHECK;
/* SCHEME://HOST:PORT, as Chromium's --proxy-server takes it. */
int proxy_server_write(const char *server, struct bytes *out, struct err *err) MUST_CHECK;
/* As Chromium's --proxy-bypass-list takes it. */
int proxy_bypass_write(const char *exclude, struct bytes *out, struct err *err) MUST_CHECK;

#endif
