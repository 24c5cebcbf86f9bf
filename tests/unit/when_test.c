#include "base/when.h"

#include <inttypes.h>
#include <time.h>

#include "check.h"

static int64_t at(const char *text)
{
    int64_t ms = -77;
    return when_parse(text, strlen(text), &ms) == 0 ? ms : -77;
}

static void numbers(void)
{
    CHECK(at("0") == 0);
    CHECK(at("1700000000123") == INT64_C(1700000000123));
    CHECK(at("-5") == -5);
    CHECK(at("99999999999999999999") == -77);
}

static void iso(void)
{
    CHECK(at("1970-01-01") == 0);
    CHECK(at("2023-11-14T22:13:20Z") == INT64_C(1700000000000));
    CHECK(at("2023-11-14T22:13:20.1234Z") == INT64_C(1700000000123));
    CHECK(at("2023-11-14 22:13:20") == INT64_C(1700000000000));
    CHECK(at("2023-11-15T00:13:20+02:00") == INT64_C(1700000000000));
    CHECK(at("2023-11-14T17:43:20-0430") == INT64_C(1700000000000));
    CHECK(at("2024-02-29T00:00Z") == INT64_C(1709164800000));
    CHECK(at("1969-12-31T23:59:59Z") == -1000);
}

/* Every day of a few centuries, against the C library. */
static void calendar(void)
{
    for (time_t t = -2208988800; t < 4102444800; t += 86400) {
        struct tm utc;
        char text[32];
        (void)gmtime_r(&t, &utc);
        (void)strftime(text, sizeof text, "%Y-%m-%d", &utc);
        if (at(text) != (int64_t)t * 1000)
            CHECK_TEXT(text, "another day");
    }
}

static void what_is_none(void)
{
    static const char *const bad[] = {"",
                                      "-",
                                      "yesterday",
                                      "2023-1-1",
                                      "2023-13-01",
                                      "2023-02-29",
                                      "2023-00-10",
                                      "2023-01-00",
                                      "2023-01-01T",
                                      "2023-01-01T24:00Z",
                                      "2023-01-01T10:60Z",
                                      "2023-01-01T10:00:00.Z",
                                      "2023-01-01T10",
                                      "2023-01-01T10:00ZZ",
                                      "2023-01-01T10:00+25:00",
                                      "2023-01-01x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (at(bad[i]) != -77)
            CHECK_TEXT(bad[i], "refused");
}

int main(void)
{
    RUN(numbers);
    RUN(iso);
    RUN(calendar);
    RUN(what_is_none);
    return CHECK_DONE();
}
