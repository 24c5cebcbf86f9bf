/* Texts of clipboards as RFB carries them. */
#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#include "base/utf8.h"
#include "desktop/keynames.h"
#include "desktop/rfb.h"

#define FORMATS 0xFFFFu /* the lower half of the flags: kinds of content */

static uint32_t u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void add_u32(struct bytes *out, uint32_t value)
{
    const uint8_t text[] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                            (uint8_t)value};
    (void)bytes_add(out, text, sizeof text);
}

int clip_parse(const struct rfb_message *message, struct clip_message *ret_clip, struct err *err)
{
    if (message->count < 4)
        return err_set(err, ERR_SYNTAX, "an extended clipboard message without flags");
    uint32_t flags = u32(message->data);
    struct clip_message clip = {.actions = flags & ~FORMATS, .text = (flags & CLIP_TEXT) != 0};
    if (clip.actions & CLIP_CAPS) {
        /* A limit for each format, text's first. */
        if (message->count < 4 + 4 * (size_t)__builtin_popcount(flags & FORMATS))
            return err_set(err, ERR_SYNTAX, "clipboard capabilities that are cut off");
        clip.limit = clip.text ? u32(message->data + 4) : 0;
    }
    *ret_clip = clip;
    return 0;
}

static int inflate_exactly(z_stream *stream, void *to, size_t n)
{
    stream->next_out = to;
    stream->avail_out = (uInt)n;
    while (stream->avail_out > 0) {
        int result = inflate(stream, Z_SYNC_FLUSH);
        if (result != Z_OK)
            return result == Z_STREAM_END && stream->avail_out == 0 ? 0 : -1;
    }
    return 0;
}

/* Lines may end with CR LF or CR; a NUL ends the text. */
static int add_lines(struct bytes *out, const char *text, size_t n)
{
    const char *nul = memchr(text, 0, n);
    if (nul)
        n = (size_t)(nul - text);
    for (size_t i = 0; i < n; i++) {
        if (text[i] != '\r')
            (void)bytes_addc(out, text[i]);
        else if (i + 1 == n || text[i + 1] != '\n')
            (void)bytes_addc(out, '\n');
    }
    return out->failed ? -1 : 0;
}

static int inflate_text(z_stream *stream, struct bytes *out, struct err *err)
{
    uint8_t head[4];
    if (inflate_exactly(stream, head, sizeof head) < 0)
        return err_set(err, ERR_SYNTAX, "a clipboard text that is cut off");
    uint32_t n = u32(head);
    if (n > RFB_MAX_TEXT + 1)
        return err_set(err, ERR_SYNTAX, "a clipboard text of %u bytes", n);
    struct bytes text = BYTES_INIT(RFB_MAX_TEXT + 1);
    int result = -1;
    if (bytes_reserve(&text, n) < 0)
        (void)err_memory(err);
    else if (n > 0 && inflate_exactly(stream, text.data, n) < 0)
        (void)err_set(err, ERR_SYNTAX, "a clipboard text that is cut off");
    else if (!utf8_valid(text.data, n))
        (void)err_set(err, ERR_SYNTAX, "a clipboard text that is not UTF-8");
    else if (add_lines(out, text.data, n) < 0)
        (void)err_set(err, ERR_SYNTAX, "a clipboard text that is too long");
    else
        result = 0;
    bytes_done(&text);
    return result;
}

int clip_text(const struct rfb_message *message, struct bytes *out, struct err *err)
{
    z_stream stream = {.next_in = (Bytef *)message->data + 4,
                       .avail_in = (uInt)(message->count - 4)};
    if (inflateInit(&stream) != Z_OK)
        return err_memory(err);
    int result = inflate_text(&stream, out, err);
    (void)inflateEnd(&stream);
    return result;
}

int clip_latin1(const struct rfb_message *message, struct bytes *out, struct err *err)
{
    struct bytes text = BYTES_INIT((size_t)RFB_MAX_TEXT * 2);
    for (size_t i = 0; i < message->count; i++) {
        uint8_t byte = message->data[i];
        if (byte >= 0x80)
            (void)bytes_addc(&text, (char)(0xC0 | byte >> 6));
        (void)bytes_addc(&text, (char)(byte < 0x80 ? byte : 0x80 | (byte & 0x3F)));
    }
    int result = text.failed ? -1 : add_lines(out, text.data ? text.data : "", text.len);
    bytes_done(&text);
    return result < 0 ? err_set(err, ERR_SYNTAX, "a clipboard text that is too long") : 0;
}

static void write_head(struct bytes *out, uint32_t length)
{
    add_u32(out, 3u << 24); /* ServerCutText and padding */
    add_u32(out, length);
}

void clip_write(struct bytes *out, uint32_t flags)
{
    write_head(out, (uint32_t)-4);
    add_u32(out, flags);
}

void clip_write_caps(struct bytes *out)
{
    write_head(out, (uint32_t)-8);
    add_u32(out, CLIP_CAPS | CLIP_REQUEST | CLIP_PEEK | CLIP_NOTIFY | CLIP_PROVIDE | CLIP_TEXT);
    add_u32(out, RFB_MAX_TEXT);
}

/* Lines end with CR LF on the wire. */
static void add_wire_lines(struct bytes *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\n')
            (void)bytes_addc(out, '\r');
        (void)bytes_addc(out, text[i]);
    }
}

int clip_write_text(struct bytes *out, const char *text, size_t n, struct err *err)
{
    struct bytes plain = BYTES_INIT((size_t)RFB_MAX_TEXT * 2 + 8);
    add_u32(&plain, 0);
    add_wire_lines(&plain, text, n);
    (void)bytes_addc(&plain, '\0');
    int result = -1;
    uLongf size = compressBound((uLong)plain.len);
    if (plain.failed || bytes_reserve(out, size + 12) < 0) {
        (void)err_memory(err);
    } else {
        uint32_t length = (uint32_t)plain.len - 4;
        for (int i = 0; i < 4; i++)
            plain.data[i] = (char)(length >> (24 - 8 * i));
        /* Space for the head, whose length is known only then. */
        uint8_t *to = (uint8_t *)out->data + out->len + 12;
        (void)compress2(to, &size, (const Bytef *)plain.data, (uLong)plain.len, Z_BEST_SPEED);
        write_head(out, (uint32_t) - (int64_t)(size + 4));
        add_u32(out, CLIP_PROVIDE | CLIP_TEXT);
        out->len += size;
        result = 0;
    }
    bytes_done(&plain);
    return result;
}

void clip_write_latin1(struct bytes *out, const char *text, size_t n)
{
    size_t length, head = out->len;
    write_head(out, 0);
    size_t begin = out->len;
    for (size_t i = 0; i < n; i += length) {
        uint32_t character = utf8_character(text + i, n - i, &length);
        (void)bytes_addc(out, character < 0x100 ? (char)character : '?');
    }
    for (int i = 0; !out->failed && i < 4; i++)
        out->data[head + 4 + (size_t)i] = (char)((out->len - begin) >> (24 - 8 * i));
}
