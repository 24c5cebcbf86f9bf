/* desktop/rfb.h: what viewers send once they are connected (RFC 6143 section 7.5, and the
 * community's list of extensions), checked. Pure.
 *
 * libvncserver could read this itself, but waits for the rest of a message with its hands tied,
 * knows messages nobody here wants (files, scaling, chat), and only half of the clipboard. */
#ifndef SANDGATE_DESKTOP_RFB_H
#define SANDGATE_DESKTOP_RFB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define RFB_MAX_ENCODINGS 256
#define RFB_MAX_SCREENS   16
#define RFB_MAX_TEXT      (1u << 20)
/* No message is longer. */
#define RFB_MAX_MESSAGE (RFB_MAX_TEXT + 4096)

enum rfb_kind {
    RFB_PIXEL_FORMAT = 0,
    RFB_ENCODINGS = 2,
    RFB_UPDATE_REQUEST = 3,
    RFB_KEY = 4,
    RFB_POINTER = 5,
    RFB_CUT_TEXT = 6,
    RFB_DESKTOP_SIZE = 251,
};

struct rfb_format {
    int bits, depth;
    bool big_endian;
    int max[3], shift[3]; /* red, green, blue */
};

struct rfb_message {
    enum rfb_kind kind;
    struct rfb_format format; /* RFB_PIXEL_FORMAT */
    int x, y, width, height;  /* RFB_UPDATE_REQUEST, RFB_POINTER, RFB_DESKTOP_SIZE */
    bool incremental;         /* RFB_UPDATE_REQUEST */
    bool down;                /* RFB_KEY */
    uint32_t keysym;          /* RFB_KEY */
    unsigned buttons;         /* RFB_POINTER: bit 0 is button 1 */
    bool extended;            /* RFB_CUT_TEXT: by the extended clipboard, else Latin-1 */
    const uint8_t *data; /* RFB_ENCODINGS: `count` times 4 bytes; RFB_CUT_TEXT: `count` bytes */
    size_t count;
};

/* Looks at the message that begins at `data`. 1: it is whole, *ret_n bytes. 0: more is needed,
 * *ret_n bytes in all as far as one can tell. -1 (ERR_SYNTAX): nothing good comes from this peer.
 */
int rfb_parse(const uint8_t *data, size_t n, struct rfb_message *ret_message, size_t *ret_n,
              struct err *err) MUST_CHECK;
int32_t rfb_encoding(const struct rfb_message *message, size_t index);

/* The extended clipboard (pseudo-encoding 0xC0A1E5CE): who has text says so, who wants it asks. */
enum clip_action {
    CLIP_CAPS = 1 << 24,
    CLIP_REQUEST = 1 << 25,
    CLIP_PEEK = 1 << 26,
    CLIP_NOTIFY = 1 << 27,
    CLIP_PROVIDE = 1 << 28,
};

struct clip_message {
    uint32_t actions; /* enum clip_action; CLIP_CAPS: what the peer takes */
    bool text;        /* text is what it is about */
    uint32_t limit;   /* CLIP_CAPS: text up to this length may be provided unasked */
};

/* `message` is an extended RFB_CUT_TEXT. */
int clip_parse(const struct rfb_message *message, struct clip_message *ret_clip,
               struct err *err) MUST_CHECK;
/* The text of a CLIP_PROVIDE, as UTF-8 whose lines end with a line feed. `out` has the limit. */
int clip_text(const struct rfb_message *message, struct bytes *out, struct err *err) MUST_CHECK;
/* Latin-1 to the same. */
int clip_latin1(const struct rfb_message *message, struct bytes *out, struct err *err) MUST_CHECK;

/* Whole messages from the server. `out` gets them appended. */
void clip_write(struct bytes *out, uint32_t flags);
void clip_write_caps(struct bytes *out);
int clip_write_text(struct bytes *out, const char *text, size_t n, struct err *err) MUST_CHECK;
void clip_write_latin1(struct bytes *out, const char *text, size_t n);
#define CLIP_TEXT 1u

#endif
