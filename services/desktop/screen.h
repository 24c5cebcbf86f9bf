/* desktop/screen.h: the pixels of the X server's screen, in place: its file is mapped, not copied.
 *
 * The mapping has the size the server began with; the screen is its upper left part. It stays where
 * it is until the program ends, so any thread may read pixels at any time; what it reads is what
 * the server has drawn by then. Width and height belong to the loop thread. */
#ifndef SANDGATE_DESKTOP_SCREEN_H
#define SANDGATE_DESKTOP_SCREEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct rect {
    int x, y, width, height;
};

struct screen {
    const uint8_t *pixels; /* 4 bytes each: blue, green, red, unused */
    size_t stride;         /* bytes from row to row */
    int width, height;     /* now */
    int max_width, max_height;
    void *map;
    size_t map_size;
};

/* Maps the file `Xvfb_screen0` in `folder`. */
int screen_open(struct screen *screen, const char *folder, struct err *err) MUST_CHECK;
/* The pages that were looked at no longer count as this program's; the server has them anyway. */
void screen_let_go(const struct screen *screen);
/* The server says its screen has this size. -1 when the mapping is smaller. */
int screen_set_size(struct screen *screen, int width, int height, struct err *err) MUST_CHECK;

#endif
