/* Handing our text to those who ask for it. */
#include <X11/Xatom.h>
#include <string.h>

#include "desktop/clipboard_internal.h"
#include "desktop/keynames.h"

#define WHOLE_LIMIT 262144 /* bytes beyond which a text goes in pieces */
#define PIECE       65536

static void put(struct clipboard *c, Window window, Atom property, Atom type, int format,
                const void *data, size_t count)
{
    (void)XChangeProperty(c->x->display, window, property, type, format, PropModeReplace, data,
                          (int)count);
}

static void free_transfer(struct transfer *t)
{
    loop_cancel(t->clipboard->loop, &t->deadline);
    (void)XSelectInput(t->clipboard->x->display, t->requestor, NoEventMask);
    text_unref(t->text);
    t->text = NULL;
}

static void transfer_expired(void *arg)
{
    free_transfer(arg);
}

static bool begin_transfer(struct clipboard *c, const XSelectionRequestEvent *event, Atom property)
{
    struct transfer *t = NULL;
    for (int i = 0; i < CLIPBOARD_MAX_TRANSFERS && !t; i++)
        if (!c->transfers[i].text)
            t = &c->transfers[i];
    if (!t)
        return false;
    *t = (struct transfer){.clipboard = c,
                           .deadline = {.fn = transfer_expired, .arg = t},
                           .text = text_ref(c->text),
                           .requestor = event->requestor,
                           .property = property,
                           .target = event->target};
    long size = (long)t->text->n;
    (void)XSelectInput(c->x->display, t->requestor, PropertyChangeMask);
    put(c, t->requestor, property, c->atoms[ATOM_INCR], 32, &size, 1);
    loop_timer(c->loop, &t->deadline, CLIPBOARD_ANSWER_MS);
    return true;
}

/* ISO 8859-1 for those who know nothing better; '?' for what it lacks. */
static void put_latin1(struct clipboard *c, const XSelectionRequestEvent *event, Atom property)
{
    struct bytes out = BYTES_INIT(WHOLE_LIMIT);
    size_t length;
    for (size_t i = 0; i < c->text->n && out.len < WHOLE_LIMIT; i += length) {
        uint32_t character = utf8_character(c->text->data + i, c->text->n - i, &length);
        (void)bytes_addc(&out, character < 0x100 ? (char)character : '?');
    }
    put(c, event->requestor, property, XA_STRING, 8, out.data, out.len);
    bytes_done(&out);
}

static bool put_text(struct clipboard *c, const XSelectionRequestEvent *event, Atom property)
{
    if (c->text->n > WHOLE_LIMIT)
        return begin_transfer(c, event, property);
    put(c, event->requestor, property, event->target, 8, c->text->data, c->text->n);
    return true;
}

static void put_targets(struct clipboard *c, const XSelectionRequestEvent *event, Atom property)
{
    const Atom targets[] = {c->atoms[ATOM_TARGETS], c->atoms[ATOM_TIMESTAMP], c->atoms[ATOM_UTF8],
                            c->atoms[ATOM_PLAIN_UTF8], XA_STRING};
    put(c, event->requestor, property, XA_ATOM, 32, targets, sizeof targets / sizeof *targets);
}

static bool answer(struct clipboard *c, const XSelectionRequestEvent *event, Atom property,
                   bool *ret_is_text)
{
    Atom target = event->target;
    *ret_is_text = false;
    if (!c->ours || !c->text || event->selection != c->atoms[ATOM_CLIPBOARD])
        return false;
    if (target == c->atoms[ATOM_TARGETS]) {
        put_targets(c, event, property);
        return true;
    }
    if (target == c->atoms[ATOM_TIMESTAMP]) {
        long since = (long)c->since;
        put(c, event->requestor, property, XA_INTEGER, 32, &since, 1);
        return true;
    }
    *ret_is_text = true;
    if (target == c->atoms[ATOM_UTF8] || target == c->atoms[ATOM_PLAIN_UTF8])
        return put_text(c, event, property);
    if (target == XA_STRING) {
        put_latin1(c, event, property);
        return true;
    }
    return false;
}

void offer_request(struct clipboard *c, const XSelectionRequestEvent *event)
{
    /* Obsolete clients leave the property to us. */
    Atom property = event->property == None ? event->target : event->property;
    bool is_text;
    bool done = answer(c, event, property, &is_text);
    XSelectionEvent reply = {.type = SelectionNotify,
                             .requestor = event->requestor,
                             .selection = event->selection,
                             .target = event->target,
                             .property = done ? property : None,
                             .time = event->time};
    (void)XSendEvent(c->x->display, event->requestor, False, NoEventMask, (XEvent *)&reply);
    (void)XFlush(c->x->display);
    c->events.asked(c->events.arg);
    if (done && is_text && c->text->n <= WHOLE_LIMIT)
        c->events.fetched(c->events.arg);
}

/* The peer has taken the last piece: the next, or an empty one as the end. */
static void next_piece(struct transfer *t)
{
    struct clipboard *c = t->clipboard;
    size_t left = t->text->n - t->sent, n = left < PIECE ? left : PIECE;
    put(c, t->requestor, t->property, t->target, 8, t->text->data + t->sent, n);
    (void)XFlush(c->x->display);
    t->sent += n;
    if (n > 0) {
        loop_timer(c->loop, &t->deadline, CLIPBOARD_ANSWER_MS);
        return;
    }
    free_transfer(t);
    c->events.fetched(c->events.arg);
}

bool offer_property(struct clipboard *c, const XPropertyEvent *event)
{
    for (int i = 0; i < CLIPBOARD_MAX_TRANSFERS; i++) {
        struct transfer *t = &c->transfers[i];
        if (t->text && t->requestor == event->window && t->property == event->atom) {
            if (event->state == PropertyDelete)
                next_piece(t);
            return true;
        }
    }
    return false;
}
