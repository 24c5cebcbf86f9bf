#include "http/mount.h"

#include "check.h"

static const struct mount plain = {
    .outer = "", .prefix = "/proxy/3000", .host = "box:8080", .public = "box:8080", .port = 3000};
static const struct mount behind = {.outer = "/box/1",
                                    .prefix = "/proxy/3000",
                                    .host = "inner:1",
                                    .public = "outer.example",
                                    .port = 3000};

/* The app keeps its path: only what is in front took something off. */
static const struct mount in_place = {
    .outer = "/box/1", .prefix = "", .host = "inner:1", .public = "outer.example", .port = 3000};

static struct bytes out = BYTES_INIT(1024);

static const char *location(const struct mount *m, const char *value)
{
    bytes_clear(&out);
    return mount_location(m, value, &out) ? bytes_text(&out) : "left";
}

static const char *cookie(const struct mount *m, const char *value)
{
    bytes_clear(&out);
    return mount_cookie(m, value, &out) ? bytes_text(&out) : "left";
}

static void moves_paths(void)
{
    CHECK_TEXT(location(&plain, "/"), "/proxy/3000/");
    CHECK_TEXT(location(&plain, "/a?b#c"), "/proxy/3000/a?b#c");
    CHECK_TEXT(location(&behind, "/a"), "/box/1/proxy/3000/a");
    CHECK_TEXT(location(&plain, "/proxy/30001/"), "/proxy/3000/proxy/30001/");
}

static void moves_own_hosts(void)
{
    static const char *const own[] = {
        "http://box:8080/a",       "HTTPS://BOX:8080/a",      "//box:8080/a",
        "http://localhost:3000/a", "http://127.0.0.1:3000/a", "http://[::1]:3000/a",
        "http://0.0.0.0:3000/a"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        CHECK_TEXT(location(&plain, own[i]), "/proxy/3000/a");
    CHECK_TEXT(location(&plain, "http://box:8080"), "/proxy/3000/");
    CHECK_TEXT(location(&plain, "http://box:8080?a"), "/proxy/3000/?a");
    CHECK_TEXT(location(&behind, "https://outer.example/a"), "/box/1/proxy/3000/a");
    CHECK_TEXT(location(&behind, "http://inner:1/a"), "/box/1/proxy/3000/a");
}

static void moves_where_the_path_is_kept(void)
{
    CHECK_TEXT(location(&in_place, "/"), "/box/1/");
    CHECK_TEXT(location(&in_place, "/absproxy/3000/a?b"), "/box/1/absproxy/3000/a?b");
    CHECK_TEXT(location(&in_place, "/box/10"), "/box/1/box/10");
    CHECK_TEXT(location(&in_place, "http://localhost:3000/a"), "/box/1/a");
    CHECK_TEXT(location(&in_place, "https://outer.example/box/1/a"), "/box/1/a");
    CHECK_TEXT(location(&in_place, "/box/1/a"), "left");
    CHECK_TEXT(location(&in_place, "/box/1"), "left");
    CHECK_TEXT(location(&in_place, "a"), "left");
    CHECK_TEXT(cookie(&in_place, "a=1; Path=/x; Secure"), "a=1; Path=/box/1/x; Secure");
    CHECK_TEXT(cookie(&in_place, "a=1; Path=/box/1/x"), "left");
}

static void leaves_what_leads_elsewhere(void)
{
    static const char *const elsewhere[] = {"a/b",
                                            "?a",
                                            "#a",
                                            "",
                                            ".",
                                            "../x",
                                            "http://other/",
                                            "//other/a",
                                            "http://box:8081/",
                                            "http://box/",
                                            "https://box:8080.evil/",
                                            "http://box:8080@evil/",
                                            "mailto:a@b",
                                            "http:/a",
                                            "http:a",
                                            "http://localhost/",
                                            "ftp://box:8080/",
                                            "javascript:alert(1)"};
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        CHECK_TEXT(location(&plain, elsewhere[i]), "left");
}

/* By an app that was told its prefix. */
static void leaves_what_is_there_already(void)
{
    CHECK_TEXT(location(&plain, "/proxy/3000/a"), "left");
    CHECK_TEXT(location(&plain, "/proxy/3000"), "left");
    CHECK_TEXT(location(&plain, "/proxy/3000?a"), "left");
    CHECK_TEXT(location(&plain, "http://box:8080/proxy/3000/a"), "/proxy/3000/a");
    CHECK_TEXT(location(&behind, "/box/1/proxy/3000/a"), "left");
    CHECK_TEXT(location(&behind, "/proxy/3000/a"), "/box/1/proxy/3000/a");
}

static void moves_cookies(void)
{
    CHECK_TEXT(cookie(&plain, "a=1; Path=/"), "a=1; Path=/proxy/3000/");
    CHECK_TEXT(cookie(&plain, "a=1; path = /x ; HttpOnly"), "a=1; path = /proxy/3000/x ; HttpOnly");
    CHECK_TEXT(cookie(&behind, "a=1;PATH=/;Secure"), "a=1;PATH=/box/1/proxy/3000/;Secure");
    CHECK_TEXT(cookie(&plain, "a=1; Path=/x; Path=/y"), "a=1; Path=/x; Path=/proxy/3000/y");
    static const char *const kept[] = {"a=1",
                                       "a=1; HttpOnly",
                                       "a=1; Path=",
                                       "a=1; Path=x",
                                       "Path=/; a=1",
                                       "a=1; Path",
                                       "a=1; Pathname=/",
                                       "a=1; Path=/proxy/3000/x",
                                       "a=path=/; b",
                                       "a=1; Path=/proxy/3000; Secure"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        CHECK_TEXT(cookie(&plain, kept[i]), "left");
}

int main(void)
{
    RUN(moves_paths);
    RUN(moves_own_hosts);
    RUN(moves_where_the_path_is_kept);
    RUN(leaves_what_leads_elsewhere);
    RUN(leaves_what_is_there_already);
    RUN(moves_cookies);
    bytes_done(&out);
    return CHECK_DONE();
}
