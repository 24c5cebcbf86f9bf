#include "http/conditional.h"

#include "check.h"

static void formats_and_parses_dates(void)
{
    char text[HTTP_DATE_SIZE];
    time_t when = 0;
    http_date_format(text, 784111777);
    CHECK_TEXT(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(http_date_parse("Sun, 06 Nov 1994 08:49:37 GMT", &when) && when == 784111777);
    CHECK(http_date_parse("Sunday, 06-Nov-94 08:49:37 GMT", &when) && when == 784111777);
    CHECK(http_date_parse("Sun Nov  6 08:49:37 1994", &when) && when == 784111777);
    when = 5;
    CHECK(!http_date_parse("yesterday", &when) && !http_date_parse("", &when));
    CHECK(!http_date_parse("Sun, 06 Nov 1994 08:49:37 GMT+1", &when));
    CHECK(!http_date_parse("Sun, 06 Nov 1994 08:49:37", &when) && when == 5);
}

static void makes_tags_that_differ(void)
{
    char a[ETAG_SIZE], b[ETAG_SIZE];
    struct timespec then = {1000, 1}, later = {1000, 2};
    etag_format(a, 5, then, NULL);
    CHECK(a[0] == '"' && a[strlen(a) - 1] == '"' && strlen(a) > 4);
    etag_format(b, 5, later, NULL);
    CHECK(strcmp(a, b) != 0);
    etag_format(b, 6, then, NULL);
    CHECK(strcmp(a, b) != 0);
    etag_format(b, 5, then, "br");
    CHECK(strcmp(a, b) != 0);
    etag_format(b, 5, then, NULL);
    CHECK_TEXT(a, b);
    etag_format(b, UINT64_MAX, (struct timespec){INT64_MAX, 999999999}, "identity");
    CHECK(b[strlen(b) - 1] == '"');
}

static void finds_tags_in_lists(void)
{
    CHECK(etag_listed("\"a\"", "\"a\"", false) && etag_listed("*", "\"a\"", false));
    CHECK(etag_listed(" \"x\" , W/\"y\",\"a\"", "\"a\"", false));
    CHECK(!etag_listed("\"b\"", "\"a\"", true) && !etag_listed("", "\"a\"", true));
    CHECK(!etag_listed("a", "\"a\"", true) && !etag_listed("\"a", "\"a\"", true));
    CHECK(!etag_listed("W/\"a\"", "\"a\"", false) && etag_listed("W/\"a\"", "\"a\"", true));
    CHECK(!etag_listed("\"a\"", "W/\"a\"", false) && etag_listed("\"a\"", "W/\"a\"", true));
    CHECK(!etag_listed("\"aa\"", "\"a\"", true) && !etag_listed("\"x\" \"a\"", "\"a\"", true));
    /* A backslash escapes nothing here. */
    CHECK(etag_listed("\"x,\\\",\"a\"", "\"a\"", true));
    CHECK(etag_listed("*", NULL, true) && !etag_listed("\"a\"", NULL, true));
}

static uint64_t offset, length;

static enum range_answer range(const char *header, uint64_t size)
{
    offset = length = 77;
    return range_parse(header, size, &offset, &length);
}

static bool part(const char *header, uint64_t size, uint64_t from, uint64_t n)
{
    return range(header, size) == RANGE_PART && offset == from && length == n;
}

static void takes_one_range(void)
{
    CHECK(part("bytes=0-9", 100, 0, 10) && part("bytes=0-0", 1, 0, 1));
    CHECK(part("bytes=90-", 100, 90, 10) && part("bytes=-10", 100, 90, 10));
    CHECK(part("bytes=50-1000", 100, 50, 50) && part("bytes=-1000", 100, 0, 100));
    CHECK(part("bytes=5-18446744073709551615", 100, 5, 95) && part("BYTES= 5-6 ", 100, 5, 2));
    CHECK(part("bytes=18446744073709551614-", UINT64_MAX, UINT64_MAX - 1, 1));
}

static void tells_what_cannot_be_satisfied(void)
{
    CHECK(range("bytes=100-", 100) == RANGE_UNSATISFIABLE);
    CHECK(range("bytes=0-0", 0) == RANGE_UNSATISFIABLE);
    CHECK(range("bytes=-0", 100) == RANGE_UNSATISFIABLE);
    CHECK(range("bytes=-5", 0) == RANGE_UNSATISFIABLE && offset == 77 && length == 77);
}

static void ignores_what_is_not_one_range(void)
{
    static const char *const others[] = {"",
                                         "bytes",
                                         "bytes=",
                                         "bytes=-",
                                         "bytes=a-b",
                                         "bytes=5-4",
                                         "bytes=0-1,3-4",
                                         "items=0-1",
                                         "bytes=0",
                                         "bytes=--1",
                                         "bytes=+1-2",
                                         "bytes=0x1-2",
                                         "bytes=1-2x",
                                         "bytes=99999999999999999999-",
                                         "bytes = 0-1",
                                         "bytes=1 - 2"};
    CHECK(range(NULL, 100) == RANGE_NONE);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (range(others[i], 100) != RANGE_NONE)
            CHECK_TEXT("taken", others[i]);
}

static const char date[] = "Sun, 06 Nov 1994 08:49:37 GMT";
static const struct representation file = {"\"a\"", 784111777, 784111800, 100};

static unsigned select_status(struct conditions asked, const char *method)
{
    return conditional_select(&file, &asked, method).status;
}

static void answers_not_modified(void)
{
    CHECK(select_status((struct conditions){.if_none_match = "\"a\""}, "GET") == 304);
    CHECK(select_status((struct conditions){.if_none_match = "\"a\""}, "HEAD") == 304);
    CHECK(select_status((struct conditions){.if_none_match = "W/\"a\""}, "GET") == 304);
    CHECK(select_status((struct conditions){.if_none_match = "\"b\""}, "GET") == 200);
    CHECK(select_status((struct conditions){.if_none_match = "*"}, "PUT") == 412);
    CHECK(select_status((struct conditions){.if_modified_since = date}, "GET") == 304);
    CHECK(select_status((struct conditions){.if_modified_since = date}, "PUT") == 200);
    CHECK(select_status((struct conditions){.if_modified_since = "Sun, 06 Nov 1994 08:49:36 GMT"},
                        "GET") == 200);
    /* The tag decides where both are given. */
    CHECK(select_status((struct conditions){.if_none_match = "\"b\"", .if_modified_since = date},
                        "GET") == 200);
    CHECK(select_status((struct conditions){.if_modified_since = "nonsense"}, "GET") == 200);
}

static void answers_failed_preconditions(void)
{
    CHECK(select_status((struct conditions){.if_match = "\"b\""}, "GET") == 412);
    CHECK(select_status((struct conditions){.if_match = "W/\"a\""}, "GET") == 412);
    CHECK(select_status((struct conditions){.if_match = "*"}, "GET") == 200);
    CHECK(select_status((struct conditions){.if_unmodified_since = date}, "GET") == 200);
    CHECK(select_status((struct conditions){.if_unmodified_since = "Sun, 06 Nov 1994 08:49:36 GMT"},
                        "GET") == 412);
    CHECK(select_status((struct conditions){.if_match = "\"a\"", .if_none_match = "\"a\""},
                        "GET") == 304);
}

static void answers_ranges(void)
{
    struct conditions asked = {.range = "bytes=10-19"};
    struct selection s = conditional_select(&file, &asked, "GET");
    CHECK(s.status == 206 && s.offset == 10 && s.length == 10);
    s = conditional_select(&file, &asked, "HEAD");
    CHECK(s.status == 200 && s.offset == 0 && s.length == 100);
    asked.range = "bytes=100-";
    CHECK(select_status(asked, "GET") == 416);
    asked.range = "bytes=0-1,5-6";
    s = conditional_select(&file, &asked, "GET");
    CHECK(s.status == 200 && s.length == 100);
}

static unsigned if_range(const char *value)
{
    return select_status((struct conditions){.range = "bytes=0-9", .if_range = value}, "GET");
}

static void honours_if_range(void)
{
    CHECK(if_range("\"a\"") == 206 && if_range("\"b\"") == 200 && if_range("W/\"a\"") == 200);
    CHECK(if_range(date) == 206 && if_range("Sun, 06 Nov 1994 08:49:38 GMT") == 200);
    CHECK(if_range("nonsense") == 200 && if_range("*") == 200);
    struct representation fresh = file;
    struct conditions asked = {.range = "bytes=0-9", .if_range = date};
    fresh.now = fresh.modified; /* may change again within the second */
    CHECK(conditional_select(&fresh, &asked, "GET").status == 200);
}

int main(void)
{
    RUN(formats_and_parses_dates);
    RUN(makes_tags_that_differ);
    RUN(finds_tags_in_lists);
    RUN(takes_one_range);
    RUN(tells_what_cannot_be_satisfied);
    RUN(ignores_what_is_not_one_range);
    RUN(answers_not_modified);
    RUN(answers_failed_preconditions);
    RUN(answers_ranges);
    RUN(honours_if_range);
    return CHECK_DONE();
}
