#include "core/proxy_pac.h"

#include <stdbool.h>
#include <string.h>

#include "check.h"

static struct bytes out;
static struct err err;

static const char *script(const char *server, const char *include, const char *exclude)
{
    const struct proxy_settings settings = {server, include, exclude};
    bytes_done(&out);
    out = BYTES_INIT(256 * KIB);
    err = ERR_INIT;
    return proxy_pac_write(&settings, &out, &err) == 0 ? bytes_text(&out) : NULL;
}

static const char *bypass(const char *exclude)
{
    bytes_done(&out);
    out = BYTES_INIT(KIB);
    err = ERR_INIT;
    return proxy_bypass_write(exclude, &out, &err) == 0 ? bytes_text(&out) : NULL;
}

static const char *server(const char *text)
{
    bytes_done(&out);
    out = BYTES_INIT(KIB);
    err = ERR_INIT;
    return proxy_server_write(text, &out, &err) == 0 ? bytes_text(&out) : NULL;
}

static bool has(const char *text, const char *part)
{
    return text && strstr(text, part);
}

static void spells_the_server_out(void)
{
    CHECK_TEXT(server("proxy.test"), "http://proxy.test:80");
    CHECK_TEXT(server("Proxy.Test:3128"), "http://proxy.test:3128");
    CHECK_TEXT(server("HTTP://proxy.test:3128/"), "http://proxy.test:3128");
    CHECK_TEXT(server("https://proxy.test"), "https://proxy.test:443");
    CHECK_TEXT(server("socks5://10.0.0.1"), "socks5://10.0.0.1:1080");
    CHECK_TEXT(server("socks://10.0.0.1"), "socks5://10.0.0.1:1080");
    CHECK_TEXT(server("http://[2001:DB8::0:1]:8080"), "http://[2001:db8::1]:8080");
}

static void refuses_other_servers(void)
{
    static const char *const bad[] = {
        "",
        "http://",
        "ftp://proxy.test",
        "://proxy.test",
        "proxy.test:",
        "proxy:0",
        "proxy:65536",
        "proxy:80:80",
        "proxy.test/path",
        "proxy test",
        "[::1",
        "[::1]80",
        "[::g]",
        "proxy\";//",
        "proxy.test:80\n",
        "pro%78y:80",
        "a.test,b.test",
        "http://a.test?q=1",
        "pröxy.test",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(!server(bad[i]));
        CHECK_TEXT(err.field, "PROXY_SERVER");
    }
}

static void keeps_passwords_to_itself(void)
{
    CHECK(!server("http://user:secret@proxy.test:80"));
    CHECK(!has(err.text, "secret"));
    CHECK(has(err.text, "password"));
}

static void writes_rules_as_a_script(void)
{
    const char *text = script(
        "proxy.test:3128", "a.test, .b.test;*.c?.test 10.1.0.0/16 [::1] <local>", "2001:DB8::/32");
    CHECK(has(text, "var PROXY = \"PROXY proxy.test:3128\";\n"));
    CHECK(has(text, "var INCLUDE = [[\"host\",\"a.test\"], [\"below\",\"b.test\"], "
                    "[\"pattern\",\"*.c?.test\"], [\"net4\",\"10.1.0.0\",\"255.255.0.0\"], "
                    "[\"host\",\"::1\"], [\"plain\"]];\n"));
    CHECK(has(text, "var EXCLUDE = [[\"net6\",\"2001:db8::/32\"]];\n"));
    CHECK(has(text, "function FindProxyForURL(url, host) {\n"));
}

static void without_lists_everybody_goes_by_proxy(void)
{
    const char *text = script("socks5://proxy.test", NULL, "");
    CHECK(has(text, "var PROXY = \"SOCKS5 proxy.test:1080\";\n"));
    CHECK(has(text, "var INCLUDE = null;\n"));
    CHECK(has(text, "var EXCLUDE = [];\n"));
}

static void without_a_server_nobody_does(void)
{
    CHECK(has(script(NULL, "a.test", NULL), "var PROXY = null;\n"));
    CHECK(has(script("", "", ""), "var PROXY = null;\n"));
}

/* Every byte within, before and behind a name either is refused or is one of a host name's. */
static void no_byte_becomes_script(void)
{
    static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                   "-._*?,; \t\r\n";
    for (int c = 1; c < 256; c++) {
        const char entries[][8] = {{'a', (char)c, 'b'}, {(char)c, 'b'}, {'a', (char)c}};
        for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
            bool accepted = script("proxy.test", entries[i], entries[i]) != NULL;
            CHECK(accepted == (strchr(harmless, c) != NULL));
            accepted = server(entries[i]) != NULL;
            CHECK(!accepted || c == '/' || (strchr(harmless, c) && !strchr("*?,; \t\r\n", c)));
        }
    }
}

static void names_the_entry_at_fault(void)
{
    CHECK(!script("proxy.test", "good.test, x\"];alert(1);[\"", NULL));
    CHECK_TEXT(err.field, "PROXY_INCLUDE");
    CHECK(has(err.text, "entry 2"));
    CHECK(!has(err.text, "alert"));
    CHECK(!script("proxy.test", NULL, "</script>"));
    CHECK_TEXT(err.field, "PROXY_EXCLUDE");
}

static void refuses_networks_that_are_none(void)
{
    static const char *const bad[] = {"10.0.0.0/33", "10.0.0/8",     "10.0.0.0/",
                                      "/8",          "10.0.0.0/-1",  "::/129",
                                      "a.test/8",    "10.0.0.0/8/8", "."};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!script("proxy.test", bad[i], NULL));
    CHECK(has(script("proxy.test", "0.0.0.0/0,::/0,1.2.3.4/32", NULL),
              "[[\"net4\",\"0.0.0.0\",\"0.0.0.0\"], [\"net6\",\"::/0\"], "
              "[\"net4\",\"1.2.3.4\",\"255.255.255.255\"]]"));
}

static void has_a_ceiling(void)
{
    struct bytes many = BYTES_INIT(64 * KIB);
    for (int i = 0; i < PROXY_LIST_MAX; i++)
        (void)bytes_printf(&many, "h%d.test,", i);
    CHECK(script("proxy.test", bytes_text(&many), NULL));
    (void)bytes_adds(&many, "one.more");
    CHECK(!script("proxy.test", bytes_text(&many), NULL));
    bytes_done(&many);
    char name[256];
    memset(name, 'a', sizeof name);
    name[254] = '\0';
    CHECK(!script("proxy.test", name, NULL));
    name[253] = '\0';
    CHECK(script("proxy.test", name, NULL));
}

static void writes_the_bypass_list(void)
{
    CHECK_TEXT(bypass("localhost,127.0.0.1, .example.org"),
               "localhost;127.0.0.1;example.org;.example.org");
    CHECK_TEXT(bypass("*.a.test;10.0.0.0/8 ::1 2001:db8::/32 <LOCAL>"),
               "*.a.test;10.0.0.0/8;[::1];2001:db8::/32;<local>");
    CHECK(!bypass("a.test,--x"
                  "=\""));
}

int main(void)
{
    RUN(spells_the_server_out);
    RUN(refuses_other_servers);
    RUN(keeps_passwords_to_itself);
    RUN(writes_rules_as_a_script);
    RUN(without_lists_everybody_goes_by_proxy);
    RUN(without_a_server_nobody_does);
    RUN(no_byte_becomes_script);
    RUN(names_the_entry_at_fault);
    RUN(refuses_networks_that_are_none);
    RUN(has_a_ceiling);
    RUN(writes_the_bypass_list);
    bytes_done(&out);
    return CHECK_DONE();
}
