/* desktop/viewer.h: a viewer's thread and the two letter boxes between it and the loop.
 *
 * The loop puts what has happened into the viewer's box, where new things take the place of older
 * ones, so that a viewer that is stuck costs nothing and holds nobody up. What viewers do comes
 * back in one box for all; that one is short, and a viewer whose letter does not fit waits. */
#ifndef SANDGATE_DESKTOP_VIEWER_H
#define SANDGATE_DESKTOP_VIEWER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "desktop/screen.h"
#include "desktop/shared.h"
#include "desktop/tiles.h"

#define VIEWER_MAX_LETTERS 256

enum letter_kind {
    LETTER_WANTS,     /* damage */
    LETTER_READY,     /* the viewer has introduced itself */
    LETTER_POINTER,   /* a: buttons, b: x, c: y */
    LETTER_KEY,       /* a: keysym, b: down */
    LETTER_CLIPBOARD, /* text: a reference */
    LETTER_RESIZE,    /* b: width, c: height; viewer_answer() is waited for */
    LETTER_GONE,      /* the thread's last words */
};

struct letter {
    struct viewer *viewer;
    enum letter_kind kind;
    uint32_t a;
    int b, c;
    struct text *text;
};

/* From all viewers to the loop. */
struct letters {
    pthread_mutex_t lock;
    pthread_cond_t room;
    struct letter list[VIEWER_MAX_LETTERS];
    int count;
    int wake; /* eventfd that is readable while there are letters */
};

struct viewer;

int letters_init(struct letters *letters, struct err *err) MUST_CHECK;
/* Takes up to `max` of them, in order. */
int letters_take(struct letters *letters, struct letter *out, int max);

/* Takes `fd`. `state` is the loop's to use. */
int viewer_open(int fd, const struct screen *screen, struct letters *letters, void *state,
                struct viewer **ret_viewer, struct err *err) MUST_CHECK;
void *viewer_state(const struct viewer *viewer);
/* Have it go; LETTER_GONE follows. */
void viewer_end(struct viewer *viewer);
/* After LETTER_GONE. */
void viewer_free(struct viewer *viewer);

/* Each puts something into the viewer's box; shapes and texts get a reference of their own. */
void viewer_damage(struct viewer *viewer, const struct rect *rects, int count);
void viewer_resize(struct viewer *viewer, int width, int height);
void viewer_shape(struct viewer *viewer, struct shape *shape);
void viewer_clipboard(struct viewer *viewer, struct text *text);
/* To LETTER_RESIZE. */
void viewer_answer(struct viewer *viewer, bool done);

#endif
