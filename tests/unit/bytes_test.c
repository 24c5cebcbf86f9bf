#include "base/bytes.h"

#include <stdlib.h>

#include "check.h"

static void keeps_its_ceiling(void)
{
    struct bytes b = BYTES_INIT(10);
    CHECK(bytes_adds(&b, "12345") == 0 && bytes_adds(&b, "67890") == 0);
    CHECK_TEXT(bytes_text(&b), "1234567890");
    CHECK(bytes_addc(&b, 'x') == -1 && b.failed && b.len == 10);
    CHECK(bytes_text(&b) == NULL && bytes_take(&b, NULL) == NULL);
    CHECK(bytes_add(&b, "", 0) == -1);
    bytes_clear(&b);
    CHECK(!b.failed && bytes_printf(&b, "%d", 1234567890) == 0);
    CHECK(bytes_printf(&b, "%d", 1) == -1);
    bytes_done(&b);
}

static void refuses_overflowing_sizes(void)
{
    struct bytes b = BYTES_INIT(100);
    CHECK(bytes_adds(&b, "x") == 0);
    CHECK(bytes_reserve(&b, SIZE_MAX) == -1);
    bytes_done(&b);
}

static void consumes_from_the_front(void)
{
    struct bytes b = BYTES_INIT(100);
    CHECK(bytes_adds(&b, "abcdef") == 0);
    bytes_consume(&b, 2);
    CHECK_TEXT(bytes_text(&b), "cdef");
    bytes_consume(&b, 100);
    CHECK(b.len == 0);
    bytes_done(&b);
}

static void hands_its_memory_over(void)
{
    struct bytes b = BYTES_INIT(100);
    size_t n = 0;
    CHECK(bytes_adds(&b, "abc") == 0);
    char *text = bytes_take(&b, &n);
    CHECK_TEXT(text, "abc");
    CHECK(n == 3 && b.data == NULL && b.len == 0);
    free(text);
}

static int u64(const char *text, uint64_t *value)
{
    return parse_u64(text, strlen(text), value);
}

static int i64(const char *text, int64_t *value)
{
    return parse_i64(text, strlen(text), value);
}

static void parses_whole_numbers_only(void)
{
    static const char *const bad[] = {"",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "0x1",
                                      "1.0",
                                      "a",
                                      "18446744073709551616",
                                      "99999999999999999999",
                                      "000000000000000000001"};
    uint64_t u = 7;
    int64_t i;
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        CHECK(u64(bad[k], &u) == -1);
    CHECK(u == 7);
    CHECK(u64("0", &u) == 0 && u == 0);
    CHECK(u64("18446744073709551615", &u) == 0 && u == UINT64_MAX);
    CHECK(i64("-9223372036854775807", &i) == 0 && i == -INT64_MAX);
    CHECK(i64("9223372036854775807", &i) == 0 && i == INT64_MAX);
    CHECK(i64("9223372036854775808", &i) == -1 && i64("-", &i) == -1 && i64("--1", &i) == -1);
}

static long decode(const char *text, bool plus, char *to)
{
    (void)snprintf(to, 64, "%s", text);
    return percent_decode(to, strlen(to), plus);
}

static void decodes_percent(void)
{
    char to[64];
    CHECK(decode("a%20b", false, to) == 3);
    CHECK_TEXT(to, "a b");
    CHECK(decode("a+b%2B", true, to) == 4);
    CHECK_TEXT(to, "a b+");
    CHECK(decode("a+b", false, to) == 3);
    CHECK_TEXT(to, "a+b");
    CHECK(decode("%e2%82%AC", false, to) == 3);
    CHECK_TEXT(to, "\xe2\x82\xac");
    CHECK(decode("%00", false, to) == 1);
    CHECK(decode("%", false, to) == -1 && decode("%4", false, to) == -1);
    CHECK(decode("%zz", false, to) == -1 && decode("%%41", false, to) == -1);
}

static int unbase(const char *text, struct bytes *to)
{
    bytes_clear(to);
    return base64_decode(to, text, strlen(text));
}

static void speaks_base64(void)
{
    /* RFC 4648 section 10. */
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    static const char *const bad[] = {
        "Z",     "Zg",       "Zg=",  "Zg===", "Z===",  "=",    "====",
        "Zm9v=", "Zg==Zg==", "Zh==", "Zm9=",  "Zm9v!", "-_-_", "Zm\x01v"};
    struct bytes b = BYTES_INIT(100);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        bytes_clear(&b);
        CHECK(base64_encode(&b, pairs[i][0], strlen(pairs[i][0])) == 0);
        CHECK_TEXT(bytes_text(&b), pairs[i][1]);
        CHECK(unbase(pairs[i][1], &b) == 0);
        CHECK_TEXT(bytes_text(&b), pairs[i][0]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(unbase(bad[i], &b) == -1);
    CHECK(unbase("Zm9v\r\n YmFy\t", &b) == 0);
    CHECK_TEXT(bytes_text(&b), "foobar");
    bytes_done(&b);
}

static void base64_keeps_the_ceiling(void)
{
    struct bytes b = BYTES_INIT(8);
    CHECK(base64_encode(&b, "123456", 6) == 0);
    CHECK(base64_encode(&b, "1", 1) == -1 && b.failed);
    bytes_done(&b);
}

static bool same(const char *a, const char *b)
{
    return bytes_equal_secret(a, strlen(a), b, strlen(b));
}

static void compares_secrets(void)
{
    CHECK(same("", "") && same("secret", "secret"));
    CHECK(!same("secret", "secreT") && !same("secre", "secret") && !same("secrets", "secret"));
    CHECK(!same("", "x") && !same("x", "") && !same("xx", "x") && !same("aaaa", "aa"));
}

int main(void)
{
    RUN(keeps_its_ceiling);
    RUN(refuses_overflowing_sizes);
    RUN(consumes_from_the_front);
    RUN(hands_its_memory_over);
    RUN(parses_whole_numbers_only);
    RUN(decodes_percent);
    RUN(speaks_base64);
    RUN(base64_keeps_the_ceiling);
    RUN(compares_secrets);
    return CHECK_DONE();
}
