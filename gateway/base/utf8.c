#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

/* The well-formed table of Unicode 15, section 3.9 (table 3-7): lengths by first byte, and the
 * narrower range that some first bytes demand of the second. */
static int expected_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF)
        return 3;
    if (first >= 0xF0 && first <= 0xF4)
        return 4;
    return 0;
}

static bool second_allowed(unsigned char first, unsigned char second)
{
    unsigned char low = 0x80, high = 0xBF;
    if (first == 0xE0)
        low = 0xA0;
    else if (first == 0xED)
        high = 0x9F;
    else if (first == 0xF0)
        low = 0x90;
    else if (first == 0xF4)
        high = 0x8F;
    return second >= low && second <= high;
}

int utf8_sequence(const unsigned char *text, size_t n)
{
    if (n == 0)
        return -1;
    int want = expected_length(text[0]);
    if (want <= 1)
        return want;
    for (int i = 1; i < want; i++) {
        if ((size_t)i >= n)
            return -1;
        bool good = i == 1 ? second_allowed(text[0], text[1]) : (text[i] & 0xC0) == 0x80;
        if (!good)
            return 0;
    }
    return want;
}

bool utf8_valid(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n) {
        /* Eight ASCII bytes at a time: most text is. */
        uint64_t word;
        if (n - i >= sizeof word) {
            memcpy(&word, text + i, sizeof word);
            if (!(word & UINT64_C(0x8080808080808080))) {
                i += sizeof word;
                continue;
            }
        }
        int length = utf8_sequence((const unsigned char *)text + i, n - i);
        if (length <= 0)
            return false;
        i += (size_t)length;
    }
    return true;
}

size_t utf8_held_back(const char *text, size_t n)
{
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        unsigned char c = (unsigned char)text[n - back];
        if (c < 0x80)
            return 0;
        if ((c & 0xC0) == 0xC0)
            return utf8_sequence((const unsigned char *)text + n - back, back) == -1 ? back : 0;
    }
    return 0;
}
