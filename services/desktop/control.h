/* desktop/control.h: answers the gateway's requests (core/display_protocol.h). Loop thread only.
 *
 * A peer that leaves while its request is under way has it abandoned. */
#ifndef SANDGATE_DESKTOP_CONTROL_H
#define SANDGATE_DESKTOP_CONTROL_H

#include "desktop/clipboard.h"
#include "desktop/jobs.h"
#include "desktop/screen.h"
#include "desktop/shots.h"

#define CONTROL_MAX_CONNECTIONS 64

struct control;

/* What requests are answered with; all of it outlives the control. */
struct control_parts {
    struct xserver *x;
    const struct screen *screen;
    struct jobs *jobs;
    struct shots *shots;
    struct clipboard *clipboard;
    int (*resize)(void *arg, int width, int height, struct err *err);
    void (*set_clipboard)(void *arg, struct text *text);
    void *arg;
};

/* Listens on the Unix socket at `path`. */
int control_open(struct loop *loop, const char *path, const struct control_parts *parts,
                 struct control **ret_control, struct err *err) MUST_CHECK;

#endif
