#include "desktop/xwd.h"

#define VERSION     7
#define Z_PIXMAP    2
#define LSB_FIRST   0
#define TRUE_COLOUR 4
#define COLOUR_SIZE 12
#define MAX_SIDE    32767

/* Every field is a 32-bit number, big-endian on any machine. */
enum field {
    HEADER_SIZE,
    FILE_VERSION,
    PIXMAP_FORMAT,
    PIXMAP_DEPTH,
    PIXMAP_WIDTH,
    PIXMAP_HEIGHT,
    XOFFSET,
    BYTE_ORDER_OF,
    BITMAP_UNIT,
    BITMAP_BIT_ORDER,
    BITMAP_PAD,
    BITS_PER_PIXEL,
    BYTES_PER_LINE,
    VISUAL_CLASS,
    RED_MASK,
    GREEN_MASK,
    BLUE_MASK,
    BITS_PER_RGB,
    COLORMAP_ENTRIES,
    NCOLORS,
};

static uint32_t field(const uint8_t *head, enum field which)
{
    const uint8_t *p = head + (size_t)which * 4;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int check_format(const uint8_t *head, struct err *err)
{
    if (field(head, FILE_VERSION) != VERSION || field(head, PIXMAP_FORMAT) != Z_PIXMAP)
        return err_set(err, ERR_UNSUPPORTED, "the screen's file is no XWD file of version 7");
    if (field(head, BITS_PER_PIXEL) != 32 || field(head, BYTE_ORDER_OF) != LSB_FIRST ||
        field(head, VISUAL_CLASS) != TRUE_COLOUR || field(head, RED_MASK) != 0xFF0000 ||
        field(head, GREEN_MASK) != 0xFF00 || field(head, BLUE_MASK) != 0xFF)
        return err_set(err, ERR_UNSUPPORTED,
                       "the screen's pixels are not 32 bits each with blue in the lowest byte");
    return 0;
}

int xwd_parse(const uint8_t *head, size_t n, uint64_t file_size, struct xwd *ret_xwd,
              struct err *err)
{
    if (n < XWD_HEAD)
        return err_set(err, ERR_UNSUPPORTED, "the screen's file is too short");
    if (check_format(head, err) < 0)
        return -1;
    uint64_t width = field(head, PIXMAP_WIDTH), height = field(head, PIXMAP_HEIGHT);
    uint64_t stride = field(head, BYTES_PER_LINE);
    uint64_t offset =
        field(head, HEADER_SIZE) + (uint64_t)field(head, NCOLORS) * (uint64_t)COLOUR_SIZE;
    if (width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE || stride < width * 4 ||
        stride % 4 != 0 || offset < XWD_HEAD || offset % 4 != 0 ||
        offset + stride * height > file_size)
        return err_set(err, ERR_UNSUPPORTED, "the screen's file does not hold what its head says");
    *ret_xwd = (struct xwd){(size_t)offset, (size_t)stride, (int)width, (int)height};
    return 0;
}
