/* rfb.c: see rfb.h. */
#include "rfb.h"

#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum {
    SCREEN_MOST = 8192, /* pixels a side */
    SECURITY_NONE = 1,
    /* messages to the server */
    SET_PIXEL_FORMAT = 0,
    SET_ENCODINGS = 2,
    ASK_UPDATE = 3,
    KEY = 4,
    POINTER = 5,
    ENABLE_CONTINUOUS = 150,
    FENCE = 248, /* either way */
    /* messages from it */
    UPDATE = 0,
    COLORS = 1,
    BELL = 2,
    CUT_TEXT = 3,
    END_OF_CONTINUOUS = 150,
    /* encodings */
    RAW = 0,
    COPY_RECT = 1,
    TIGHT = 7,
    QUALITY = -32 + 6,
    COMPRESSION = -256 + 2,
    DESKTOP_SIZE = -223,
    LAST_RECT = -224,
    EXTENDED_DESKTOP_SIZE = -308,
    FENCES = -312,
    CONTINUOUS = -313,
    CURSOR = -239
};

#define FENCE_REQUEST 0x80000000u

/* ---- bytes ---- */

void rfb_read(struct rfb *rfb, void *to, size_t length)
{
    uint8_t *at = to;

    rfb->bytes += length;
    while (length > 0) {
        size_t part = rfb->unread.length < length ? rfb->unread.length : length;

        if (part == 0) {
            rfb->unread = ws_read(&rfb->wire);
            continue;
        }
        memcpy(at, rfb->unread.data, part);
        rfb->unread.data += part;
        rfb->unread.length -= part;
        at += part;
        length -= part;
    }
}

uint32_t rfb_number(struct rfb *rfb, size_t bytes)
{
    uint8_t read[4];
    uint32_t value = 0;

    rfb_read(rfb, read, bytes);
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | read[i];
    return value;
}

static void skip(struct rfb *rfb, size_t length)
{
    uint8_t dropped[4096];

    while (length > 0) {
        size_t part = length < sizeof(dropped) ? length : sizeof(dropped);

        rfb_read(rfb, dropped, part);
        length -= part;
    }
}

static void put(uint8_t *to, size_t bytes, uint32_t value)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> (bytes - 1 - i) * 8);
}

/* ---- to the server ---- */

static void set_pixel_format(struct rfb *rfb)
{
    /* noVNC's: 32 bits, 24 of them used, little-endian, red in the lowest byte. */
    static const uint8_t message[20] = {
        SET_PIXEL_FORMAT, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 0, 8, 16};

    ws_send_binary(&rfb->wire, message, sizeof(message));
}

static void set_encodings(struct rfb *rfb)
{
    static const int32_t encodings[] = {
        COPY_RECT,   TIGHT,        RAW,       QUALITY,
        COMPRESSION, DESKTOP_SIZE, LAST_RECT, EXTENDED_DESKTOP_SIZE,
        FENCES,      CONTINUOUS,   CURSOR,
    };
    enum { COUNT = sizeof(encodings) / sizeof(*encodings) };
    uint8_t message[4 + 4 * COUNT] = {SET_ENCODINGS, 0, 0, COUNT};

    for (size_t i = 0; i < COUNT; i++)
        put(message + 4 + 4 * i, 4, (uint32_t)encodings[i]);
    ws_send_binary(&rfb->wire, message, sizeof(message));
}

static void put_screen(const struct rfb *rfb, uint8_t *to)
{
    put(to, 4, 0); /* x, y */
    put(to + 4, 2, (uint32_t)rfb->width);
    put(to + 6, 2, (uint32_t)rfb->height);
}

static void ask_update(struct rfb *rfb, bool incremental)
{
    uint8_t message[10] = {ASK_UPDATE, incremental};

    put_screen(rfb, message + 2);
    ws_send_binary(&rfb->wire, message, sizeof(message));
}

static void enable_continuous(struct rfb *rfb)
{
    uint8_t message[10] = {ENABLE_CONTINUOUS, true};

    put_screen(rfb, message + 2);
    ws_send_binary(&rfb->wire, message, sizeof(message));
    rfb->continuous = true;
}

void rfb_key(struct rfb *rfb, uint32_t keysym, bool down)
{
    uint8_t message[8] = {KEY, down};

    put(message + 4, 4, keysym);
    ws_send_binary(&rfb->wire, message, sizeof(message));
}

