#include "http/guard.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/field_text.h"
#include "http/preview.h"

static bool is_digits(struct text text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
    return text.n > 0 && text.n <= 18;
}

static const struct header *find(const struct guard_request *rq, const char *name,
                                 size_t *ret_count)
{
    const struct header *first = NULL;
    size_t n = strlen(name);
    *ret_count = 0;
    for (size_t i = 0; i < rq->header_count; i++) {
        const struct header *h = &rq->headers[i];
        if (h->name.n != n || strncasecmp(h->name.p, name, n) != 0)
            continue;
        if (!first)
            first = &rq->headers[i];
        (*ret_count)++;
    }
    return first;
}

static int malformed(struct err *err, const char *what)
{
    return err_set(err, ERR_SYNTAX, "malformed request: %s", what);
}

static int check_lengths(const struct guard_request *rq, struct err *err)
{
    size_t lengths, codings;
    const struct header *length = find(rq, "Content-Length", &lengths);
    const struct header *coding = find(rq, "Transfer-Encoding", &codings);
    if (lengths > 1)
        return malformed(err, "more than one Content-Length");
    if (codings > 1)
        return malformed(err, "more than one Transfer-Encoding");
    if (length && coding)
        return malformed(err, "both Content-Length and Transfer-Encoding");
    if (length && !is_digits(length->value))
        return malformed(err, "Content-Length is not a number");
    if (coding && (coding->value.n != 7 || strncasecmp(coding->value.p, "chunked", 7) != 0))
        return malformed(err, "Transfer-Encoding is not 'chunked'");
    if (coding && rq->http10)
        return malformed(err, "Transfer-Encoding in HTTP/1.0");
    return 0;
}

static bool host_characters(struct text host)
{
    for (size_t i = 0; i < host.n; i++) {
        unsigned char c = (unsigned char)host.p[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && !(c && strchr(".-_:[]", c)))
            return false;
    }
    return true;
}

int guard_framing(const struct guard_request *rq, struct err *err)
{
    size_t hosts, ports;
    if (rq->too_many_headers)
        return malformed(err, "too many headers");
    if (rq->misread)
        return malformed(err, "bare line ends, folded lines or NULs in the head");
    if (!is_token(rq->method, strlen(rq->method)))
        return malformed(err, "the method is not a token");
    /* RFC 9112 section 3.2.3: its target is an authority, which is never ours; and its answer would
     * have no framing (RFC 9110 section 9.3.6), whatever an app behind us says. */
    if (strcmp(rq->method, "CONNECT") == 0)
        return malformed(err, "CONNECT is a proxy's to answer");
    for (size_t i = 0; i < rq->header_count; i++) {
        if (!is_token(rq->headers[i].name.p, rq->headers[i].name.n))
            return malformed(err, "a header name is not a token");
        if (!is_field_value(rq->headers[i].value.p, rq->headers[i].value.n))
            return malformed(err, "a header value has control characters");
    }
    const struct header *host = find(rq, "Host", &hosts);
    if (hosts > 1)
        return malformed(err, "more than one Host");
    if (!host && !rq->http10)
        return malformed(err, "no Host");
    if (host && !host_characters(host->value))
        return malformed(err, "Host is not a host name");
    if (!rq->target_ok)
        return malformed(err, "the target is not an absolute path");
    (void)find(rq, PREVIEW_HEADER, &ports);
    if (ports > 1)
        return malformed(err, "more than one " PREVIEW_HEADER);
    return check_lengths(rq, err);
}

/* Nothing, or ":" and digits (RFC 3986 section 3.2.3: they may be none). */
static bool is_port(struct text text)
{
    for (size_t i = 1; i < text.n; i++)
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
    return text.n == 0 || text.p[0] == ':';
}

static bool is_ipv6(const char *host)
{
    unsigned char address[16];
    return inet_pton(AF_INET6, host, address) == 1;
}

/* "name:port" without the port, and without the brackets, which only an IPv6 literal has. */
static bool split_host(struct text host, char *out, size_t room)
{
    const char *p = host.p, *all_end = host.p + host.n;
    size_t n = host.n;
    bool brackets = n && p[0] == '[';
    if (brackets) {
        const char *end = memchr(p, ']', n);
        if (!end || !is_port((struct text){end + 1, (size_t)(all_end - end) - 1}))
            return false;
        n = (size_t)(end - p) - 1;
        p++;
    } else {
        const char *colon = memchr(p, ':', n);
        if (colon)
            n = (size_t)(colon - p);
        if (!is_port((struct text){p + n, host.n - n}))
            return false;
    }
    if (n == 0 || n >= room)
        return false;
    memcpy(out, p, n);
    out[n] = '\0';
    return !brackets || is_ipv6(out);
}

