/* sandgate-desktop: shows the X server's screen to viewers by RFB, and does for the gateway what it
 * asks about the screen. Opens every part, joins them, and runs the loop. */
#include <X11/extensions/Xdamage.h>
#include <X11/extensions/Xfixes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "desktop/clipboard.h"
#include "desktop/control.h"
#include "desktop/cursor.h"
#include "desktop/damage.h"
#include "desktop/input.h"
#include "desktop/jobs.h"
#include "desktop/keyboard.h"
#include "desktop/loop.h"
#include "desktop/resize.h"
#include "desktop/screen.h"
#include "desktop/shots.h"
#include "desktop/tiles.h"
#include "desktop/viewers.h"
#include "desktop/vnc.h"
#include "desktop/xserver.h"

#define TIDY_MS 1000

struct desktop {
    struct loop loop;
    struct xserver x;
    struct screen screen;
    struct keyboard keyboard;
    struct input input;
    struct damage damage;
    struct tiles tiles;
    struct timer tidy; /* after something was shown */
    struct clipboard *clipboard;
    struct clipboard_waiter waiter; /* for viewers to be told */
    bool waits;
    struct shots shots;
    struct jobs jobs;
    struct viewers *viewers;
    struct control *control;
    struct watch x_watch, signal_watch;
};

/* ---- what happens on the screen ---- */

static void on_size(struct desktop *d, int width, int height)
{
    struct err ignored;
    if (width == d->screen.width && height == d->screen.height)
        return;
    if (screen_set_size(&d->screen, width, height, &ignored) < 0)
        return;
    tiles_forget(&d->tiles);
    viewers_resize(d->viewers, width, height);
}

static int resize(void *arg, int width, int height, struct err *err)
{
    struct desktop *d = arg;
    if (resize_screen(&d->x, width, height, err) < 0)
        return -1;
    on_size(d, width, height);
    return 0;
}

static bool resize_for_viewer(void *arg, int width, int height)
{
    struct err ignored;
    return resize(arg, width, height, &ignored) == 0;
}

static void show_shape(struct desktop *d)
{
    struct shape *shape = cursor_shape(&d->x);
    viewers_shape(d->viewers, shape);
    shape_unref(shape);
}

static void tidy_later(struct desktop *d)
{
    if (!d->tidy.due_ms)
        loop_timer(&d->loop, &d->tidy, TIDY_MS);
}

static void on_looked_at(void *arg, bool anybody)
{
    struct desktop *d = arg;
    if (anybody) {
        tiles_forget(&d->tiles);
        damage_watch(&d->damage, &d->x);
        show_shape(d);
        tidy_later(d);
    } else {
        damage_ignore(&d->damage);
        loop_cancel(&d->loop, &d->tidy);
        screen_let_go(&d->screen);
        (void)malloc_trim(0);
    }
}

static void show(struct desktop *d, const struct rect *rects, int count)
{
    if (count == 0)
        return;
    viewers_damage(d->viewers, rects, count);
    tidy_later(d);
}

static void show_damage(struct desktop *d)
{
    struct rect drawn[DAMAGE_MAX_RECTS], changed[TILES_MAX_OUT];
    if (!d->damage.waiting || !viewers_want_damage(d->viewers))
        return;
    int count = damage_take(&d->damage, drawn);
    show(d, changed, tiles_changed(&d->tiles, drawn, count, changed));
}

static void on_tidy(void *arg)
{
    struct desktop *d = arg;
    struct rect doubtful[TILES_MAX_OUT];
    show(d, doubtful, tiles_doubtful(&d->tiles, doubtful));
    screen_let_go(&d->screen);
}

/* ---- the clipboard ---- */

static void show_clipboard(void *arg, struct text *text)
{
    struct desktop *d = arg;
    d->waits = false;
    viewers_clipboard(d->viewers, text);
}

/* Somebody on the screen has copied something. Fetched at once where there are viewers to tell. */
static void on_clipboard_changed(void *arg)
{
    struct desktop *d = arg;
    viewers_clipboard(d->viewers, NULL);
    if (viewers_count(d->viewers) && !d->waits) {
        d->waits = true;
        d->waiter = (struct clipboard_waiter){.fn = show_clipboard, .arg = d};
        clipboard_get(d->clipboard, &d->waiter);
    }
}

static void on_clipboard_fetched(void *arg)
{
    struct desktop *d = arg;
    jobs_fetched(&d->jobs);
}

static void on_clipboard_asked(void *arg)
{
    struct desktop *d = arg;
    jobs_asked(&d->jobs);
}

/* A list of input has set it. */
static void on_pasted(void *arg, struct text *text)
{
    struct desktop *d = arg;
    viewers_clipboard(d->viewers, text);
}

/* The gateway or a viewer sets it. */
static void set_clipboard(void *arg, struct text *text)
{
    struct desktop *d = arg;
    clipboard_set(d->clipboard, text);
    viewers_clipboard(d->viewers, text);
}

/* ---- events ---- */

