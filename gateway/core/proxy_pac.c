#include "core/proxy_pac.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/jsonw.h"
#include "base/mem.h"

#define HOST_MAX 253 /* RFC 1035 section 3.1, as text */

enum rule_kind { RULE_HOST, RULE_BELOW, RULE_PATTERN, RULE_NET4, RULE_NET6, RULE_PLAIN };

static const char *const rule_names[] = {"host", "below", "pattern", "net4", "net6", "plain"};

struct rule {
    enum rule_kind kind;
    bool literal6;           /* a RULE_HOST that is an IPv6 address */
    char text[HOST_MAX + 1]; /* name, pattern or address, in lower case */
    unsigned prefix;         /* RULE_NET4, RULE_NET6: bits */
};

struct server {
    const char *scheme, *directive; /* as Chromium and as a script write it */
    char host[HOST_MAX + 1];
    bool literal6;
    uint64_t port;
};

/* What follows the rules: nothing in it depends on a setting. */
static const char matcher[] =
    "function matches(host, rule) {\n"
    "  var kind = rule[0], text = rule[1];\n"
    "  if (kind === 'host') return host === text;\n"
    "  if (kind === 'below')\n"
    "    return host === text || host.slice(-text.length - 1) === '.' + text;\n"
    "  if (kind === 'pattern') return shExpMatch(host, text);\n"
    "  if (kind === 'plain') return !/[.:]/.test(host);\n"
    "  if (kind === 'net4') return /^\\d+\\.\\d+\\.\\d+\\.\\d+$/.test(host) &&\n"
    "    isInNet(host, text, rule[2]);\n"
    "  return host.indexOf(':') >= 0 && typeof isInNetEx === 'function' && isInNetEx(host, text);\n"
    "}\n"
    "function any(host, rules) {\n"
    "  for (var i = 0; i < rules.length; i++)\n"
    "    if (matches(host, rules[i])) return true;\n"
    "  return false;\n"
    "}\n"
    "function FindProxyForURL(url, host) {\n"
    "  host = host.toLowerCase().replace(/^\\[|\\]$/g, '').replace(/\\.$/, '');\n"
    "  if (!PROXY || any(host, LOOPBACK) || any(host, EXCLUDE)) return 'DIRECT';\n"
    "  return !INCLUDE || any(host, INCLUDE) ? PROXY : 'DIRECT';\n"
    "}\n";

static const char loopback[] =
    "var LOOPBACK = [['below', 'localhost'], ['net4', '127.0.0.0', '255.0.0.0'], "
    "['host', '::1']];\n";

static int refuse(struct err *err, const char *field, size_t number, const char *why)
{
    return err_field(err, field, "%s: entry %zu %s", field, number, why);
}

static bool is_given(const char *text)
{
    return text && text[strspn(text, " \t\r\n,;")];
}

static bool name_character(char c, bool pattern)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || (pattern && (c == '*' || c == '?'));
}

static bool copy_name(char out[HOST_MAX + 1], const char *text, size_t n, bool pattern)
{
    if (!n || n > HOST_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!name_character(text[i], pattern))
            return false;
        out[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
    }
    out[n] = '\0';
    return true;
}