static bool is_ip(const char *host)
{
    unsigned char address[4];
    return inet_pton(AF_INET, host, address) == 1 || is_ipv6(host);
}

static bool is_localhost(const char *host)
{
    /* RFC 6761 section 6.3: names below localhost are loopback too; a final dot changes nothing. */
    size_t n = strlen(host);
    if (n && host[n - 1] == '.')
        n--;
    return n >= 9 && strncasecmp(host + n - 9, "localhost", 9) == 0 &&
           (n == 9 || host[n - 10] == '.');
}

static bool listed(const char *host, const char *list)
{
    size_t n = strlen(host);
    while (list && *list) {
        list += strspn(list, ", ");
        size_t want = strcspn(list, ", ");
        if (want == 1 && *list == '*')
            return true;
        if (want && *list == '.' && n > want && strncasecmp(host + n - want, list, want) == 0)
            return true;
        if (want && want == n && strncasecmp(host, list, n) == 0)
            return true;
        list += want;
    }
    return false;
}

static bool is_known(const char *host, const struct guard_policy *policy)
{
    return is_localhost(host) || is_ip(host) || listed(host, policy->allowed_hosts);
}

/* "3000-NAME" counts as NAME, but where that makes a sibling of a name directly below a top-level
 * domain: whoever likes may register 3000-example.org, and have it lead here. */
static bool is_preview_of_known(const char *host, const struct guard_policy *policy)
{
    const char *name = host + preview_label(host), *dot = strchr(name, '.');
    if (name == host || strchr(name, ':') || !is_known(name, policy))
        return false;
    return is_ip(name) || is_localhost(name) || !dot || strchr(dot + 1, '.');
}

static int check_host(const struct guard_request *rq, const struct guard_policy *policy,
                      struct err *err)
{
    char host[256];
    size_t count;
    const struct header *given = find(rq, "Host", &count);
    if (!given || policy->any_host)
        return 0;
    if (!split_host(given->value, host, sizeof host))
        return err_set(err, ERR_FORBIDDEN, "this Host is not served here");
    if (is_known(host, policy) || is_preview_of_known(host, policy))
        return 0;
    return err_set(err, ERR_FORBIDDEN, "Host '%.80s' is not in the allowed hosts (--allowed-hosts)",
                   host);
}

/* "host:port" with the scheme's default port left out, so that both sides compare. */
static struct text without_default_port(struct text authority)
{
    static const char *const ports[] = {":80", ":443"};
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(ports[i]);
        if (authority.n > n && strncmp(authority.p + authority.n - n, ports[i], n) == 0)
            return (struct text){authority.p, authority.n - n};
    }
    return authority;
}

static bool same_authority(struct text a, struct text b)
{
    a = without_default_port(a);
    b = without_default_port(b);
    return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

/* A page of another site can set neither Host nor (without a preflight, which is refused)
 * X-Forwarded-Host, so either may vouch for its own origin. */
static bool own_origin(const struct guard_request *rq, struct text origin)
{
    size_t count;
    const char *slashes = strstr(origin.p, "://");
    if (!slashes)
        return false;
    struct text authority = {slashes + 3, origin.n - (size_t)(slashes + 3 - origin.p)};
    const struct header *host = find(rq, "Host", &count);
    const struct header *forwarded = find(rq, "X-Forwarded-Host", &count);
    return (host && same_authority(authority, host->value)) ||
           (forwarded && same_authority(authority, forwarded->value));
}

static bool equals(const struct header *h, const char *value)
{
    return h && h->value.n == strlen(value) && strncasecmp(h->value.p, value, h->value.n) == 0;
}

static bool is_navigation(const struct guard_request *rq)
{
    size_t count;
    return (strcmp(rq->method, "GET") == 0 || strcmp(rq->method, "HEAD") == 0) &&
           equals(find(rq, "Sec-Fetch-Mode", &count), "navigate") &&
           equals(find(rq, "Sec-Fetch-Dest", &count), "document");
}

int guard_origin(const struct guard_request *rq, const struct guard_policy *policy,
                 bool *ret_navigation, struct err *err)
{
    size_t count;
    *ret_navigation = false;
    if (check_host(rq, policy, err) < 0)
        return -1;
    const struct header *origin = find(rq, "Origin", &count);
    if (origin && (count > 1 || !own_origin(rq, origin->value)))
        return err_set(err, ERR_FORBIDDEN, "requests from other sites' pages are refused");
    const struct header *site = find(rq, "Sec-Fetch-Site", &count);
    if (!site || equals(site, "same-origin") || equals(site, "none"))
        return 0;
    if (!is_navigation(rq))
        return err_set(err, ERR_FORBIDDEN, "requests from other sites' pages are refused");
    *ret_navigation = true;
    return 0;
}
