/* desktop/cursor.h: what the pointer looks like, by XFixes. Loop thread only. */
#ifndef SANDGATE_DESKTOP_CURSOR_H
#define SANDGATE_DESKTOP_CURSOR_H

#include "desktop/shared.h"
#include "desktop/xserver.h"

/* Viewers get no more of a picture than this each way: what is beyond is cut off. */
#define CURSOR_MAX_SIDE 80

/* Have the server tell of new shapes: XFixesCursorNotify. */
void cursor_watch(struct xserver *x);
/* The shape now, with one reference; NULL when there is none or memory is out. */
struct shape *cursor_shape(struct xserver *x);

#endif
