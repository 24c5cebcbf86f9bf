/* bars.h: the number a page paints into its corner in each of its frames, read back from a viewer's
 * framebuffer: that is how a delivered frame is told from an update that holds half of one, or
 * none. pages/animation.html paints it: four cells of magenta and yellow in turn, then the number's
 * twelve bits, black and white, then the same bits inverted. */
#ifndef BENCH_BARS_H
#define BENCH_BARS_H

#include "rfb.h"

/* Looks for the bars on the whole screen; false when they are not there (yet). */
bool bars_find(const struct rfb *rfb, struct area *ret);

/* The number they show, or -1 when it is a torn one. */
int bars_read(const struct rfb *rfb, struct area bars);

#endif
