/* desktop/xserver.h: the connection to the X server. One thread owns it.
 *
 * When the connection breaks the program ends at once, with one line that says so: nothing here
 * works without it, and the supervisor starts what is needed again. */
#ifndef SANDGATE_DESKTOP_XSERVER_H
#define SANDGATE_DESKTOP_XSERVER_H

#include <X11/Xlib.h>
#include <stdbool.h>

#include "base/err.h"

struct xserver {
    Display *display;
    Window root;
    int damage_event, fixes_event, randr_event, xkb_event; /* first event of each extension */
};

/* Connects to $DISPLAY and insists on the extensions this program needs. */
int xserver_open(struct xserver *x, struct err *err) MUST_CHECK;
void xserver_close(struct xserver *x);

/* Requests may fail for reasons that are nobody's fault (a window that has just gone); the server
 * says so later. Forget what it said so far; then, after requests, wait for it and tell whether any
 * failed. */
void xserver_forget_errors(struct xserver *x);
bool xserver_failed(struct xserver *x);

#endif
