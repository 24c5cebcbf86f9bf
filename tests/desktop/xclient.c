/* A small X program for the tests of the desktop: a window that shows one colour, and tells on its
 * standard output, a line each, what happens to it:
 *   ready ID · focus · key down|up NAME CODEPOINT STATE · button N down|up X Y
 * On its standard input it takes: color RRGGBB · cursor N · own · quit. usage: xclient WIDTH HEIGHT
 * RRGGBB */
#include <X11/XKBlib.h>
#include <X11/Xatom.h>
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/keysym.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned long codepoint(KeySym keysym)
{
    if (keysym >= 0x01000000 && keysym <= 0x0110ffff)
        return keysym - 0x01000000;
    return keysym < 0x100 ? keysym : 0;
}

static void on_key(XKeyEvent *event)
{
    KeySym keysym = NoSymbol;
    char text[8];
    (void)XLookupString(event, text, sizeof text, &keysym, NULL);
    const char *name = keysym == NoSymbol ? NULL : XKeysymToString(keysym);
    (void)printf("key %s %s %lu %u\n", event->type == KeyPress ? "down" : "up", name ? name : "-",
                 codepoint(keysym), event->state);
}

static void on_event(XEvent *event)
{
    switch (event->type) {
    case FocusIn:
        (void)printf("focus\n");
        break;
    case KeyPress:
    case KeyRelease:
        on_key(&event->xkey);
        break;
    case ButtonPress:
    case ButtonRelease:
        (void)printf("button %u %s %d %d\n", event->xbutton.button,
                     event->type == ButtonPress ? "down" : "up", event->xbutton.x_root,
                     event->xbutton.y_root);
        break;
    case MappingNotify:
        (void)XRefreshKeyboardMapping(&event->xmapping);
        break;
    default:
        break;
    }
}

static unsigned long color(const char *text)
{
    return strtoul(text, NULL, 16);
}

/* False: the end. */
static bool on_command(Display *display, Window window)
{
    char line[64];
    if (!fgets(line, sizeof line, stdin) || strncmp(line, "quit", 4) == 0)
        return false;
    if (strncmp(line, "color ", 6) == 0) {
        (void)XSetWindowBackground(display, window, color(line + 6));
        (void)XClearWindow(display, window);
        (void)XSync(display, False);
        (void)printf("drawn\n");
    }
    if (strncmp(line, "cursor ", 7) == 0) {
        unsigned shape = (unsigned)strtoul(line + 7, NULL, 10);
        (void)XDefineCursor(display, window, XCreateFontCursor(display, shape));
        (void)XSync(display, False);
        (void)printf("pointed\n");
    }
    if (strncmp(line, "own", 3) == 0) {
        /* Requests for it are never answered. */
        (void)XSetSelectionOwner(display, XInternAtom(display, "CLIPBOARD", False), window,
                                 CurrentTime);
        (void)XSync(display, False);
        (void)printf("owned\n");
    }
    return true;
}

static void run(Display *display, Window window)
{
    struct pollfd fds[] = {{.fd = 0, .events = POLLIN},
                           {.fd = ConnectionNumber(display), .events = POLLIN}};
    for (;;) {
        while (XPending(display)) {
            XEvent event;
            (void)XNextEvent(display, &event);
            on_event(&event);
        }
        (void)fflush(stdout);
        if (poll(fds, 2, -1) < 0 || (fds[0].revents && !on_command(display, window)))
            return;
    }
}

/* When a window with the focus goes, the window manager gives the focus away, a moment later: that
 * moment has to be over, or it would be taken from us. */
static void await_quiet_focus(Display *display)
{
    for (int tries = 0; tries < 200; tries++) {
        Window focus;
        int revert;
        (void)XGetInputFocus(display, &focus, &revert);
        if (focus != PointerRoot && focus != None)
            return;
        (void)usleep(10000);
    }
}

int main(int argc, char **argv)
{
    Display *display = XOpenDisplay(NULL);
    if (!display || argc < 4) {
        (void)fprintf(stderr, "usage: xclient WIDTH HEIGHT RRGGBB, with DISPLAY set\n");
        return 1;
    }
    (void)setvbuf(stdin, NULL, _IONBF, 0);
    unsigned width = (unsigned)strtoul(argv[1], NULL, 10);
    unsigned height = (unsigned)strtoul(argv[2], NULL, 10);
    /* At the upper left, out of the window manager's hands. */
    XSetWindowAttributes attributes = {.override_redirect = True,
                                       .background_pixel = color(argv[3]),
                                       .event_mask = KeyPressMask | KeyReleaseMask |
                                                     ButtonPressMask | ButtonReleaseMask |
                                                     StructureNotifyMask | FocusChangeMask};
    Window window = XCreateWindow(display, DefaultRootWindow(display), 0, 0, width, height, 0,
                                  CopyFromParent, InputOutput, CopyFromParent,
                                  CWOverrideRedirect | CWBackPixel | CWEventMask, &attributes);
    XEvent event;
    /* Xlib reads the keyboard's map at its first use; a change in that very moment would be missed.
     */
    (void)XKeysymToKeycode(display, XK_a);
    await_quiet_focus(display);
    (void)XMapRaised(display, window);
    do
        (void)XNextEvent(display, &event);
    while (event.type != MapNotify);
    (void)XSetInputFocus(display, window, RevertToPointerRoot, CurrentTime);
    (void)XSync(display, False);
    (void)printf("ready %lu\n", window);
    run(display, window);
    (void)XCloseDisplay(display);
    return 0;
}
