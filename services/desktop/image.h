/* desktop/image.h: pictures of the screen. Any thread. */
#ifndef SANDGATE_DESKTOP_IMAGE_H
#define SANDGATE_DESKTOP_IMAGE_H

#include "base/bytes.h"
#include "base/err.h"
#include "desktop/screen.h"

/* Each appends the whole picture to `out`. */
int png_encode(const struct screen *screen, struct bytes *out, struct err *err) MUST_CHECK;
/* `quality` 0–100 */
int jpeg_encode(const struct screen *screen, int quality, struct bytes *out,
                struct err *err) MUST_CHECK;

#endif
