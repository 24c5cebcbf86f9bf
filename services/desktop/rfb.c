#include "desktop/rfb.h"

#include <string.h>

static unsigned u16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static uint32_t u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int32_t rfb_encoding(const struct rfb_message *message, size_t index)
{
    return (int32_t)u32(message->data + index * 4);
}

/* The part of a message that tells its length. 0: there is no such message here. */
static size_t head_size(uint8_t kind)
{
    switch (kind) {
    case RFB_PIXEL_FORMAT:
        return 20;
    case RFB_ENCODINGS:
        return 4;
    case RFB_UPDATE_REQUEST:
        return 10;
    case RFB_POINTER:
        return 6;
    case RFB_KEY:
    case RFB_CUT_TEXT:
    case RFB_DESKTOP_SIZE:
        return 8;
    default:
        return 0;
    }
}

/* A length below zero says: extended clipboard. */
static uint32_t text_length(const uint8_t *head)
{
    uint32_t length = u32(head + 4);
    return length & 0x80000000u ? (uint32_t) - (int64_t)(int32_t)length : length;
}

static int body_size(const uint8_t *head, size_t *ret_size, struct err *err)
{
    size_t size = 0;
    if (head[0] == RFB_ENCODINGS) {
        if (u16(head + 2) > RFB_MAX_ENCODINGS)
            return err_set(err, ERR_SYNTAX, "%u encodings", u16(head + 2));
        size = u16(head + 2) * (size_t)4;
    } else if (head[0] == RFB_CUT_TEXT) {
        if (text_length(head) > RFB_MAX_TEXT)
            return err_set(err, ERR_SYNTAX, "a cut text of %u bytes", text_length(head));
        size = text_length(head);
    } else if (head[0] == RFB_DESKTOP_SIZE) {
        if (head[6] < 1 || head[6] > RFB_MAX_SCREENS)
            return err_set(err, ERR_SYNTAX, "%u screens", head[6]);
        size = head[6] * (size_t)16;
    }
    *ret_size = size;
    return 0;
}

/* What the translation tables of libvncserver can do without harm. */
static int check_format(const struct rfb_format *format, bool true_colour, struct err *err)
{
    bool good = true_colour && (format->bits == 8 || format->bits == 16 || format->bits == 32) &&
                format->depth >= 1 && format->depth <= format->bits;
    for (int i = 0; i < 3; i++) {
        uint64_t max = (uint64_t)format->max[i];
        bool power_of_two = max > 0 && (max & (max + 1)) == 0;
        good = good && power_of_two && format->shift[i] < format->bits &&
               max << format->shift[i] < UINT64_C(1) << format->bits;
    }
    return good ? 0 : err_set(err, ERR_SYNTAX, "a pixel format that is not offered");
}

static int parse_format(const uint8_t *p, struct rfb_message *message, struct err *err)
{
    struct rfb_format *format = &message->format;
    format->bits = p[4];
    format->depth = p[5];
    format->big_endian = p[6] != 0;
    for (int i = 0; i < 3; i++) {
        format->max[i] = (int)u16(p + 8 + (size_t)i * 2);
        format->shift[i] = p[14 + i];
    }
    return check_format(format, p[7] != 0, err);
}

static int fill_in(const uint8_t *p, struct rfb_message *m, struct err *err)
{
    switch (m->kind) {
    case RFB_PIXEL_FORMAT:
        return parse_format(p, m, err);
    case RFB_ENCODINGS:
        m->data = p + 4;
        m->count = u16(p + 2);
        break;
    case RFB_UPDATE_REQUEST:
        m->incremental = p[1] != 0;
        m->x = (int)u16(p + 2);
        m->y = (int)u16(p + 4);
        m->width = (int)u16(p + 6);
        m->height = (int)u16(p + 8);
        break;
    case RFB_KEY:
        m->down = p[1] != 0;
        m->keysym = u32(p + 4);
        break;
    case RFB_POINTER:
        m->buttons = p[1];
        m->x = (int)u16(p + 2);
        m->y = (int)u16(p + 4);
        break;
    case RFB_CUT_TEXT:
        m->extended = (p[4] & 0x80) != 0;
        m->data = p + 8;
        m->count = text_length(p);
        break;
    case RFB_DESKTOP_SIZE:
        m->width = (int)u16(p + 2);
        m->height = (int)u16(p + 4);
        break;
    }
    return 0;
}

int rfb_parse(const uint8_t *data, size_t n, struct rfb_message *ret_message, size_t *ret_n,
              struct err *err)
{
    size_t body = 0;
    *ret_n = 1;
    if (n == 0)
        return 0;
    size_t head = head_size(data[0]);
    if (head == 0)
        return err_set(err, ERR_SYNTAX, "a message of type %u", data[0]);
    *ret_n = head;
    if (n < head)
        return 0;
    if (body_size(data, &body, err) < 0)
        return -1;
    *ret_n = head + body;
    if (n < head + body)
        return 0;
    struct rfb_message message = {.kind = (enum rfb_kind)data[0]};
    if (fill_in(data, &message, err) < 0)
        return -1;
    *ret_message = message;
    return 1;
}
