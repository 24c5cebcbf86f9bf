/* desktop/clipboard_internal.h: what the two directions of the clipboard share. */
#ifndef SANDGATE_DESKTOP_CLIPBOARD_INTERNAL_H
#define SANDGATE_DESKTOP_CLIPBOARD_INTERNAL_H

#include "desktop/clipboard.h"

#define CLIPBOARD_MAX_TRANSFERS 8
#define CLIPBOARD_ANSWER_MS     3000 /* without a sign of life from the peer */

enum atom {
    ATOM_CLIPBOARD,
    ATOM_TARGETS,
    ATOM_TIMESTAMP,
    ATOM_INCR,
    ATOM_UTF8,
    ATOM_PLAIN_UTF8,
    ATOM_TEXT,
    ATOM_OURS, /* the property others answer in */
    ATOM_COUNT
};

/* A text on its way to somebody, in pieces. */
struct transfer {
    struct clipboard *clipboard;
    struct timer deadline;
    struct text *text; /* NULL: free */
    Window requestor;
    Atom property, target;
    size_t sent;
};

struct clipboard {
    struct loop *loop;
    struct xserver *x;
    struct clipboard_events events;
    Window window;
    Atom atoms[ATOM_COUNT];
    int fixes_notify;  /* event number */
    struct text *text; /* known to be there */
    bool ours;         /* we own the selection; `text` is what we offer */
    Time since;        /* when we became its owner */
    /* asking others */
    bool asking, in_pieces, asked_latin1;
    struct bytes received;
    struct timer deadline;
    struct clipboard_waiter *waiters;
    /* answering others */
    struct transfer transfers[CLIPBOARD_MAX_TRANSFERS];
};

/* clipboard_offer.c */
void offer_request(struct clipboard *clipboard, const XSelectionRequestEvent *event);
/* True when a transfer of ours was meant. */
bool offer_property(struct clipboard *clipboard, const XPropertyEvent *event);

#endif
