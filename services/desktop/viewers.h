/* desktop/viewers.h: all who look at the screen and use it from afar. Loop thread only. */
#ifndef SANDGATE_DESKTOP_VIEWERS_H
#define SANDGATE_DESKTOP_VIEWERS_H

#include "desktop/input.h"
#include "desktop/loop.h"
#include "desktop/screen.h"
#include "desktop/shared.h"

#define VIEWERS_MAX 32

struct viewers;

struct viewers_events {
    /* The first came, or the last went. */
    void (*looked_at)(void *arg, bool anybody);
    void (*clipboard)(void *arg, struct text *text);
    bool (*resize)(void *arg, int width, int height);
    void *arg;
};

/* Listens on the Unix socket at `path`. */
int viewers_open(struct loop *loop, const char *path, const struct screen *screen,
                 struct input *input, const struct viewers_events *events,
                 struct viewers **ret_viewers, struct err *err) MUST_CHECK;

int viewers_count(const struct viewers *viewers);
/* Somebody waits for something to be drawn. */
bool viewers_want_damage(const struct viewers *viewers);
void viewers_damage(struct viewers *viewers, const struct rect *rects, int count);
void viewers_resize(struct viewers *viewers, int width, int height);
/* NULL is fine, here and below. */
void viewers_shape(struct viewers *viewers, struct shape *shape);
void viewers_clipboard(struct viewers *viewers, struct text *text);

#endif
