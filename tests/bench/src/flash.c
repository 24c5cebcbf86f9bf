/* flash: a window of one colour in the middle of the display in DISPLAY, inverted at every press of
 * a key or button the moment it is told. It prints "ready" when it is on the screen and has the
 * keyboard, and leaves when its stdin ends. What it adds to a latency is one round of X. */
#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static void handle_events(Display *display, Window window)
{
    static int shown = 0;
    XEvent event;

    while (XPending(display) > 0) {
        XNextEvent(display, &event);
        if (event.type != KeyPress && event.type != ButtonPress)
            continue;
        shown = !shown;
        XSetWindowBackground(display, window, colors[shown]);
        XClearWindow(display, window);
    }
    XFlush(display);
}

int main(void)
{
    Display *display = XOpenDisplay(NULL);
    struct pollfd sources[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.events = POLLIN}};
    Window window;

    if (display == NULL)
        die("no X display %s", XDisplayName(NULL));
    window = make_window(display);
    show(display, window);
    sources[1].fd = ConnectionNumber(display);
    do {
        handle_events(display, window);
        if (poll(sources, 2, -1) < 0 && errno != EINTR)
            die("poll: %s", strerror(errno));
    } while (sources[0].revents == 0);
    XCloseDisplay(display);
    return 0;
}
