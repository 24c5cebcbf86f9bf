/* desktop/vnc.h: one viewer, spoken to through libvncserver; the only door to it.
 *
 * The library encodes and writes, and does both waiting: so each viewer has a thread of its own and
 * a library screen of its own, and what belongs to a session belongs to that thread. The pixels are
 * the X server's, in place; nothing is ever painted into them. */
#ifndef SANDGATE_DESKTOP_VNC_H
#define SANDGATE_DESKTOP_VNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "desktop/screen.h"
#include "desktop/shared.h"

/* What the viewer does; called on its thread. */
struct vnc_events {
    void (*pointer)(void *arg, unsigned buttons, int x, int y);
    void (*key)(void *arg, uint32_t keysym, bool down);
    /* A reference is given away. */
    void (*clipboard)(void *arg, struct text *text);
    /* Tries and says whether it worked; vnc_resize() follows when it did. */
    bool (*resize)(void *arg, int width, int height);
    void *arg;
};

struct vnc;

/* Once, before any thread. */
int vnc_init(struct err *err) MUST_CHECK;

/* Takes `fd`, a connection that may be RFB or a WebSocket with RFB in it. Waits for its first words
 * for up to 100 ms. */
int vnc_open(int fd, const struct screen *screen, const struct vnc_events *events,
             struct vnc **ret_vnc, struct err *err) MUST_CHECK;
void vnc_close(struct vnc *vnc);

/* To be polled for input; -1: the viewer is gone. */
int vnc_fd(const struct vnc *vnc);
/* Whether it has introduced itself. */
bool vnc_is_ready(const struct vnc *vnc);
/* When there is input. */
void vnc_read(struct vnc *vnc);
/* Parts of the screen were drawn on. */
void vnc_damage(struct vnc *vnc, const struct rect *rects, int count);
void vnc_resize(struct vnc *vnc, int width, int height);
/* References are taken over; NULL as shape: none is to be seen. */
void vnc_set_shape(struct vnc *vnc, struct shape *shape);
void vnc_set_clipboard(struct vnc *vnc, struct text *text);
/* Sends what the viewer has asked for, if there is anything. */
void vnc_send(struct vnc *vnc);
/* Whether it waits for something to be drawn. */
bool vnc_wants_damage(const struct vnc *vnc);

#endif
