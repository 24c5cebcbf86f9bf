/* What viewers send. Input: a stream of messages. */
#include "fuzz.h"

#include "base/utf8.h"
#include "desktop/rfb.h"

static void check_text(const struct bytes *text)
{
    HOLDS(!text->failed && text->len <= RFB_MAX_TEXT);
    HOLDS(text->len == 0 || utf8_valid(text->data, text->len));
    HOLDS(text->len == 0 || !memchr(text->data, 0, text->len));
    HOLDS(text->len == 0 || !memchr(text->data, '\r', text->len));
}

static void check_cut_text(const struct rfb_message *message)
{
    struct bytes text = BYTES_INIT(RFB_MAX_TEXT);
    struct clip_message clip;
    struct err err;
    if (!message->extended) {
        if (clip_latin1(message, &text, &err) == 0)
            check_text(&text);
    } else if (clip_parse(message, &clip, &err) == 0 && (clip.actions & CLIP_PROVIDE)) {
        if (clip_text(message, &text, &err) == 0)
            check_text(&text);
    }
    bytes_done(&text);
}

static void check_format(const struct rfb_format *format)
{
    HOLDS(format->bits == 8 || format->bits == 16 || format->bits == 32);
    for (int i = 0; i < 3; i++)
        HOLDS(format->max[i] > 0 && format->shift[i] < format->bits);
}

/* The text of a message, sent on, is the same text when it comes back. */
static void check_way_back(const char *text, size_t n)
{
    struct bytes out = BYTES_INIT((size_t)RFB_MAX_TEXT * 3), back = BYTES_INIT(RFB_MAX_TEXT);
    struct rfb_message message = {.kind = RFB_CUT_TEXT, .extended = true};
    struct err err;
    HOLDS(clip_write_text(&out, text, n, &err) == 0);
    message.data = (const uint8_t *)out.data + 8;
    message.count = out.len - 8;
    HOLDS(clip_text(&message, &back, &err) == 0);
    HOLDS(back.len == n && (n == 0 || memcmp(back.data, text, n) == 0));
    bytes_done(&out);
    bytes_done(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = 0, n;
    const char *text = (const char *)data;
    for (;;) {
        struct rfb_message message;
        struct err err;
        int whole = rfb_parse(data + at, size - at, &message, &n, &err);
        HOLDS(whole < 0 || (n >= 1 && n <= RFB_MAX_MESSAGE));
        if (whole <= 0) {
            HOLDS(whole < 0 || n > size - at);
            break;
        }
        HOLDS(n <= size - at);
        if (message.kind == RFB_CUT_TEXT)
            check_cut_text(&message);
        if (message.kind == RFB_PIXEL_FORMAT)
            check_format(&message.format);
        for (size_t i = 0; message.kind == RFB_ENCODINGS && i < message.count; i++)
            (void)rfb_encoding(&message, i);
        at += n;
    }
    if (utf8_valid(text, size) &&
        (size == 0 || (!memchr(text, 0, size) && !memchr(text, '\r', size))))
        check_way_back(text, size);
    return 0;
}
