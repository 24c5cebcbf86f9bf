#include "base/utf8.h"

#include "check.h"

static bool valid(const char *text)
{
    return utf8_valid(text, strlen(text));
}

static void accepts_the_edges(void)
{
    static const char *const good[] = {"",
                                       "ascii",
                                       "\x7f",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        CHECK(valid(good[i]));
    CHECK(utf8_valid("\0", 1));
}

static void refuses_beyond_the_edges(void)
{
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xe2\x82",
                                      "\xe2\x28\xa1",
                                      "a\xc3",
                                      "12345678\xff",
                                      "1234567\xc3\x28"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!valid(bad[i]));
}

static int sequence(const char *text)
{
    return utf8_sequence((const unsigned char *)text, strlen(text));
}

static void tells_unfinished_from_invalid(void)
{
    CHECK(sequence("") == -1 && sequence("a") == 1 && sequence("\xc3\xa9") == 2);
    CHECK(sequence("\xe2\x82\xac!") == 3 && sequence("\xf0\x9f\x98\x80") == 4);
    CHECK(sequence("\xf0\x9f\x98") == -1 && sequence("\xf0\x9f") == -1 && sequence("\xf0") == -1);
    CHECK(sequence("\xf0\x80") == 0 && sequence("\xe2(") == 0 && sequence("\x80") == 0);
    CHECK(sequence("\xed\xa0") == 0 && sequence("\xf4\x90") == 0);
}

static size_t held(const char *text)
{
    return utf8_held_back(text, strlen(text));
}

static void holds_back_only_what_may_be_completed(void)
{
    CHECK(held("") == 0 && held("abc") == 0 && held("\xc3\xa9") == 0);
    CHECK(held("a\xc3") == 1 && held("a\xe2\x82") == 2 && held("a\xf0\x9f\x98") == 3);
    CHECK(held("\xf0\x9f\x98\x80") == 0);
    CHECK(held("\x80\x80\x80\x80") == 0 && held("\xff") == 0 && held("\xe0\x80") == 0);
    CHECK(held("\xc3\xa9\xc3") == 1);
}

int main(void)
{
    RUN(accepts_the_edges);
    RUN(refuses_beyond_the_edges);
    RUN(tells_unfinished_from_invalid);
    RUN(holds_back_only_what_may_be_completed);
    return CHECK_DONE();
}
