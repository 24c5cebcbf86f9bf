#include "http/public.h"

#include "check.h"

/* "SCHEME HOST PREFIX" */
static const char *decided(struct public_hints hints)
{
    static char out[800];
    struct public_address a;
    public_address_decide(&hints, "fallback:1", &a);
    (void)snprintf(out, sizeof out, "%s %s %s", a.secure ? "https" : "http", a.host, a.prefix);
    return out;
}
#define DECIDED(...) decided((struct public_hints){__VA_ARGS__})

static void takes_the_host(void)
{
    CHECK_TEXT(DECIDED(.host = "box:8080"), "http box:8080 ");
    CHECK_TEXT(DECIDED(.host = "[::1]:8080"), "http [::1]:8080 ");
    CHECK_TEXT(DECIDED(.host = NULL), "http fallback:1 ");
    CHECK_TEXT(DECIDED(.host = "box", .forwarded_host = "outer.example:444"),
               "http outer.example:444 ");
    CHECK_TEXT(DECIDED(.host = "box", .forwarded_host = "first.example, second:1"),
               "http first.example ");
}

static void ignores_odd_hosts(void)
{
    static const char *const odd[] = {"",     "a b", "a/b",  "a@b", "a:b",      "a:",   "a:99999",
                                      "a:0",  ":80", "[::1", "[]",  "[::1]x",   "a\"b", "<script>",
                                      "a\\b", "a?b", "a#b",  ", a", "[::1/x]:1"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        CHECK_TEXT(DECIDED(.host = "box:1", .forwarded_host = odd[i]), "http box:1 ");
}

static void takes_the_scheme(void)
{
    CHECK_TEXT(DECIDED(.host = "box", .forwarded_proto = "https"), "https box ");
    CHECK_TEXT(DECIDED(.host = "box", .forwarded_proto = "HTTPS, http"), "https box ");
    CHECK_TEXT(DECIDED(.host = "box", .forwarded_proto = "wss"), "https box ");
    CHECK_TEXT(DECIDED(.host = "box", .forwarded_proto = "http, https"), "http box ");
    CHECK_TEXT(DECIDED(.host = "box", .forwarded_proto = "httpsx"), "http box ");
    CHECK_TEXT(DECIDED(.host = "box", .forwarded_proto = "javascript"), "http box ");
}

static void takes_the_port(void)
{
    CHECK_TEXT(DECIDED(.host = "box", .forwarded_port = "8443"), "http box:8443 ");
    CHECK_TEXT(DECIDED(.host = "box", .forwarded_port = "80"), "http box ");
    CHECK_TEXT(DECIDED(.host = "box", .forwarded_port = "443", .forwarded_proto = "https"),
               "https box ");
    CHECK_TEXT(DECIDED(.host = "box", .forwarded_port = "80", .forwarded_proto = "https"),
               "https box:80 ");
    CHECK_TEXT(DECIDED(.host = "box:1", .forwarded_port = "2"), "http box:1 ");
    CHECK_TEXT(DECIDED(.host = "box", .forwarded_port = "0"), "http box ");
    CHECK_TEXT(DECIDED(.host = "box", .forwarded_port = "80x"), "http box ");
}

static void takes_the_prefix(void)
{
    CHECK_TEXT(DECIDED(.host = "b", .forwarded_prefix = "/a/b"), "http b /a/b");
    CHECK_TEXT(DECIDED(.host = "b", .forwarded_prefix = "/a/b//"), "http b /a/b");
    CHECK_TEXT(DECIDED(.host = "b", .forwarded_prefix = "/"), "http b ");
    CHECK_TEXT(DECIDED(.host = "b", .forwarded_prefix = "/a%20b, /c"), "http b /a%20b");
    static const char *const odd[] = {"a",     "//evil.example", "/a//b", "/../x",     "/a/..",
                                      "/a b",  "/a?b",           "/a#b",  "/a\"b",     "/<b>",
                                      "/a\\b", "http://evil",    "/a;b",  "/%2e%2E/x", "/%2E"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        CHECK_TEXT(DECIDED(.host = "b", .forwarded_prefix = odd[i]), "http b ");
    char longer[300];
    memset(longer, 'a', sizeof longer);
    longer[0] = '/';
    longer[sizeof longer - 1] = '\0';
    CHECK_TEXT(DECIDED(.host = "b", .forwarded_prefix = longer), "http b ");
}

int main(void)
{
    RUN(takes_the_host);
    RUN(ignores_odd_hosts);
    RUN(takes_the_scheme);
    RUN(takes_the_port);
    RUN(takes_the_prefix);
    return CHECK_DONE();
}
