#include "desktop/cursor.h"

#include <X11/extensions/Xfixes.h>

void cursor_watch(struct xserver *x)
{
    XFixesSelectCursorInput(x->display, x->root, XFixesDisplayCursorNotifyMask);
}

static int side(unsigned short size)
{
    return size < CURSOR_MAX_SIDE ? size : CURSOR_MAX_SIDE;
}

/* What is cut off is chosen so that the hot spot stays. */
static int begin(int hot, int size, int kept)
{
    int from = hot - kept / 2;
    if (from > size - kept)
        from = size - kept;
    return from < 0 ? 0 : from;
}

struct shape *cursor_shape(struct xserver *x)
{
    XFixesCursorImage *image = XFixesGetCursorImage(x->display);
    if (!image)
        return NULL;
    int width = side(image->width), height = side(image->height);
    struct shape *shape = width && height ? shape_new(width, height) : NULL;
    if (shape) {
        int left = begin(image->xhot, image->width, width);
        int top = begin(image->yhot, image->height, height);
        shape->hot_x = image->xhot - left;
        shape->hot_y = image->yhot - top;
        /* Xlib gives each pixel a long of its own. */
        for (int row = 0; row < height; row++)
            for (int column = 0; column < width; column++)
                shape->pixels[row * width + column] =
                    (uint32_t)image->pixels[(top + row) * image->width + left + column];
    }
    (void)XFree(image);
    return shape;
}
