/* desktop/damage.h: which parts of the screen were drawn on, by XDamage. Loop thread only.
 *
 * The server collects; it is asked only when somebody wants to know, and watches only while
 * somebody looks, so that a screen without viewers costs nothing. */
#ifndef SANDGATE_DESKTOP_DAMAGE_H
#define SANDGATE_DESKTOP_DAMAGE_H

#include <stdbool.h>

#include "desktop/screen.h"
#include "desktop/xserver.h"

#define DAMAGE_MAX_RECTS 64

struct damage {
    struct xserver *x;
    unsigned long object, region; /* XIDs, 0: not watching */
    bool waiting;                 /* the server has said that there is something */
};

/* What is drawn after this returns is noticed. */
void damage_watch(struct damage *damage, struct xserver *x);
void damage_ignore(struct damage *damage);
/* For XDamageNotify. */
void damage_event(struct damage *damage);
/* Fetches what was drawn since the last time; what is drawn later is told later. Returns how many
 * rectangles; many small ones become the one that holds them all. */
int damage_take(struct damage *damage, struct rect rects[static DAMAGE_MAX_RECTS]);

#endif
