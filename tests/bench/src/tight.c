/* tight.c: the Tight encoding as noVNC is sent it: solid fills, JPEG, and zlib-packed pixels plain
 * or with a palette. See rfb.h. */
#include "clock.h"
#include "rfb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

enum {
    FILL = 8,
    JPEG = 9,
    EXPLICIT_FILTER = 4, /* in the high half of the control byte */
    COPY_FILTER = 0,
    PALETTE_FILTER = 1,
    PALETTE_MOST = 256,
    PLAIN_BELOW = 12, /* bytes; less is not packed */
    TIGHT_MOST = 16 << 20
};

struct palette {
    int count;
    uint32_t color[PALETTE_MOST];
};

/* Memory that grows to the largest rectangle and is kept: the row is not about malloc. */
struct room {
    uint8_t *bytes;
    size_t size;
};

static uint8_t *room_for(struct room *room, size_t size)
{
    if (size > TIGHT_MOST)
        die("a rectangle of %zu bytes is more than this viewer takes", size);
    if (size > room->size) {
        room->bytes = realloc(room->bytes, size);
        room->size = size;
        if (room->bytes == NULL)
            die("out of memory");
    }
    return room->bytes;
}

static uint32_t rgb(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
}

static size_t compact_length(struct rfb *rfb)
{
    size_t length = 0;

    for (int shift = 0; shift < 21; shift += 7) {
        size_t byte = rfb_number(rfb, 1);

        length |= (byte & (shift < 14 ? 0x7f : 0xff)) << shift;
        if (shift < 14 && (byte & 0x80) == 0)
            break;
    }
    return length;
}

static uint32_t *line_of(struct rfb *rfb, struct area area, int row)
{
    return rfb->pixels + (size_t)(area.y + row) * (size_t)rfb->width + area.x;
}

static void fill(struct rfb *rfb, struct area area)
{
    uint8_t bytes[3];
    uint32_t color;

    rfb_read(rfb, bytes, sizeof(bytes));
    color = rgb(bytes);
    for (int row = 0; row < area.height; row++) {
        uint32_t *line = line_of(rfb, area, row);

        for (int x = 0; x < area.width; x++)
            line[x] = color;
    }
}

static void jpeg_failed(j_common_ptr jpeg)
{
    char text[JMSG_LENGTH_MAX];

    jpeg->err->format_message(jpeg, text);
    die("a JPEG rectangle: %s", text);
}

static void decode_jpeg(struct rfb *rfb, struct area area, const uint8_t *bytes, size_t length)
{
    static struct room row_room;
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    uint8_t *row = room_for(&row_room, (size_t)area.width * 3);

    jpeg.err = jpeg_std_error(&errors);
    errors.error_exit = jpeg_failed;
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, bytes, length);
    jpeg_read_header(&jpeg, TRUE);
    jpeg.out_color_space = JCS_RGB;
    jpeg_start_decompress(&jpeg);
    if ((int)jpeg.output_width != area.width || (int)jpeg.output_height != area.height)
        die("a JPEG of %u×%u for a rectangle of %d×%d", jpeg.output_width, jpeg.output_height,
            area.width, area.height);
    for (int y = 0; y < area.height; y++) {
        uint32_t *line = line_of(rfb, area, y);

        jpeg_read_scanlines(&jpeg, &row, 1);
        for (int x = 0; x < area.width; x++)
            line[x] = rgb(row + (size_t)x * 3);
    }
    jpeg_finish_decompress(&jpeg);
    jpeg_destroy_decompress(&jpeg);
}

static bool overlap(struct area a, struct area b)
{
    return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height &&
           b.y < a.y + a.height;
}

static void read_jpeg(struct rfb *rfb, struct area area)
{
    static struct room room;
    size_t length = compact_length(rfb);
    uint8_t *bytes = room_for(&room, length);

    rfb_read(rfb, bytes, length);
    if (overlap(area, rfb->watched))
        decode_jpeg(rfb, area, bytes, length);
}

