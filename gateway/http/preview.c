#include "http/preview.h"

#include <string.h>

static size_t digits_of(const char *text)
{
    return strspn(text, "0123456789");
}

size_t preview_label(const char *host)
{
    size_t n = digits_of(host);
    bool more = n && host[n] == '-' && host[n + 1] && !strchr(".:", host[n + 1]);
    return more ? n + 1 : 0;
}

uint16_t preview_port(const char *digits, size_t n)
{
    uint64_t port;
    if (parse_u64(digits, n, &port) < 0 || port > UINT16_MAX)
        return 0;
    return (uint16_t)port;
}

bool preview_name_of(const char *header, const char *host, struct preview_name *ret_name)
{
    size_t n = header ? digits_of(header) : 0;
    if (n && !header[n]) {
        *ret_name = (struct preview_name){header, n};
        return true;
    }
    n = host ? preview_label(host) : 0;
    if (n)
        *ret_name = (struct preview_name){host, n - 1};
    return n > 0;
}

bool preview_named(const struct exchange *ex, struct preview_name *ret_name)
{
    struct preview_name name;
    bool named =
        preview_name_of(exchange_header(ex, PREVIEW_HEADER), exchange_header(ex, "Host"), &name);
    if (named && ret_name)
        *ret_name = name;
    return named;
}
