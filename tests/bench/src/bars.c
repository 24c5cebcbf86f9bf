/* bars.c: see bars.h. */
#include "bars.h"

#include <stdlib.h>

enum {
    CELL = 16, /* pixels */
    MARKS = 4,
    BITS = 12,
    CELLS = MARKS + 2 * BITS,
    NEAR = 60 /* what JPEG may change of one colour component */
};

static bool is_near(uint32_t pixel, uint32_t color)
{
    for (int shift = 0; shift < 24; shift += 8)
        if (abs((int)(pixel >> shift & 0xff) - (int)(color >> shift & 0xff)) > NEAR)
            return false;
    return true;
}

/* Whether cells of magenta and yellow follow one another to the right of this corner. */
static bool marked(const struct rfb *rfb, int x, int y)
{
    static const uint32_t colors[2] = {0xff00ff, 0xffff00};

    for (int i = 0; i < MARKS; i++)
        if (!is_near(rfb_pixel(rfb, x + i * CELL + CELL / 2, y + CELL / 2), colors[i % 2]))
            return false;
    return is_near(rfb_pixel(rfb, x + 2, y + 2), colors[0]);
}

bool bars_find(const struct rfb *rfb, struct area *ret)
{
    for (int y = 0; y + CELL <= rfb->height; y++)
        for (int x = 0; x + CELLS * CELL <= rfb->width; x++)
            if (marked(rfb, x, y)) {
                *ret = (struct area){x, y, CELLS * CELL, CELL};
                return true;
            }
    return false;
}

static unsigned read_bits(const struct rfb *rfb, struct area bars, int first)
{
    unsigned number = 0;

    for (int i = 0; i < BITS; i++) {
        int x = bars.x + (first + i) * CELL + CELL / 2;
        uint32_t green = rfb_pixel(rfb, x, bars.y + CELL / 2) >> 8 & 0xff;

        number = number << 1 | (green >= 128);
    }
    return number;
}

int bars_read(const struct rfb *rfb, struct area bars)
{
    unsigned number = read_bits(rfb, bars, MARKS);
    unsigned inverted = read_bits(rfb, bars, MARKS + BITS);

    return number == (~inverted & ((1u << BITS) - 1)) ? (int)number : -1;
}