static void reset_streams(struct rfb *rfb, unsigned which)
{
    for (int i = 0; i < RFB_STREAMS; i++)
        if ((which >> i & 1) != 0 && rfb->streams_open[i])
            inflateReset(&rfb->streams[i]);
}

static void inflate_into(struct rfb *rfb, int which, uint8_t *to, size_t size)
{
    static struct room room;
    z_stream *stream = &rfb->streams[which];
    size_t length = compact_length(rfb);
    uint8_t *packed = room_for(&room, length);
    int result;

    rfb_read(rfb, packed, length);
    if (!rfb->streams_open[which]) {
        if (inflateInit(stream) != Z_OK)
            die("inflateInit: %s", stream->msg ? stream->msg : "out of memory");
        rfb->streams_open[which] = true;
    }
    stream->next_in = packed;
    stream->avail_in = (uInt)length;
    stream->next_out = to;
    stream->avail_out = (uInt)size;
    result = inflate(stream, Z_SYNC_FLUSH);
    if ((result != Z_OK && result != Z_STREAM_END) || stream->avail_out != 0)
        die("a zlib rectangle: %s", stream->msg ? stream->msg : "too short");
}

static void read_palette(struct rfb *rfb, struct palette *palette)
{
    uint8_t bytes[PALETTE_MOST * 3];

    palette->count = (int)rfb_number(rfb, 1) + 1;
    rfb_read(rfb, bytes, (size_t)palette->count * 3);
    for (int i = 0; i < palette->count; i++)
        palette->color[i] = rgb(bytes + (size_t)i * 3);
}

static size_t line_bytes(const struct palette *palette, int width)
{
    if (palette->count == 0)
        return (size_t)width * 3;
    return palette->count == 2 ? (size_t)(width + 7) / 8 : (size_t)width;
}

static void put_line(const struct palette *palette, const uint8_t *from, uint32_t *to, int width)
{
    for (int x = 0; x < width; x++) {
        if (palette->count == 0)
            to[x] = rgb(from + (size_t)x * 3);
        else if (palette->count == 2)
            to[x] = palette->color[from[x / 8] >> (7 - x % 8) & 1];
        else if (from[x] < palette->count)
            to[x] = palette->color[from[x]];
        else
            die("color %d of a palette of %d", from[x], palette->count);
    }
}

static void read_packed(struct rfb *rfb, struct area area, unsigned control)
{
    static struct room room;
    static struct palette palette;
    unsigned filter = (control & EXPLICIT_FILTER) != 0 ? rfb_number(rfb, 1) : COPY_FILTER;
    size_t line, size;
    uint8_t *bytes;

    palette.count = 0;
    if (filter == PALETTE_FILTER)
        read_palette(rfb, &palette);
    else if (filter != COPY_FILTER)
        die("Tight filter %u, which noVNC would be sent only without JPEG", filter);
    line = line_bytes(&palette, area.width);
    size = line * (size_t)area.height;
    bytes = room_for(&room, size);
    if (size < PLAIN_BELOW)
        rfb_read(rfb, bytes, size);
    else
        inflate_into(rfb, (int)(control & 3), bytes, size);
    for (int row = 0; row < area.height; row++)
        put_line(&palette, bytes + (size_t)row * line, line_of(rfb, area, row), area.width);
}

void tight_read(struct rfb *rfb, struct area area)
{
    unsigned control = rfb_number(rfb, 1);

    reset_streams(rfb, control & 0xf);
    control >>= 4;
    if (control == FILL)
        fill(rfb, area);
    else if (control == JPEG)
        read_jpeg(rfb, area);
    else if (control < FILL)
        read_packed(rfb, area, control);
    else
        die("Tight control %#x", control);
}

void tight_close(struct rfb *rfb)
{
    for (int i = 0; i < RFB_STREAMS; i++)
        if (rfb->streams_open[i])
            inflateEnd(&rfb->streams[i]);
}