/* An IPv6 address in its one canonical spelling, which is also how browsers tell it to a script. */
static bool copy_address6(char out[HOST_MAX + 1], const char *text, size_t n)
{
    char plain[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    if (!n || n >= sizeof plain)
        return false;
    memcpy(plain, text, n);
    plain[n] = '\0';
    return inet_pton(AF_INET6, plain, &address) == 1 &&
           inet_ntop(AF_INET6, &address, out, HOST_MAX) != NULL;
}

static bool parse_network(struct rule *rule, const char *text, size_t n, const char *slash)
{
    uint64_t bits;
    struct in_addr address;
    size_t address_n = (size_t)(slash - text);
    if (parse_u64(slash + 1, n - address_n - 1, &bits) < 0)
        return false;
    rule->prefix = (unsigned)bits;
    rule->kind = RULE_NET6;
    if (copy_address6(rule->text, text, address_n))
        return bits <= 128;
    rule->kind = RULE_NET4;
    return copy_name(rule->text, text, address_n, false) && bits <= 32 &&
           inet_pton(AF_INET, rule->text, &address) == 1;
}

static bool parse_rule(struct rule *rule, const char *text, size_t n)
{
    static const char local[] = "<local>";
    const char *slash = memchr(text, '/', n);
    *rule = (struct rule){.kind = RULE_HOST};
    if (n == sizeof local - 1 && strncasecmp(text, local, n) == 0) {
        rule->kind = RULE_PLAIN;
        return true;
    }
    if (slash)
        return parse_network(rule, text, n, slash);
    if (copy_address6(rule->text, text, n)) {
        rule->literal6 = true;
        return true;
    }
    if (text[0] == '.') {
        rule->kind = RULE_BELOW;
        return copy_name(rule->text, text + 1, n - 1, false);
    }
    if (memchr(text, '*', n) || memchr(text, '?', n))
        rule->kind = RULE_PATTERN;
    return copy_name(rule->text, text, n, rule->kind == RULE_PATTERN);
}

/* Calls `write` for each entry. */
static int each_rule(const char *list, const char *field, struct bytes *out,
                     void (*write)(struct bytes *out, const struct rule *rule, bool first),
                     struct err *err)
{
    static const char separators[] = " \t\r\n,;";
    size_t number = 0;
    for (const char *at = list + strspn(list, separators); *at; at += strspn(at, separators)) {
        size_t n = strcspn(at, separators);
        struct rule rule;
        if (++number > PROXY_LIST_MAX)
            return refuse(err, field, number, "is one too many");
        if (!parse_rule(&rule, at, n))
            return refuse(err, field, number,
                          "is no host name, .domain, *pattern*, address or network/bits");
        write(out, &rule, number == 1);
        at += n;
    }
    return 0;
}

static void mask_of(char out[INET_ADDRSTRLEN], unsigned prefix)
{
    struct in_addr mask = {.s_addr = htonl(prefix ? UINT32_MAX << (32 - prefix) : 0)};
    (void)inet_ntop(AF_INET, &mask, out, INET_ADDRSTRLEN);
}

static void write_script_rule(struct bytes *out, const struct rule *rule, bool first)
{
    struct jsonw w = jsonw_on(out);
    char mask[INET_ADDRSTRLEN], network[HOST_MAX + 8];
    if (!first)
        (void)bytes_adds(out, ", ");
    jsonw_array(&w);
    jsonw_str(&w, rule_names[rule->kind]);
    switch (rule->kind) {
    case RULE_NET4:
        mask_of(mask, rule->prefix);
        jsonw_str(&w, rule->text);
        jsonw_str(&w, mask);
        break;
    case RULE_NET6:
        (void)snprintf(network, sizeof network, "%s/%u", rule->text, rule->prefix);
        jsonw_str(&w, network);
        break;
    case RULE_PLAIN:
        break;
    default:
        jsonw_str(&w, rule->text);
    }
    jsonw_array_end(&w);
}

static void write_bypass_rule(struct bytes *out, const struct rule *rule, bool first)
{
    if (!first)
        (void)bytes_addc(out, ';');
    switch (rule->kind) {
    case RULE_HOST:
    case RULE_PATTERN:
        (void)bytes_printf(out, rule->literal6 ? "[%s]" : "%s", rule->text);
        break;
    case RULE_BELOW: /* Chromium's .domain leaves the domain itself out */
        (void)bytes_printf(out, "%s;.%s", rule->text, rule->text);
        break;
    case RULE_NET4:
    case RULE_NET6:
        (void)bytes_printf(out, "%s/%u", rule->text, rule->prefix);
        break;
    case RULE_PLAIN:
        (void)bytes_adds(out, "<local>");
        break;
    }
}

static int parse_port(struct server *server, const char *text, struct err *err)
{
    if (!text[0])
        return 0;
    if (text[0] != ':' || parse_u64(text + 1, strlen(text + 1), &server->port) < 0 ||
        server->port == 0 || server->port > UINT16_MAX)
        return err_field(err, "PROXY_SERVER",
                         "PROXY_SERVER: behind the host there may only be a "
                         "colon and a port from 1 to 65535");
    return 0;
}

static int parse_host(struct server *server, const char *text, size_t n, struct err *err)
{
    /* What is refused is not repeated: it may hold a password. */
    if (memchr(text, '@', n))
        return err_field(err, "PROXY_SERVER",
                         "PROXY_SERVER: browsers take no user name and password in it");
    const char *end = text[0] == '[' ? memchr(text, ']', n) : memchr(text, ':', n);
    size_t host_n = !end ? n : (size_t)(end - text) + (text[0] == '[' ? 1 : 0);
    server->literal6 = text[0] == '[' && copy_address6(server->host, text, host_n);
    if (!server->literal6 && !copy_name(server->host, text, host_n, false))
        return err_field(err, "PROXY_SERVER", "PROXY_SERVER: must be [SCHEME://]HOST[:PORT]");
    char port[8] = "";
    if (n - host_n >= sizeof port)
        return err_field(err, "PROXY_SERVER", "PROXY_SERVER: the port is too long");
    memcpy(port, text + host_n, n - host_n);
    port[n - host_n] = '\0';
    return parse_port(server, port, err);
}

static int parse_server(struct server *server, const char *text, struct err *err)
{
    static const struct {
        const char *name, *scheme, *directive;
        uint64_t port;
    } schemes[] = {{"http", "http", "PROXY", 80},
                   {"https", "https", "HTTPS", 443},
                   {"socks5", "socks5", "SOCKS5", 1080},
                   {"socks4", "socks4", "SOCKS", 1080},
                   {"socks", "socks5", "SOCKS5", 1080}};
    const char *colon = strstr(text, "://");
    size_t scheme_n = colon ? (size_t)(colon - text) : 0, i = 0;
    while (
        colon && i < COUNT_OF(schemes) &&
        (strlen(schemes[i].name) != scheme_n || strncasecmp(schemes[i].name, text, scheme_n) != 0))
        i++;
    if (i == COUNT_OF(schemes))
        return err_field(err, "PROXY_SERVER",
                         "PROXY_SERVER: the scheme must be http, https, socks4 or socks5");
    *server = (struct server){
        .scheme = schemes[i].scheme, .directive = schemes[i].directive, .port = schemes[i].port};
    text += colon ? scheme_n + 3 : 0;
    size_t n = strlen(text);
    if (n && text[n - 1] == '/')
        n--;
    if (!n)
        return err_field(err, "PROXY_SERVER", "PROXY_SERVER: names no host");
    return parse_host(server, text, n, err);
}

static void write_host(struct bytes *out, const struct server *server)
{
    (void)bytes_printf(out, server->literal6 ? "[%s]:%u" : "%s:%u", server->host,
                       (unsigned)server->port);
}

static int finish(struct bytes *out, struct err *err)
{
    return out->failed ? err_memory(err) : 0;
}

int proxy_server_write(const char *text, struct bytes *out, struct err *err)
{
    struct server server;
    if (parse_server(&server, text, err) < 0)
        return -1;
    (void)bytes_printf(out, "%s://", server.scheme);
    write_host(out, &server);
    return finish(out, err);
}

int proxy_bypass_write(const char *exclude, struct bytes *out, struct err *err)
{
    if (each_rule(exclude, "PROXY_EXCLUDE", out, write_bypass_rule, err) < 0)
        return -1;
    return finish(out, err);
}

static int write_rules(struct bytes *out, const char *name, const char *list, const char *field,
                       struct err *err)
{
    (void)bytes_printf(out, "var %s = [", name);
    if (each_rule(list, field, out, write_script_rule, err) < 0)
        return -1;
    (void)bytes_adds(out, "];\n");
    return 0;
}

int proxy_pac_write(const struct proxy_settings *settings, struct bytes *out, struct err *err)
{
    struct server server;
    if (!is_given(settings->server)) {
        (void)bytes_adds(out, "var PROXY = null;\n");
    } else {
        if (parse_server(&server, settings->server, err) < 0)
            return -1;
        (void)bytes_printf(out, "var PROXY = \"%s ", server.directive);
        write_host(out, &server);
        (void)bytes_adds(out, "\";\n");
    }
    (void)bytes_adds(out, loopback);
    if (write_rules(out, "EXCLUDE", is_given(settings->exclude) ? settings->exclude : "",
                    "PROXY_EXCLUDE", err) < 0)
        return -1;
    if (!is_given(settings->include))
        (void)bytes_adds(out, "var INCLUDE = null;\n");
    else if (write_rules(out, "INCLUDE", settings->include, "PROXY_INCLUDE", err) < 0)
        return -1;
    (void)bytes_adds(out, matcher);
    return finish(out, err);
}
