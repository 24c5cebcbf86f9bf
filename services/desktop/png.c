/* PNG (ISO/IEC 15948): 8-bit RGB, one IDAT, compressed by libdeflate at its fastest. */
#include <libdeflate.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "desktop/image.h"

#define LEVEL       1
#define TYPE_IDAT   0x49444154u
#define FILTER_NONE 0
#define FILTER_UP   2

static void put_u32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

static void add_u32(struct bytes *out, uint32_t value)
{
    uint8_t text[4];
    put_u32(text, value);
    (void)bytes_add(out, text, sizeof text);
}

/* Length, type, data, and a checksum of the latter two. */
static void add_chunk(struct bytes *out, const char *type, const void *data, size_t n)
{
    uint32_t crc = libdeflate_crc32(libdeflate_crc32(0, type, 4), data, n);
    add_u32(out, (uint32_t)n);
    (void)bytes_add(out, type, 4);
    (void)bytes_add(out, data, n);
    add_u32(out, crc);
}

static void add_head(struct bytes *out, int width, int height)
{
    uint8_t head[13] = {[8] = 8 /* bits */, [9] = 2 /* RGB */};
    put_u32(head, (uint32_t)width);
    put_u32(head + 4, (uint32_t)height);
    (void)bytes_add(out, "\x89PNG\r\n\x1a\n", 8);
    add_chunk(out, "IHDR", head, sizeof head);
}

static void row_plain(uint8_t *to, const uint8_t *from, int width)
{
    for (int x = 0; x < width; x++, to += 3, from += 4) {
        to[0] = from[2];
        to[1] = from[1];
        to[2] = from[0];
    }
}

/* A row like the one above is all zeros by the filter Up, which costs next to nothing to compress;
 * any other is left as it is: text and flat colours compress best so. */
static void filter_rows(uint8_t *to, const struct screen *screen)
{
    size_t row_size = (size_t)screen->width * 3, pixel_size = (size_t)screen->width * 4;
    const uint8_t *above = NULL;
    for (int y = 0; y < screen->height; y++) {
        const uint8_t *row = screen->pixels + screen->stride * (size_t)y;
        bool same = above && memcmp(above, row, pixel_size) == 0;
        *to++ = same ? FILTER_UP : FILTER_NONE;
        if (same)
            memset(to, 0, row_size);
        else
            row_plain(to, row, screen->width);
        to += row_size;
        above = row;
    }
}

static void free_compressor(struct libdeflate_compressor **compressor)
{
    if (*compressor)
        libdeflate_free_compressor(*compressor);
}

/* The chunk's head goes in front once its length is known. */
static int add_pixels(const struct screen *screen, struct bytes *out, struct err *err)
{
    size_t size = ((size_t)screen->width * 3 + 1) * (size_t)screen->height;
    __attribute__((cleanup(free_compressor))) struct libdeflate_compressor *compressor =
        libdeflate_alloc_compressor(LEVEL);
    cleanup_free uint8_t *rows = malloc(size);
    if (!compressor || !rows)
        return err_memory(err);
    filter_rows(rows, screen);
    size_t room = libdeflate_zlib_compress_bound(compressor, size);
    if (bytes_reserve(out, room + 12) < 0)
        return err_memory(err);
    uint8_t *chunk = (uint8_t *)out->data + out->len;
    put_u32(chunk + 4, TYPE_IDAT);
    size_t n = libdeflate_zlib_compress(compressor, rows, size, chunk + 8, room);
    if (n == 0)
        return err_set(err, ERR_INTERNAL, "the PNG did not fit");
    put_u32(chunk, (uint32_t)n);
    put_u32(chunk + 8 + n, libdeflate_crc32(0, chunk + 4, n + 4));
    out->len += n + 12;
    return 0;
}

int png_encode(const struct screen *screen, struct bytes *out, struct err *err)
{
    add_head(out, screen->width, screen->height);
    if (add_pixels(screen, out, err) < 0)
        return -1;
    add_chunk(out, "IEND", "", 0);
    return out->failed ? err_memory(err) : 0;
}
