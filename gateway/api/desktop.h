/* api/desktop.h: an exchange parked while the desktop is asked something, once or several times in
 * a row. Lives in the exchange's arena; loop thread only. */
#ifndef SANDGATE_API_DESKTOP_H
#define SANDGATE_API_DESKTOP_H

#include <stdint.h>

#include "core/display.h"
#include "http/exchange.h"

/* The service whose run folder holds the control socket. */
#define DESKTOP_SERVICE "desktop"
/* For what takes no time of its own. */
#define DESKTOP_ANSWER_MS UINT64_C(5000)

struct desktop_talk {
    struct exchange *ex;
    /* Sets the reply, or asks the next question. NULL: answered with an empty success. */
    void (*answered)(struct desktop_talk *talk, const struct display_status *status,
                     struct bytes *answer);
    /* Sets the reply after a failure; NULL: the error is the reply. */
    void (*failed)(struct desktop_talk *talk, struct err *err);
    struct display_call *call; /* desktop.c's */
};

/* `payload` may be NULL; it is taken. When this fails nothing was asked. */
int desktop_ask(struct desktop_talk *talk, enum display_op op, int a, int b, struct bytes *payload,
                uint64_t ms, struct err *err) MUST_CHECK;

#endif
