#include "http/router.h"

#include "check.h"

static const struct route first[] = {
    {.method = "GET", .path = "/a"},
    {.method = "POST", .path = "/a"},
    {.method = "GET", .path = "/"},
    ROUTES_END,
};
static const struct route second[] = {
    {.method = "GET", .path = "/s/{id}"},       {.method = "DELETE", .path = "/s/{id}"},
    {.method = "POST", .path = "/s/{id}/kill"}, {.method = "GET", .path = "/static/{path...}"},
    {.method = "GET", .path = "/s/fixed"},      ROUTES_END,
};
static const struct route third[] = {
    {.method = ANY_METHOD, .path = "/p/{port}"},
    {.method = ANY_METHOD, .path = "/p/{port}/{path...}"},
    ROUTES_END,
};
static const struct route *const tables[] = {first, second, third, NULL};

static struct arena *arena;
static struct router *router;
static struct route_params params;
static const char *allow;

static const struct route *find(const char *method, const char *path)
{
    return router_find(router, method, (struct text){path, strlen(path)}, arena, &params, &allow);
}

static bool param_is(const char *name, const char *value)
{
    return params.n == 1 && params.items[0].name_n == strlen(name) &&
           strncmp(params.items[0].name, name, strlen(name)) == 0 &&
           params.items[0].value.n == strlen(value) &&
           strncmp(params.items[0].value.p, value, strlen(value)) == 0;
}

static void finds_exact_rows(void)
{
    CHECK(find("GET", "/") == &first[2] && find("GET", "/a") == &first[0]);
    CHECK(find("POST", "/a") == &first[1] && find("HEAD", "/a") == &first[0]);
    CHECK(find("GET", "/s/fixed") == &second[4] && params.n == 0);
}

static void finds_patterns(void)
{
    CHECK(find("GET", "/s/x y") == &second[0] && param_is("id", "x y"));
    CHECK(find("DELETE", "/s/1") == &second[1] && param_is("id", "1"));
    CHECK(find("POST", "/s/1/kill") == &second[2] && param_is("id", "1"));
    CHECK(find("GET", "/static/a/b.js") == &second[3] && param_is("path", "a/b.js"));
    CHECK(find("HEAD", "/static//") == &second[3] && param_is("path", "/"));
}

static void finds_nothing_elsewhere(void)
{
    static const char *const paths[] = {"/b",  "/a/",   "",           "a",       "/s",
                                        "/s/", "/s/1/", "/s/1/kill/", "/static", "/static/",
                                        "//",  "/A",    "/s//kill"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        CHECK(find("GET", paths[i]) == NULL);
        if (allow)
            CHECK_TEXT("there", paths[i]);
    }
}

static void tells_what_is_allowed(void)
{
    CHECK(find("PUT", "/a") == NULL);
    CHECK(allow && strstr(allow, "GET, HEAD") && strstr(allow, "POST") && !strstr(allow, "DELETE"));
    CHECK(find("PUT", "/s/1") == NULL);
    CHECK_TEXT(allow, "GET, HEAD, DELETE");
    CHECK(find("GET", "/s/1/kill") == NULL);
    CHECK_TEXT(allow, "POST");
    CHECK(find("get", "/a") == NULL && allow);
}

static const struct route *find_any(const char *path)
{
    return router_find_any(router, (struct text){path, strlen(path)}, &params);
}

/* By the path as it was sent. */
static void finds_rows_for_what_is_passed_on(void)
{
    CHECK(find_any("/p/1") == &third[0] && param_is("port", "1"));
    CHECK(find_any("/p/1/%2f/..;//%ff") == &third[1] && params.n == 2);
    CHECK(params.items[1].value.n == strlen("%2f/..;//%ff"));
    CHECK(!find_any("/%70/1") && !find_any("/p") && !find_any("/p/") && !find_any("/a"));
    CHECK(!find("GET", "/p/1") && !allow && !find("*", "/p/1/x") && !allow);
}

static void lists_rows_in_order(void)
{
    CHECK(router_row(router, 0) == &first[0] && router_row(router, 3) == &second[0]);
    CHECK(router_row(router, 7) == &second[4] && router_row(router, 9) == &third[1]);
    CHECK(router_row(router, 10) == NULL);
}

int main(void)
{
    struct err err;
    arena = arena_new();
    CHECK(router_open(tables, &router, &err) == 0);
    RUN(finds_exact_rows);
    RUN(finds_patterns);
    RUN(finds_nothing_elsewhere);
    RUN(tells_what_is_allowed);
    RUN(finds_rows_for_what_is_passed_on);
    RUN(lists_rows_in_order);
    router_close(router);
    router_close(NULL);
    arena_free(arena);
    return CHECK_DONE();
}
