#include "base/jsonw.h"

#include <math.h>

#include "check.h"

static void separates_values(void)
{
    struct bytes out = BYTES_INIT(KIB);
    struct jsonw w = jsonw_on(&out);
    jsonw_object(&w);
    jsonw_key(&w, "list");
    jsonw_array(&w);
    jsonw_int(&w, 1);
    jsonw_object(&w);
    jsonw_object_end(&w);
    jsonw_array(&w);
    jsonw_array_end(&w);
    jsonw_null(&w);
    jsonw_array_end(&w);
    jsonw_kstr(&w, "text", "a");
    jsonw_kstr(&w, "none", NULL);
    jsonw_kbool(&w, "yes", true);
    jsonw_knull(&w, "null");
    jsonw_kint(&w, "least", INT64_MIN);
    jsonw_ktext(&w, "part", "abc", 2);
    jsonw_key(&w, "raw");
    jsonw_raw(&w, "[1]");
    jsonw_object_end(&w);
    CHECK_TEXT(bytes_text(&out),
               "{\"list\":[1,{},[],null],\"text\":\"a\",\"none\":null,\"yes\":true,\"null\":null,"
               "\"least\":-9223372036854775808,\"part\":\"ab\",\"raw\":[1]}");
    bytes_done(&out);
}

static const char *number(struct bytes *out, double value)
{
    struct jsonw w = jsonw_on(out);
    bytes_clear(out);
    jsonw_number(&w, value);
    return bytes_text(out);
}

static void writes_numbers(void)
{
    struct bytes out = BYTES_INIT(KIB);
    CHECK_TEXT(number(&out, 1.5), "1.5");
    CHECK_TEXT(number(&out, 0.1), "0.1");
    CHECK_TEXT(number(&out, 1e300), "1e+300");
    CHECK_TEXT(number(&out, NAN), "null");
    CHECK_TEXT(number(&out, -INFINITY), "null");
    bytes_done(&out);
}

static const char *text(struct bytes *out, const char *p, size_t n)
{
    struct jsonw w = jsonw_on(out);
    bytes_clear(out);
    jsonw_text(&w, p, n);
    return bytes_text(out);
}

static void escapes_and_replaces(void)
{
    struct bytes out = BYTES_INIT(KIB);
    CHECK_TEXT(text(&out, "a\"b\\c\n\r\t\x01\x1f\0z", 12),
               "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f\\u0000z\"");
    CHECK_TEXT(text(&out, "\xc3\xa9 \xf0\x9f\x98\x80", 7), "\"\xc3\xa9 \xf0\x9f\x98\x80\"");
    CHECK_TEXT(text(&out,
                    "a\xff"
                    "b",
                    3),
               "\"a\xef\xbf\xbd"
               "b\"");
    CHECK_TEXT(text(&out, "\xe2\x82", 2), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    CHECK_TEXT(text(&out, "\xed\xa0\x80", 3), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    bytes_done(&out);
}

static void writes_strings_in_pieces(void)
{
    struct bytes out = BYTES_INIT(KIB);
    struct jsonw w = jsonw_on(&out);
    jsonw_array(&w);
    jsonw_string_begin(&w);
    jsonw_piece(&w, "a\"", 2);
    jsonw_piece(&w, "", 0);
    jsonw_piece(&w, "b", 1);
    jsonw_string_end(&w);
    jsonw_int(&w, 2);
    jsonw_array_end(&w);
    CHECK_TEXT(bytes_text(&out), "[\"a\\\"b\",2]");
    bytes_done(&out);
}

static void stops_at_the_ceiling(void)
{
    struct bytes out = BYTES_INIT(8);
    struct jsonw w = jsonw_on(&out);
    jsonw_str(&w, "1234567890");
    CHECK(out.failed && out.len <= 8);
    bytes_done(&out);
}

int main(void)
{
    RUN(separates_values);
    RUN(writes_numbers);
    RUN(escapes_and_replaces);
    RUN(writes_strings_in_pieces);
    RUN(stops_at_the_ceiling);
    return CHECK_DONE();
}
