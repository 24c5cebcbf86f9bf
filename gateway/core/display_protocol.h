/* core/display_protocol.h: what the gateway and the desktop program (services/desktop) say to each
 * other on the desktop's control socket. Both are built together from this file, so there is no
 * version to agree on and integers are the machine's own.
 *
 * A connection carries requests one after another; each is answered before the next is read. A
 * request is a head and `length` bytes; so is a reply. */
#ifndef SANDGATE_CORE_DISPLAY_PROTOCOL_H
#define SANDGATE_CORE_DISPLAY_PROTOCOL_H

#include <stdint.h>

#define DISPLAY_MAGIC       0x50534453u /* "SDSP" */
#define DISPLAY_CONTROL     "control"   /* name of the socket in the desktop's run folder */
#define DISPLAY_MAX_REQUEST (2u << 20)  /* payload bytes */
#define DISPLAY_MAX_REPLY   (128u << 20)
#define DISPLAY_MAX_TEXT    (1u << 20) /* of a clipboard or of one typing */
#define DISPLAY_MAX_EVENTS  4096
#define DISPLAY_MAX_WAIT_MS 60000
/* Sizes a screen may have. */
#define DISPLAY_MIN_WIDTH  320
#define DISPLAY_MIN_HEIGHT 200
#define DISPLAY_MAX_WIDTH  3840
#define DISPLAY_MAX_HEIGHT 2160

enum display_op {
    DISPLAY_STATUS = 1,    /* nothing but the reply's head */
    DISPLAY_SCREENSHOT,    /* a: enum display_format, b: JPEG quality 0–100; reply: the image */
    DISPLAY_INPUT,         /* payload: events; replied to when all are done */
    DISPLAY_CLIPBOARD_GET, /* reply: UTF-8 text */
    DISPLAY_CLIPBOARD_SET, /* payload: UTF-8 text */
    DISPLAY_RESIZE,        /* a: width, b: height; replied to when the screen has that size */
};
enum display_format { DISPLAY_PNG, DISPLAY_JPEG };

struct display_request {
    uint32_t magic, op;
    int32_t a, b;
    uint32_t length;
};

enum display_result {
    DISPLAY_OK,
    DISPLAY_INVALID,     /* the request asks for what is not possible; the payload says what */
    DISPLAY_UNAVAILABLE, /* the X server does not answer */
    DISPLAY_FAILED,
};

/* Every reply tells the screen as it is after the request. When `result` is not DISPLAY_OK the
 * payload is a sentence for a person. */
struct display_reply {
    uint32_t magic, result;
    int32_t width, height; /* of the screen, pixels */
    int32_t x, y;          /* of the pointer */
    uint32_t length;
};

/* Input is a list of these, each followed by `length` bytes of text (UTF-8), without padding.
 * A list is checked whole before its first event happens; lists of several connections are done one
 * after another. Buttons and keys still held down when a list fails are released. */
enum display_event_kind {
    DISPLAY_MOVE = 1, /* x, y: pixels; off the screen is invalid */
    DISPLAY_BUTTON, /* x: 1 left, 2 middle, 3 right, 4–7 wheel up, down, left, right; y: down? */
    DISPLAY_KEY,    /* x: down?; text: name of the key ("a", "ctrl", "Enter", "f5", "é", …) */
    DISPLAY_TYPE,   /* text: typed key by key, whatever the keyboard layout */
    DISPLAY_PASTE,  /* text: made the clipboard, then Ctrl+V; done when it was fetched */
    DISPLAY_WAIT,   /* x: milliseconds */
};
struct display_event {
    uint32_t kind;
    int32_t x, y;
    uint32_t length;
};

#endif