static void on_x_event(struct desktop *d, XEvent *event)
{
    if (event->type == d->x.damage_event + XDamageNotify)
        damage_event(&d->damage);
    else if (event->type == d->x.fixes_event + XFixesCursorNotify)
        show_shape(d);
    else if (event->type == d->x.xkb_event || event->type == MappingNotify)
        keyboard_changed(&d->keyboard, event);
    else if (event->type == ConfigureNotify && event->xconfigure.window == d->x.root)
        on_size(d, event->xconfigure.width, event->xconfigure.height);
    else
        (void)clipboard_event(d->clipboard, event);
}

/* Requests wait for answers, and events that come meanwhile are no longer in the socket: so they
 * are looked for each time before the loop waits. */
static void before_waiting(void *arg)
{
    struct desktop *d = arg;
    do {
        while (XPending(d->x.display) > 0) {
            XEvent event;
            (void)XNextEvent(d->x.display, &event);
            on_x_event(d, &event);
        }
        show_damage(d);
    } while (XEventsQueued(d->x.display, QueuedAlready) > 0);
}

static void on_x_ready(void *arg, short events)
{
    (void)arg;
    (void)events; /* before_waiting() does it, in this round */
}

static void on_signal(void *arg, short events)
{
    struct desktop *d = arg;
    (void)events;
    loop_stop(&d->loop);
}

/* ---- opening ---- */

/* Before any thread, so that all of them leave these signals to the loop. */
static int watch_signals(struct desktop *d, struct err *err)
{
    sigset_t set;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    d->signal_watch = (struct watch){
        .fd = signalfd(-1, &set, SFD_CLOEXEC), .events = POLLIN, .fn = on_signal, .arg = d};
    return loop_watch(&d->loop, &d->signal_watch, err);
}

static int open_screen(struct desktop *d, struct err *err)
{
    const char *run = getenv("SANDGATE_RUN");
    char folder[400];
    XWindowAttributes root;
    if (!run)
        return err_set(err, ERR_INVALID, "SANDGATE_RUN is not set");
    (void)snprintf(folder, sizeof folder, "%s/display", run);
    if (xserver_open(&d->x, err) < 0 || screen_open(&d->screen, folder, err) < 0)
        return -1;
    /* From here on the server tells when its size changes. */
    (void)XSelectInput(d->x.display, d->x.root, StructureNotifyMask);
    (void)XGetWindowAttributes(d->x.display, d->x.root, &root);
    d->x_watch = (struct watch){
        .fd = ConnectionNumber(d->x.display), .events = POLLIN, .fn = on_x_ready, .arg = d};
    d->loop.before = before_waiting;
    d->loop.before_arg = d;
    if (screen_set_size(&d->screen, root.width, root.height, err) < 0)
        return -1;
    return loop_watch(&d->loop, &d->x_watch, err);
}

static int open_parts(struct desktop *d, struct err *err)
{
    const struct clipboard_events events = {on_clipboard_changed, on_clipboard_fetched,
                                            on_clipboard_asked, d};
    if (keyboard_open(&d->keyboard, &d->x, err) < 0 ||
        clipboard_open(&d->loop, &d->x, &events, &d->clipboard, err) < 0 ||
        shots_open(&d->shots, &d->loop, err) < 0)
        return -1;
    cursor_watch(&d->x);
    tiles_init(&d->tiles, &d->screen);
    d->tidy = (struct timer){.fn = on_tidy, .arg = d};
    d->input = (struct input){&d->x, &d->keyboard, &d->screen};
    jobs_open(&d->jobs, &d->loop, &d->input, d->clipboard, on_pasted, d);
    return 0;
}

/* The control socket first: who finds the other finds both. */
static int open_sockets(struct desktop *d, struct err *err)
{
    const struct viewers_events events = {on_looked_at, set_clipboard, resize_for_viewer, d};
    const struct control_parts parts = {&d->x,        &d->screen, &d->jobs,      &d->shots,
                                        d->clipboard, resize,     set_clipboard, d};
    const char *run = getenv("SERVICE_RUN"), *path = getenv("SERVICE_SOCKET");
    char control[400];
    if (!run || !path)
        return err_set(err, ERR_INVALID, "SERVICE_RUN and SERVICE_SOCKET must be set");
    (void)snprintf(control, sizeof control, "%s/%s", run, DISPLAY_CONTROL);
    if (vnc_init(err) < 0 || control_open(&d->loop, control, &parts, &d->control, err) < 0)
        return -1;
    return viewers_open(&d->loop, path, &d->screen, &d->input, &events, &d->viewers, err);
}

/* Big buffers go back to the system when they are freed, and threads do not hoard small ones. */
static void tame_malloc(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 256 * 1024);
    (void)mallopt(M_ARENA_MAX, 2);
}

int main(void)
{
    static struct desktop d;
    struct err err = ERR_INIT;
    tame_malloc();
    if (watch_signals(&d, &err) < 0 || open_screen(&d, &err) < 0 || open_parts(&d, &err) < 0 ||
        open_sockets(&d, &err) < 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    loop_run(&d.loop);
    keyboard_close(&d.keyboard);
    /* Viewers' threads may be anywhere: what they hold goes with the process. */
    (void)fflush(NULL);
    _exit(0);
}
