/* desktop/clipboard.h: the selection CLIPBOARD, both ways (ICCCM section 2). Loop thread only.
 *
 * Text is UTF-8, at most DISPLAY_MAX_TEXT bytes; what others offer beyond that is taken for none.
 * Big texts travel in pieces (INCR). Peers that stop answering are given up. */
#ifndef SANDGATE_DESKTOP_CLIPBOARD_H
#define SANDGATE_DESKTOP_CLIPBOARD_H

#include <X11/Xlib.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "desktop/loop.h"
#include "desktop/shared.h"
#include "desktop/xserver.h"

struct clipboard;

/* Waits for the clipboard's text. Once; NULL as text: there is none. */
struct clipboard_waiter {
    struct clipboard_waiter *next;
    void (*fn)(void *arg, struct text *text);
    void *arg;
};

struct clipboard_events {
    /* Somebody else has put something there. */
    void (*changed)(void *arg);
    /* Our text was handed over, whole. */
    void (*fetched)(void *arg);
    /* Somebody asks what we have; they may yet fetch it. */
    void (*asked)(void *arg);
    void *arg;
};

int clipboard_open(struct loop *loop, struct xserver *x, const struct clipboard_events *events,
                   struct clipboard **ret_clipboard, struct err *err) MUST_CHECK;
/* True when the event was meant for the clipboard. */
bool clipboard_event(struct clipboard *clipboard, XEvent *event);

/* Make `text` the clipboard; takes a reference. */
void clipboard_set(struct clipboard *clipboard, struct text *text);
/* `waiter->fn` is called now or within a few seconds. */
void clipboard_get(struct clipboard *clipboard, struct clipboard_waiter *waiter);
void clipboard_forget(struct clipboard *clipboard, struct clipboard_waiter *waiter);

#endif
