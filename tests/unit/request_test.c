#include "http/exchange_internal.h"

#include "check.h"

static struct exchange ex;

static int parse(const char *target)
{
    arena_clear(ex.arena);
    ex.query = NULL;
    ex.query_count = 0;
    return request_parse_target(&ex, target);
}

static void splits_and_decodes(void)
{
    CHECK(parse("/a%20b/%c3%a9?x=1&y=a+b%2B&z") == 0);
    CHECK_TEXT(exchange_path(&ex).p, "/a b/\xc3\xa9");
    CHECK_TEXT(exchange_raw_path(&ex).p, "/a%20b/%c3%a9");
    CHECK_TEXT(exchange_target(&ex).p, "/a%20b/%c3%a9?x=1&y=a+b%2B&z");
    CHECK_TEXT(exchange_query_value(&ex, "x"), "1");
    CHECK_TEXT(exchange_query_value(&ex, "y"), "a b+");
    CHECK_TEXT(exchange_query_value(&ex, "z"), "");
    CHECK(exchange_query_value(&ex, "nothing") == NULL);
}

static void keeps_the_path_apart_from_forms(void)
{
    CHECK(parse("/a+b") == 0);
    CHECK_TEXT(exchange_path(&ex).p, "/a+b");
    CHECK(parse("/a%2Fb%3Fc") == 0);
    CHECK_TEXT(exchange_path(&ex).p, "/a/b?c");
    CHECK(exchange_raw_path(&ex).n == 10);
}

static void reads_odd_queries(void)
{
    size_t n;
    CHECK(parse("/?&&a=1&&b==2&=3&") == 0);
    const struct text_pair *pairs = exchange_query(&ex, &n);
    CHECK(n == 3);
    CHECK_TEXT(pairs[1].value.p, "=2");
    CHECK_TEXT(pairs[2].name.p, "");
    CHECK(parse("/?") == 0 && ex.query_count == 0);
}

static void refuses_bad_targets(void)
{
    static const char *const bad[] = {
        "",   "*",   "a",    "http://x/", "/ ",   "/a b",  "/#",   "/a#b", "/\x7f",  "/\n",
        "/%", "/%4", "/%zz", "/%00",      "/%ff", "/\xff", "/%C3", "/?%",  "/?%ff=1"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (parse(bad[i]) == 0)
            CHECK_TEXT("taken", bad[i]);
}

static void names_the_value_that_is_no_text(void)
{
    static const char *const bad[] = {"/?x=1&a=%00", "/?a=%zz&x=1", "/?a=%ff"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        ex.bad_query = NULL;
        CHECK(parse(bad[i]) == 0);
        CHECK_TEXT(ex.bad_query, "a");
    }
    ex.bad_query = NULL;
}

static void bounds_the_pairs(void)
{
    char target[1024] = "/?";
    size_t n = 2;
    for (int i = 0; i < MAX_QUERY_PAIRS; i++)
        n += (size_t)snprintf(target + n, sizeof target - n, "a=%d&", i);
    CHECK(parse(target) == 0 && ex.query_count == MAX_QUERY_PAIRS);
    (void)snprintf(target + n, sizeof target - n, "b");
    CHECK(parse(target) == 1 && ex.query_count == MAX_QUERY_PAIRS);
}

/* Where they are not ours to read they do no harm. */
static void tells_targets_from_text(void)
{
    static const char *const undecoded[] = {"/%ff", "/%00", "/%", "/?%ff=1", "/a?%zz&b=1"};
    static const char *const no_targets[] = {"", "*", "http://x/", "/a b", "/a#b", "/\x7f"};
    for (size_t i = 0; i < COUNT_OF(undecoded); i++)
        CHECK(parse(undecoded[i]) == 1);
    for (size_t i = 0; i < COUNT_OF(no_targets); i++)
        CHECK(parse(no_targets[i]) == -1);
    CHECK(parse("/x?%ff=1&a=2") == 1);
    CHECK_TEXT(exchange_query_value(&ex, "a"), "2");
    CHECK(parse("/%ff/x") == 1);
    CHECK_TEXT(exchange_raw_path(&ex).p, "/%ff/x");
}

static void finds_headers_of_any_case(void)
{
    struct header headers[] = {
        {{"Accept", 6}, {"a", 1}}, {{"accept", 6}, {"b", 1}}, {{"X", 1}, {"", 0}}};
    ex.headers = headers;
    ex.header_count = 3;
    CHECK_TEXT(exchange_header(&ex, "ACCEPT"), "a");
    CHECK_TEXT(exchange_header(&ex, "x"), "");
    CHECK(exchange_header(&ex, "Accep") == NULL && exchange_header(&ex, "Accepted") == NULL);
}

static void copies_parameters(void)
{
    ex.params = (struct route_params){{{"id} rest", 2, {"value/more", 5}}}, 1};
    CHECK_TEXT(exchange_param(&ex, "id"), "value");
    CHECK(exchange_param(&ex, "i") == NULL && exchange_param(&ex, "id}") == NULL);
}

int main(void)
{
    ex.arena = arena_new();
    RUN(splits_and_decodes);
    RUN(keeps_the_path_apart_from_forms);
    RUN(reads_odd_queries);
    RUN(refuses_bad_targets);
    RUN(names_the_value_that_is_no_text);
    RUN(bounds_the_pairs);
    RUN(tells_targets_from_text);
    RUN(finds_headers_of_any_case);
    RUN(copies_parameters);
    arena_free(ex.arena);
    return CHECK_DONE();
}