void rfb_pointer(struct rfb *rfb, int x, int y, int buttons)
{
    uint8_t message[6] = {POINTER, (uint8_t)buttons};

    put(message + 2, 2, (uint32_t)x);
    put(message + 4, 2, (uint32_t)y);
    ws_send_binary(&rfb->wire, message, sizeof(message));
}

/* ---- from the server ---- */

static void set_size(struct rfb *rfb, int width, int height)
{
    if (width < 1 || width > SCREEN_MOST || height < 1 || height > SCREEN_MOST)
        die("a screen of %d×%d", width, height);
    free(rfb->pixels);
    rfb->pixels = calloc((size_t)width * (size_t)height, sizeof(*rfb->pixels));
    if (rfb->pixels == NULL)
        die("out of memory");
    rfb->width = width;
    rfb->height = height;
    rfb->watched = (struct area){0, 0, width, height};
}

static void read_raw(struct rfb *rfb, struct area area)
{
    for (int y = area.y; y < area.y + area.height; y++)
        for (int x = area.x; x < area.x + area.width; x++) {
            uint8_t pixel[4];

            rfb_read(rfb, pixel, sizeof(pixel));
            rfb->pixels[(size_t)y * (size_t)rfb->width + (size_t)x] =
                (uint32_t)pixel[0] << 16 | (uint32_t)pixel[1] << 8 | pixel[2];
        }
}

static void copy_rect(struct rfb *rfb, struct area area)
{
    int from_x = (int)rfb_number(rfb, 2), from_y = (int)rfb_number(rfb, 2);
    bool upwards = from_y >= area.y;

    if (from_x + area.width > rfb->width || from_y + area.height > rfb->height)
        die("a copy from outside the screen");
    for (int i = 0; i < area.height; i++) {
        int row = upwards ? i : area.height - 1 - i;
        uint32_t *to = rfb->pixels + (size_t)(area.y + row) * (size_t)rfb->width + area.x;
        const uint32_t *from = rfb->pixels + (size_t)(from_y + row) * (size_t)rfb->width + from_x;

        memmove(to, from, (size_t)area.width * sizeof(*to));
    }
}

/* Rectangles that tell of something else than pixels; false when this is none of them. */
static bool read_pseudo(struct rfb *rfb, struct area area, int32_t encoding)
{
    size_t width = (size_t)area.width, height = (size_t)area.height;

    switch (encoding) {
    case CURSOR:
        skip(rfb, width * height * 4 + (width + 7) / 8 * height);
        return true;
    case EXTENDED_DESKTOP_SIZE:
        skip(rfb, 3 + 16 * (size_t)(rfb_number(rfb, 1)));
        break;
    case DESKTOP_SIZE:
        break;
    default:
        return false;
    }
    if (area.width != rfb->width || area.height != rfb->height)
        set_size(rfb, area.width, area.height);
    return true;
}

static void read_pixels(struct rfb *rfb, struct area area, int32_t encoding)
{
    if (area.x + area.width > rfb->width || area.y + area.height > rfb->height)
        die("a rectangle outside the screen");
    if (encoding == TIGHT)
        tight_read(rfb, area);
    else if (encoding == COPY_RECT)
        copy_rect(rfb, area);
    else if (encoding == RAW)
        read_raw(rfb, area);
    else
        die("encoding %d, which was not offered", encoding);
    rfb->rectangles++;
    rfb->area += (uint64_t)area.width * (uint64_t)area.height;
}

/* Whether the update held pixels. */
static bool read_update(struct rfb *rfb)
{
    uint64_t rectangles = rfb->rectangles;
    unsigned count;

    skip(rfb, 1);
    count = rfb_number(rfb, 2);
    for (unsigned i = 0; i < count; i++) {
        struct area area = {.x = (int)rfb_number(rfb, 2)};
        int32_t encoding;

        area.y = (int)rfb_number(rfb, 2);
        area.width = (int)rfb_number(rfb, 2);
        area.height = (int)rfb_number(rfb, 2);
        encoding = (int32_t)rfb_number(rfb, 4);
        if (encoding == LAST_RECT)
            break;
        if (!read_pseudo(rfb, area, encoding))
            read_pixels(rfb, area, encoding);
    }
    if (!rfb->continuous)
        ask_update(rfb, true);
    return rfb->rectangles > rectangles;
}

