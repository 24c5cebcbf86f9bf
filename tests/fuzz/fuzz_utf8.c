/* Text on its way out. Input: a byte that says how it is cut, then the text. */
#include "fuzz.h"

#include "base/jsonw.h"
#include "base/utf8.h"

/* A decoder of the other kind: by code point, not by table. */
static size_t sequence_by_value(const uint8_t *p, size_t n)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = p[0] < 0x80       ? 1
                    : p[0] >> 5 == 6  ? 2
                    : p[0] >> 4 == 14 ? 3
                    : p[0] >> 3 == 30 ? 4
                                      : 0;
    if (length == 0 || length > n)
        return 0;
    uint32_t value = length == 1 ? p[0] : p[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if (p[i] >> 6 != 2)
            return 0;
        value = value << 6 | (p[i] & 0x3fU);
    }
    bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    return value >= least[length] && value <= 0x10FFFF && !surrogate ? length : 0;
}

static bool valid_by_value(const uint8_t *p, size_t n)
{
    while (n) {
        size_t length = sequence_by_value(p, n);
        if (!length)
            return false;
        p += length;
        n -= length;
    }
    return true;
}

/* As a session writes output that comes in pieces: what may yet be completed waits. */
static void write_in_pieces(struct jsonw *w, const char *text, size_t n, size_t piece)
{
    size_t begin = 0, end = 0;
    jsonw_string_begin(w);
    while (end < n) {
        end = n - end < piece ? n : end + piece;
        size_t held = utf8_held_back(text + begin, end - begin);
        HOLDS(held <= 3 && held <= end - begin);
        if (held)
            HOLDS(utf8_sequence((const unsigned char *)text + end - held, held) == -1);
        jsonw_piece(w, text + begin, end - begin - held);
        begin = end - held;
    }
    jsonw_piece(w, text + begin, n - begin);
    jsonw_string_end(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes whole = BYTES_INIT(16 * MIB), pieces = BYTES_INIT(16 * MIB);
    struct jsonw one = jsonw_on(&whole), many = jsonw_on(&pieces);
    if (size == 0)
        return 0;
    size_t piece = data[0] % 16U + 1;
    const char *text = (const char *)data + 1;
    size_t n = size - 1;
    bool valid = utf8_valid(text, n);
    HOLDS(valid == valid_by_value(data + 1, n));
    HOLDS(!valid || utf8_held_back(text, n) == 0);
    jsonw_text(&one, text, n);
    write_in_pieces(&many, text, n, piece);
    HOLDS(!whole.failed && utf8_valid(whole.data, whole.len));
    HOLDS(whole.len == pieces.len && memcmp(whole.data, pieces.data, whole.len) == 0);
    HOLDS(whole.len >= 2 && whole.data[0] == '"' && whole.data[whole.len - 1] == '"');
    for (size_t i = 0; i < whole.len; i++)
        HOLDS((unsigned char)whole.data[i] >= 0x20);
    bytes_done(&whole);
    bytes_done(&pieces);
    return 0;
}
