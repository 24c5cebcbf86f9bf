#include "base/base64url.h"

#include <stdint.h>

#include "base/bytes.h"

/* RFC 4648 section 5: the alphabet of base64 but for its last two. */
static int value_of(char c)
{
    if (c == '-' || c == '_')
        return c == '-' ? 62 : 63;
    return c == '+' || c == '/' ? -1 : base64_value(c);
}

long base64url_decode(const char *text, size_t n, unsigned char *out, size_t room)
{
    uint32_t held = 0;
    unsigned bits = 0;
    size_t used = 0;
    if (n % 4 == 1 || n / 4 * 3 + (n % 4 ? n % 4 - 1 : 0) > room)
        return -1;
    for (size_t i = 0; i < n; i++) {
        int value = value_of(text[i]);
        if (value < 0)
            return -1;
        held = held << 6 | (uint32_t)value;
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        out[used++] = (unsigned char)(held >> bits);
        held &= (1u << bits) - 1;
    }
    /* Bits that stand for nothing are zero, or two texts would be one. */
    return held ? -1 : (long)used;
}