static void answer_fence(struct rfb *rfb)
{
    uint8_t message[9 + 64] = {FENCE};
    uint32_t flags, length;

    skip(rfb, 3);
    flags = rfb_number(rfb, 4);
    length = rfb_number(rfb, 1);
    if (length > 64)
        die("a fence of %u bytes", length);
    rfb_read(rfb, message + 9, length);
    if ((flags & FENCE_REQUEST) == 0)
        return;
    put(message + 4, 4, flags & 7); /* block before, block after, sync next */
    message[8] = (uint8_t)length;
    ws_send_binary(&rfb->wire, message, 9 + length);
}

/* Whether pixels came. */
static bool read_message(struct rfb *rfb)
{
    unsigned kind = rfb_number(rfb, 1);

    switch (kind) {
    case UPDATE: {
        bool pixels = read_update(rfb);

        rfb->updates += pixels;
        return pixels;
    }
    case COLORS:
        die("a colour map, which noVNC does not ask for");
    case BELL:
        break;
    case CUT_TEXT:
        skip(rfb, 3);
        skip(rfb, rfb_number(rfb, 4));
        break;
    case END_OF_CONTINUOUS:
        enable_continuous(rfb);
        break;
    case FENCE:
        answer_fence(rfb);
        break;
    default:
        die("unknown message %u", kind);
    }
    return false;
}

/* Waits until a message has begun to arrive. */
static bool await_message(struct rfb *rfb, int64_t deadline)
{
    struct pollfd source = {.fd = rfb->wire.fd, .events = POLLIN};

    for (;;) {
        int64_t left = deadline - now_ns();
        struct timespec wait = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
        int ready;

        if (rfb->unread.length > 0 || rfb->wire.end > rfb->wire.start)
            return true;
        if (left <= 0)
            return false;
        ready = ppoll(&source, 1, &wait, NULL);
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            die("poll: %s", strerror(errno));
    }
}

bool rfb_update(struct rfb *rfb, int64_t deadline)
{
    while (await_message(rfb, deadline))
        if (read_message(rfb))
            return true;
    return false;
}

/* ---- connecting ---- */

static void agree_on_version(struct rfb *rfb)
{
    char version[12];

    rfb_read(rfb, version, sizeof(version));
    if (memcmp(version, "RFB 003.008\n", sizeof(version)) != 0)
        die("not RFB 3.8: %.11s", version);
    ws_send_binary(&rfb->wire, version, sizeof(version));
}

static void agree_on_security(struct rfb *rfb)
{
    uint8_t kinds[255];
    uint32_t count = rfb_number(rfb, 1);

    if (count == 0)
        die("the server refuses viewers");
    rfb_read(rfb, kinds, count);
    if (memchr(kinds, SECURITY_NONE, count) == NULL)
        die("the server wants a password");
    ws_send_binary(&rfb->wire, (uint8_t[]){SECURITY_NONE}, 1);
    if (rfb_number(rfb, 4) != 0)
        die("the server refuses this viewer");
}

void rfb_open(struct rfb *rfb, size_t port, const char *path)
{
    int width, height;

    memset(rfb, 0, sizeof(*rfb));
    ws_open(&rfb->wire, port, path, "binary");
    agree_on_version(rfb);
    agree_on_security(rfb);
    ws_send_binary(&rfb->wire, (uint8_t[]){1}, 1); /* other viewers may stay */
    width = (int)rfb_number(rfb, 2);
    height = (int)rfb_number(rfb, 2);
    set_size(rfb, width, height);
    skip(rfb, 16); /* the server's own pixel format */
    skip(rfb, rfb_number(rfb, 4));
    set_pixel_format(rfb);
    set_encodings(rfb);
    ask_update(rfb, false);
}

void rfb_close(struct rfb *rfb)
{
    wire_close(&rfb->wire);
    tight_close(rfb);
    free(rfb->pixels);
    rfb->pixels = NULL;
}

void rfb_watch(struct rfb *rfb, struct area area)
{
    rfb->watched = area;
}

uint32_t rfb_pixel(const struct rfb *rfb, int x, int y)
{
    if (x < 0 || x >= rfb->width || y < 0 || y >= rfb->height)
        return 0;
    return rfb->pixels[(size_t)y * (size_t)rfb->width + (size_t)x];
}
