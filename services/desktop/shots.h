/* desktop/shots.h: pictures of the screen, made beside the loop. Loop thread only. */
#ifndef SANDGATE_DESKTOP_SHOTS_H
#define SANDGATE_DESKTOP_SHOTS_H

#include <pthread.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "core/display_protocol.h"
#include "desktop/loop.h"
#include "desktop/screen.h"

struct shot {
    struct shot *next;
    struct screen screen;
    enum display_format format;
    int quality;
    struct bytes image;
    struct err err; /* ERR_NONE: `image` is the picture */
    pthread_t thread;
    struct shots *shots;
    /* On the loop, once; the shot is freed afterwards. */
    void (*done)(void *arg, struct shot *shot);
    void *arg;
};

struct shots {
    struct loop *loop;
    struct watch watch;
    struct shot *waiting; /* the loop's */
    int running;
    pthread_mutex_t lock;
    struct shot *finished; /* under the lock */
};

int shots_open(struct shots *shots, struct loop *loop, struct err *err) MUST_CHECK;
int shots_take(struct shots *shots, const struct screen *screen, enum display_format format,
               int quality, void (*done)(void *arg, struct shot *shot), void *arg,
               struct shot **ret_shot, struct err *err) MUST_CHECK;
/* `done` is not called any more. */
void shots_cancel(struct shot *shot);

#endif
