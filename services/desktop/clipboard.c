/* The clipboard as it is, and fetching it from whoever owns it. */
#include "desktop/clipboard.h"

#include <X11/Xatom.h>
#include <X11/extensions/Xfixes.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "core/display_protocol.h"
#include "desktop/clipboard_internal.h"

#define PIECE 262144 /* bytes of a property read at once */

static void give_up(void *arg);

int clipboard_open(struct loop *loop, struct xserver *x, const struct clipboard_events *events,
                   struct clipboard **ret_clipboard, struct err *err)
{
    static char *names[] = {"CLIPBOARD", "TARGETS",           "TIMESTAMP",
                            "INCR",      "UTF8_STRING",       "text/plain;charset=utf-8",
                            "TEXT",      "SANDGATE_CLIPBOARD"};
    struct clipboard *c = calloc(1, sizeof *c);
    if (!c)
        return err_memory(err);
    c->loop = loop;
    c->x = x;
    c->events = *events;
    c->received = bytes_with_limit(DISPLAY_MAX_TEXT);
    c->deadline = (struct timer){.fn = give_up, .arg = c};
    (void)XInternAtoms(x->display, names, ATOM_COUNT, False, c->atoms);
    c->window = XCreateSimpleWindow(x->display, x->root, -1, -1, 1, 1, 0, 0, 0);
    (void)XSelectInput(x->display, c->window, PropertyChangeMask);
    c->fixes_notify = x->fixes_event + XFixesSelectionNotify;
    XFixesSelectSelectionInput(x->display, c->window, c->atoms[ATOM_CLIPBOARD],
                               XFixesSetSelectionOwnerNotifyMask |
                                   XFixesSelectionWindowDestroyNotifyMask |
                                   XFixesSelectionClientCloseNotifyMask);
    *ret_clipboard = c;
    return 0;
}

static void keep(struct clipboard *c, struct text *text)
{
    text_unref(c->text);
    c->text = text;
}

static void answer_waiters(struct clipboard *c, struct text *text)
{
    struct clipboard_waiter *waiter = c->waiters;
    c->waiters = NULL;
    while (waiter) {
        struct clipboard_waiter *next = waiter->next;
        waiter->fn(waiter->arg, text);
        waiter = next;
    }
}

static void stop_asking(struct clipboard *c)
{
    c->asking = c->in_pieces = false;
    loop_cancel(c->loop, &c->deadline);
    (void)XDeleteProperty(c->x->display, c->window, c->atoms[ATOM_OURS]);
    bytes_done(&c->received);
    c->received = bytes_with_limit(DISPLAY_MAX_TEXT);
}

static void give_up(void *arg)
{
    struct clipboard *c = arg;
    stop_asking(c);
    answer_waiters(c, NULL);
}

static void ask(struct clipboard *c, Atom target)
{
    c->asking = true;
    c->in_pieces = false;
    c->asked_latin1 = target == XA_STRING;
    bytes_clear(&c->received);
    (void)XConvertSelection(c->x->display, c->atoms[ATOM_CLIPBOARD], target, c->atoms[ATOM_OURS],
                            c->window, CurrentTime);
    (void)XFlush(c->x->display);
    loop_timer(c->loop, &c->deadline, CLIPBOARD_ANSWER_MS);
}

void clipboard_get(struct clipboard *c, struct clipboard_waiter *waiter)
{
    if (c->text) {
        waiter->fn(waiter->arg, c->text);
        return;
    }
    waiter->next = c->waiters;
    c->waiters = waiter;
    if (!c->asking)
        ask(c, c->atoms[ATOM_UTF8]);
}

void clipboard_forget(struct clipboard *c, struct clipboard_waiter *waiter)
{
    struct clipboard_waiter **link = &c->waiters;
    while (*link && *link != waiter)
        link = &(*link)->next;
    if (*link)
        *link = waiter->next;
}

/* A moment of the server's own clock, as the conventions want it. */
static Time server_time(struct clipboard *c)
{
    XEvent event;
    (void)XChangeProperty(c->x->display, c->window, c->atoms[ATOM_TIMESTAMP], XA_INTEGER, 8,
                          PropModeAppend, NULL, 0);
    do
        (void)XWindowEvent(c->x->display, c->window, PropertyChangeMask, &event);
    while (event.xproperty.atom != c->atoms[ATOM_TIMESTAMP]);
    return event.xproperty.time;
}

