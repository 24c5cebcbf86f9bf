#include "desktop/resize.h"

#include <X11/extensions/Xrandr.h>
#include <stdio.h>
#include <string.h>

#include "core/display_protocol.h"

#define DPI           96
#define MM_OF(pixels) ((int)((pixels)*25.4 / DPI + 0.5))

/* A mode of that size, made if need be: Xvfb knows only the one it began with. */
static RRMode find_mode(const XRRScreenResources *res, int width, int height)
{
    for (int i = 0; i < res->nmode; i++)
        if ((int)res->modes[i].width == width && (int)res->modes[i].height == height)
            return res->modes[i].id;
    return None;
}

static RRMode make_mode(struct xserver *x, RROutput output, int width, int height)
{
    char name[32];
    int n = snprintf(name, sizeof name, "%dx%d", width, height);
    XRRModeInfo info = {.width = (unsigned)width,
                        .height = (unsigned)height,
                        .name = name,
                        .nameLength = (unsigned)n};
    RRMode mode = XRRCreateMode(x->display, x->root, &info);
    XRRAddOutputMode(x->display, output, mode);
    return mode;
}

/* Of the sizes once asked for only the current one is kept. */
static void drop_other_modes(struct xserver *x, const XRRScreenResources *res, RRMode current)
{
    for (int i = 0; i < res->nmode; i++) {
        const XRRModeInfo *mode = &res->modes[i];
        bool largest = mode->width == DISPLAY_MAX_WIDTH && mode->height == DISPLAY_MAX_HEIGHT;
        if (mode->id == current || largest)
            continue;
        XRRDeleteOutputMode(x->display, res->outputs[0], mode->id);
        XRRDestroyMode(x->display, mode->id);
    }
}

static void keep_pointer_inside(struct xserver *x, int width, int height)
{
    Window window;
    int px, py, ignored;
    unsigned mask;
    if (!XQueryPointer(x->display, x->root, &window, &window, &px, &py, &ignored, &ignored, &mask))
        return;
    if (px >= width || py >= height)
        (void)XWarpPointer(x->display, None, x->root, 0, 0, 0, 0, px < width ? px : width - 1,
                           py < height ? py : height - 1);
}

static void set_size(struct xserver *x, const XRRScreenResources *res, int width, int height)
{
    RROutput output = res->outputs[0];
    RRMode mode = find_mode(res, width, height);
    if (mode == None)
        mode = make_mode(x, output, width, height);
    /* A monitor must fit the screen at any time: it is switched off while the screen changes. */
    (void)XRRSetCrtcConfig(x->display, (XRRScreenResources *)res, res->crtcs[0], CurrentTime, 0, 0,
                           None, RR_Rotate_0, NULL, 0);
    XRRSetScreenSize(x->display, x->root, width, height, MM_OF(width), MM_OF(height));
    (void)XRRSetCrtcConfig(x->display, (XRRScreenResources *)res, res->crtcs[0], CurrentTime, 0, 0,
                           mode, RR_Rotate_0, &output, 1);
    drop_other_modes(x, res, mode);
    keep_pointer_inside(x, width, height);
}

int resize_screen(struct xserver *x, int width, int height, struct err *err)
{
    if (width < DISPLAY_MIN_WIDTH || width > DISPLAY_MAX_WIDTH)
        return err_set(err, ERR_INVALID, "the screen can be %d to %d pixels wide, not %d",
                       DISPLAY_MIN_WIDTH, DISPLAY_MAX_WIDTH, width);
    if (height < DISPLAY_MIN_HEIGHT || height > DISPLAY_MAX_HEIGHT)
        return err_set(err, ERR_INVALID, "the screen can be %d to %d pixels high, not %d",
                       DISPLAY_MIN_HEIGHT, DISPLAY_MAX_HEIGHT, height);
    XRRScreenResources *res = XRRGetScreenResourcesCurrent(x->display, x->root);
    if (!res || res->noutput < 1 || res->ncrtc < 1) {
        XRRFreeScreenResources(res);
        return err_set(err, ERR_UNSUPPORTED, "the X server cannot resize its screen");
    }
    xserver_forget_errors(x);
    (void)XGrabServer(x->display);
    set_size(x, res, width, height);
    (void)XUngrabServer(x->display);
    bool failed = xserver_failed(x);
    XRRFreeScreenResources(res);
    if (failed)
        return err_set(err, ERR_INVALID, "the X server refuses a screen of %d by %d pixels", width,
                       height);
    return 0;
}
