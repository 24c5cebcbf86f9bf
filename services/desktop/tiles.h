/* desktop/tiles.h: what really changed of what was drawn. Loop thread only.
 *
 * Programs draw more than they change: Chromium draws the box around all that moves. The screen is
 * divided into tiles, and each tile's hash remembered, so that what was drawn as it was before need
 * not be sent. That is a tenth of the memory a copy of the screen would take, or less.
 *
 * One doubt stays: a viewer may have looked between two looks of ours and seen what came and went.
 * What is left out soon after it changed is therefore remembered, and told a while later. */
#ifndef SANDGATE_DESKTOP_TILES_H
#define SANDGATE_DESKTOP_TILES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/display_protocol.h"
#include "desktop/screen.h"

#define TILE_SIDE     16
#define TILES_COLUMNS ((DISPLAY_MAX_WIDTH + TILE_SIDE - 1) / TILE_SIDE)
#define TILES_ROWS    ((DISPLAY_MAX_HEIGHT + TILE_SIDE - 1) / TILE_SIDE)
#define TILES_MAX_OUT 128

struct tile {
    uint64_t hash;  /* of the pixels when they were last looked at; 0: not known */
    uint32_t round; /* in which that was */
    bool told;      /* as changed, the last time */
    bool doubt;     /* left out the time after */
};

struct tiles {
    const struct screen *screen;
    uint64_t seed; /* nobody outside can make two pictures look alike */
    uint32_t round;
    bool doubts;
    struct tile tiles[TILES_ROWS][TILES_COLUMNS];
};

void tiles_init(struct tiles *tiles, const struct screen *screen);
/* Nothing is known any more: the size has changed, or nobody was looking. */
void tiles_forget(struct tiles *tiles);
/* Which tiles have changed where these rectangles were drawn. Returns how many rectangles they
 * make; too many become the one that holds them all. */
int tiles_changed(struct tiles *tiles, const struct rect *drawn, int count,
                  struct rect out[static TILES_MAX_OUT]);
/* Those in doubt; none is afterwards. */
int tiles_doubtful(struct tiles *tiles, struct rect out[static TILES_MAX_OUT]);

/* Makes `rect` hold `by` too. */
void rect_extend(struct rect *rect, const struct rect *by);

#endif
