#include "http/public.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The first of a list as a chain of proxies writes it: what the client itself used. */
static struct text first_of(const char *list)
{
    list += strspn(list, " \t");
    size_t n = strcspn(list, ",");
    while (n && (list[n - 1] == ' ' || list[n - 1] == '\t'))
        n--;
    return (struct text){list, n};
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool valid_port(const char *p, size_t n)
{
    uint64_t port;
    return n <= 5 && parse_u64(p, n, &port) == 0 && port > 0 && port <= 65535;
}

/* Where the port begins (its colon), or `n`; -1 when the text is no host. */
static long host_end(struct text host)
{
    size_t end = 0;
    if (host.n && host.p[0] == '[') {
        while (++end < host.n && host.p[end] != ']')
            if (!is_alnum(host.p[end]) && host.p[end] != ':' && host.p[end] != '.')
                return -1;
        return end > 1 && end < host.n ? (long)end + 1 : -1;
    }
    while (end < host.n && (is_alnum(host.p[end]) || strchr("-._", host.p[end])))
        end++;
    return end > 0 ? (long)end : -1;
}

/* A name or address, with a port or without. */
static bool valid_host(struct text host, bool *ret_port)
{
    long end = host_end(host);
    if (end < 0 || host.n > 255)
        return false;
    size_t at = (size_t)end;
    *ret_port = at < host.n;
    return at == host.n || (host.p[at] == ':' && valid_port(host.p + at + 1, host.n - at - 1));
}

bool public_prefix_valid(const char *p, size_t n)
{
    if (n == 0 || n > 200 || p[0] != '/')
        return false;
    for (size_t i = 0; i < n; i++) {
        /* What ends a cookie's path is left out. */
        if (!is_alnum(p[i]) && !strchr("/-._~!$&'()*+=:@%", p[i]))
            return false;
        /* "//" would make the rest a host, ".." (for browsers also "%2e") would leave the prefix.
         */
        if (p[i] == '/' && i + 1 < n &&
            (p[i + 1] == '/' || p[i + 1] == '.' ||
             (n - i > 3 && strncasecmp(p + i + 1, "%2e", 3) == 0)))
            return false;
    }
    return true;
}

static void take_scheme(const struct public_hints *hints, struct public_address *a)
{
    if (!hints->forwarded_proto)
        return;
    struct text proto = first_of(hints->forwarded_proto);
    a->secure = (proto.n == 5 && strncasecmp(proto.p, "https", 5) == 0) ||
                (proto.n == 3 && strncasecmp(proto.p, "wss", 3) == 0);
}

static bool take_host(const char *given, struct text *ret_host, bool *ret_port)
{
    if (!given)
        return false;
    struct text host = first_of(given);
    if (!valid_host(host, ret_port))
        return false;
    *ret_host = host;
    return true;
}

static void take_authority(const struct public_hints *hints, const char *fallback,
                           struct public_address *a)
{
    struct text host = {fallback, strlen(fallback)}, port = {"", 0};
    bool has_port = true;
    if (!take_host(hints->forwarded_host, &host, &has_port))
        (void)take_host(hints->host, &host, &has_port);
    if (!has_port && hints->forwarded_port) {
        port = first_of(hints->forwarded_port);
        const char *own = a->secure ? "443" : "80";
        if (!valid_port(port.p, port.n) ||
            (port.n == strlen(own) && memcmp(port.p, own, port.n) == 0))
            port.n = 0;
    }
    /* At most 255, and a valid port. */
    memcpy(a->host, host.p, host.n);
    if (port.n) {
        a->host[host.n++] = ':';
        memcpy(a->host + host.n, port.p, port.n);
    }
    a->host[host.n + port.n] = '\0';
}

static void take_prefix(const struct public_hints *hints, struct public_address *a)
{
    if (!hints->forwarded_prefix)
        return;
    struct text prefix = first_of(hints->forwarded_prefix);
    while (prefix.n && prefix.p[prefix.n - 1] == '/')
        prefix.n--;
    if (public_prefix_valid(prefix.p, prefix.n))
        memcpy(a->prefix, prefix.p, prefix.n);
}

void public_address_decide(const struct public_hints *hints, const char *fallback,
                           struct public_address *ret_address)
{
    *ret_address = (struct public_address){0};
    take_scheme(hints, ret_address);
    take_authority(hints, fallback, ret_address);
    take_prefix(hints, ret_address);
}

void public_address_of(const struct exchange *ex, struct public_address *ret_address)
{
    struct public_hints hints = {
        .host = exchange_header(ex, "Host"),
        .forwarded_host = exchange_header(ex, "X-Forwarded-Host"),
        .forwarded_port = exchange_header(ex, "X-Forwarded-Port"),
        .forwarded_proto = exchange_header(ex, "X-Forwarded-Proto"),
        .forwarded_prefix = exchange_header(ex, "X-Forwarded-Prefix"),
    };
    public_address_decide(&hints, "localhost", ret_address);
}

void public_url(const struct exchange *ex, const char *scheme, const char *path, struct bytes *out)
{
    struct public_address a;
    public_address_of(ex, &a);
    (void)bytes_printf(out, "%s%s://%s%s%s", scheme, a.secure ? "s" : "", a.host, a.prefix, path);
}
