/* sandgate-windows: becomes the window manager, READY once it manages windows. */
#include <X11/Xatom.h>
#include <X11/Xlib.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "desktop/gate.h"

/* EWMH: a window manager that is there names a window of its own on the root window. */
static bool is_managed(Display *display, Window root, Atom check)
{
    Atom type;
    int format;
    unsigned long count, left;
    unsigned char *value = NULL;
    if (XGetWindowProperty(display, root, check, 0, 1, False, XA_WINDOW, &type, &format, &count,
                           &left, &value) != Success)
        return false;
    if (value)
        (void)XFree(value);
    return type == XA_WINDOW && count == 1;
}

/* In the child. */
static int wait_until_managed(void *arg, struct err *err)
{
    (void)arg;
    Display *display = XOpenDisplay(NULL);
    if (!display)
        return err_set(err, ERR_UNAVAILABLE, "no X server takes us on display %.60s",
                       getenv("DISPLAY"));
    Window root = DefaultRootWindow(display);
    Atom check = XInternAtom(display, "_NET_SUPPORTING_WM_CHECK", False);
    (void)XSelectInput(display, root, PropertyChangeMask);
    while (!is_managed(display, root, check)) {
        XEvent event;
        (void)XNextEvent(display, &event);
    }
    (void)XCloseDisplay(display);
    return 0;
}

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    if (argc < 2) {
        (void)fprintf(stderr, "usage: sandgate-windows PROGRAM ARGUMENT...\n");
        return 2;
    }
    if (gate_open(wait_until_managed, NULL, &err) == 0) {
        (void)execvp(argv[1], argv + 1);
        (void)err_errno(&err, errno, "cannot run %s", argv[1]);
    }
    (void)fprintf(stderr, "%s\n", err.text);
    return 1;
}
