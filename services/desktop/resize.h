/* desktop/resize.h: give the screen another size, by RandR. */
#ifndef SANDGATE_DESKTOP_RESIZE_H
#define SANDGATE_DESKTOP_RESIZE_H

#include "base/err.h"
#include "desktop/xserver.h"

/* ERR_INVALID for a size the product does not allow or the server cannot have. Other clients never
 * see a state between. */
int resize_screen(struct xserver *x, int width, int height, struct err *err) MUST_CHECK;

#endif