void clipboard_set(struct clipboard *c, struct text *text)
{
    if (c->asking)
        stop_asking(c);
    c->since = server_time(c);
    (void)XSetSelectionOwner(c->x->display, c->atoms[ATOM_CLIPBOARD], c->window, c->since);
    (void)XFlush(c->x->display);
    c->ours = true;
    keep(c, text_ref(text));
    answer_waiters(c, c->text);
}

/* ISO 8859-1, as STRING is, to UTF-8. */
static int add_latin1(struct bytes *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x80)
            (void)bytes_addc(out, (char)(0xC0 | byte >> 6));
        (void)bytes_addc(out, (char)(byte < 0x80 ? byte : 0x80 | (byte & 0x3F)));
    }
    return out->failed ? -1 : 0;
}

static void received_all(struct clipboard *c)
{
    struct text *text = NULL;
    const char *data = c->received.data ? c->received.data : "";
    if (!c->received.failed && utf8_valid(data, c->received.len) &&
        !memchr(data, 0, c->received.len))
        text = text_new(data, c->received.len);
    stop_asking(c);
    keep(c, text);
    answer_waiters(c, text);
}

/* Takes what is in the property off the window. -1 when there is no text in it. */
static int read_property(struct clipboard *c, Atom *ret_type, size_t *ret_n)
{
    long offset = 0;
    unsigned long count, left = 1;
    *ret_n = 0;
    while (left > 0) {
        int format;
        unsigned char *data = NULL;
        if (XGetWindowProperty(c->x->display, c->window, c->atoms[ATOM_OURS], offset, PIECE / 4,
                               True, AnyPropertyType, ret_type, &format, &count, &left,
                               &data) != Success)
            return -1;
        if (format == 8 && *ret_type == XA_STRING)
            (void)add_latin1(&c->received, (const char *)data, count);
        else if (format == 8)
            (void)bytes_add(&c->received, data, count);
        if (data)
            (void)XFree(data);
        if (*ret_type == None || (format != 8 && *ret_type != c->atoms[ATOM_INCR]))
            return -1;
        if (format != 8)
            return 0;
        offset += (long)(count / 4);
        *ret_n += count;
    }
    return 0;
}

static void on_answer(struct clipboard *c, const XSelectionEvent *event)
{
    Atom type;
    size_t n;
    if (!c->asking || c->in_pieces || event->selection != c->atoms[ATOM_CLIPBOARD])
        return;
    if (event->property == None && !c->asked_latin1) {
        ask(c, XA_STRING);
        return;
    }
    if (event->property == None || read_property(c, &type, &n) < 0) {
        give_up(c);
        return;
    }
    if (type == c->atoms[ATOM_INCR]) {
        /* Deleting the property, which reading did, asks for the first piece. */
        c->in_pieces = true;
        loop_timer(c->loop, &c->deadline, CLIPBOARD_ANSWER_MS);
        return;
    }
    received_all(c);
}

static void on_piece(struct clipboard *c)
{
    Atom type;
    size_t n;
    if (read_property(c, &type, &n) < 0 || c->received.failed) {
        give_up(c);
        return;
    }
    if (n == 0)
        received_all(c);
    else
        loop_timer(c->loop, &c->deadline, CLIPBOARD_ANSWER_MS);
}

static void on_owner(struct clipboard *c, const XFixesSelectionNotifyEvent *event)
{
    /* Our own doing, or news from before it. */
    if (event->owner == c->window ||
        (c->ours && (int32_t)(event->selection_timestamp - c->since) < 0))
        return;
    c->ours = false;
    keep(c, NULL);
    if (c->asking)
        stop_asking(c);
    /* Who still waits waits for the new owner's text. */
    if (c->waiters)
        ask(c, c->atoms[ATOM_UTF8]);
    c->events.changed(c->events.arg);
}

static bool on_property(struct clipboard *c, const XPropertyEvent *event)
{
    if (event->window != c->window)
        return offer_property(c, event);
    if (c->in_pieces && event->atom == c->atoms[ATOM_OURS] && event->state == PropertyNewValue)
        on_piece(c);
    return true;
}

bool clipboard_event(struct clipboard *c, XEvent *event)
{
    if (event->type == c->fixes_notify) {
        on_owner(c, (const XFixesSelectionNotifyEvent *)event);
        return true;
    }
    switch (event->type) {
    case SelectionNotify:
        on_answer(c, &event->xselection);
        return true;
    case SelectionRequest:
        offer_request(c, &event->xselectionrequest);
        return true;
    case SelectionClear:
        return true; /* XFixes tells it too, and who the new owner is */
    case PropertyNotify:
        return on_property(c, &event->xproperty);
    default:
        return false;
    }
}
