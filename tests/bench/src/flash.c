/* flash: a window of one colour in the middle of the display in DISPLAY, inverted at every press of
 * a key or button the moment it is told. It prints "ready" when it is on the screen and has the
 * keyboard, and stays until it is ended. What it adds to a latency is one round of X. */
#include "clock.h"

#include <stdio.h>

#include <X11/Xlib.h>

enum { SIDE = 300 };

static const unsigned long colors[2] = {0x10c040, 0xef3fbf}; /* react.c knows them too */

static Window make_window(Display *display)
{
    int screen = DefaultScreen(display);
    /* Past the window manager: it would move, frame and focus it in its own time. */
    XSetWindowAttributes wanted = {
        .override_redirect = True,
        .background_pixel = colors[0],
        .event_mask = ExposureMask | KeyPressMask | ButtonPressMask,
    };
    Window window = XCreateWindow(
        display, RootWindow(display, screen), (DisplayWidth(display, screen) - SIDE) / 2,
        (DisplayHeight(display, screen) - SIDE) / 2, SIDE, SIDE, 0, CopyFromParent, InputOutput,
        CopyFromParent, CWOverrideRedirect | CWBackPixel | CWEventMask, &wanted);

    XMapRaised(display, window);
    return window;
}

static void show(Display *display, Window window)
{
    XEvent event;

    XWindowEvent(display, window, ExposureMask, &event);
    if (XGrabKeyboard(display, window, False, GrabModeAsync, GrabModeAsync, CurrentTime) !=
        GrabSuccess)
        die("another program has the keyboard");
    puts("ready");
    fflush(stdout);
}

int main(void)
{
    Display *display = XOpenDisplay(NULL);
    Window window;
    int shown = 0;

    if (display == NULL)
        die("no X display %s", XDisplayName(NULL));
    window = make_window(display);
    show(display, window);
    for (;;) {
        XEvent event;

        XNextEvent(display, &event); /* sends what was asked for before it waits */
        if (event.type != KeyPress && event.type != ButtonPress)
            continue;
        shown = !shown;
        XSetWindowBackground(display, window, colors[shown]);
        XClearWindow(display, window);
    }
}
