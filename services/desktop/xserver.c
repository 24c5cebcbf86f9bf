#include "desktop/xserver.h"

#include <X11/XKBlib.h>
#include <X11/extensions/XTest.h>
#include <X11/extensions/Xdamage.h>
#include <X11/extensions/Xfixes.h>
#include <X11/extensions/Xrandr.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Xlib's handlers take no argument, so what they note has to be global. */
static int errors;

static int on_error(Display *display, XErrorEvent *event)
{
    (void)display;
    (void)event;
    errors++;
    return 0;
}

static int on_gone(Display *display)
{
    (void)fprintf(stderr, "the X server on display %s went away\n", DisplayString(display));
    _exit(1);
}

static int missing(const char *extension, struct err *err)
{
    return err_set(err, ERR_UNSUPPORTED, "the X server lacks the extension %s", extension);
}

static int check_extensions(struct xserver *x, struct err *err)
{
    int error, major = XkbMajorVersion, minor = XkbMinorVersion, opcode;
    if (!XDamageQueryExtension(x->display, &x->damage_event, &error))
        return missing("DAMAGE", err);
    if (!XFixesQueryExtension(x->display, &x->fixes_event, &error))
        return missing("XFIXES", err);
    if (!XRRQueryExtension(x->display, &x->randr_event, &error))
        return missing("RANDR", err);
    if (!XkbQueryExtension(x->display, &opcode, &x->xkb_event, &error, &major, &minor))
        return missing("XKEYBOARD", err);
    if (!XTestQueryExtension(x->display, &opcode, &error, &major, &minor))
        return missing("XTEST", err);
    return 0;
}

int xserver_open(struct xserver *x, struct err *err)
{
    (void)XSetErrorHandler(on_error);
    (void)XSetIOErrorHandler(on_gone);
    *x = (struct xserver){.display = XOpenDisplay(NULL)};
    if (!x->display) {
        const char *name = getenv("DISPLAY");
        return err_set(err, ERR_UNAVAILABLE, "no X server takes us on display %.60s",
                       name ? name : "(DISPLAY is not set)");
    }
    x->root = DefaultRootWindow(x->display);
    if (check_extensions(x, err) == 0)
        return 0;
    xserver_close(x);
    return -1;
}

void xserver_close(struct xserver *x)
{
    if (x->display)
        (void)XCloseDisplay(x->display);
    x->display = NULL;
}

void xserver_forget_errors(struct xserver *x)
{
    (void)XSync(x->display, False);
    errors = 0;
}

bool xserver_failed(struct xserver *x)
{
    (void)XSync(x->display, False);
    return errors > 0;
}
