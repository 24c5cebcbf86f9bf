/* core/display.h: the gateway's side of the desktop's control socket (core/display_protocol.h). The
 * gateway links no X11.
 *
 * Each question has a connection of its own and a deadline. Loop thread only. */
#ifndef SANDGATE_CORE_DISPLAY_H
#define SANDGATE_CORE_DISPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "core/display_protocol.h"
#include "io/loop.h"

/* The screen after the question was dealt with. */
struct display_status {
    int width, height;        /* pixels */
    int pointer_x, pointer_y; /* pixels */
};

struct display_question {
    const char *socket; /* path of the control socket */
    enum display_op op;
    int a, b;             /* as the operation wants them */
    struct bytes payload; /* taken, also on failure */
    uint64_t deadline_ms;
    /* Exactly once, later; `err` NULL: `answer` is the payload, to be taken or left. Else
     * ERR_INVALID: the desktop calls it impossible, its sentence is the text; ERR_UNAVAILABLE: it
     * cannot be reached; ERR_TIMEOUT: it does not answer. */
    void (*done)(void *arg, const struct display_status *status, struct bytes *answer,
                 const struct err *err);
    void *arg;
};

struct display_call;
int display_ask(struct loop *loop, struct display_question *question,
                struct display_call **ret_call, struct err *err) MUST_CHECK;
/* `done` will not be called; what was asked for may happen all the same. NULL is fine. */
void display_cancel(struct display_call *call);

/* Input events for DISPLAY_INPUT's payload. A buffer that failed must not be sent. */
void display_event(struct bytes *events, enum display_event_kind kind, int x, int y);
void display_event_text(struct bytes *events, enum display_event_kind kind, int x, const char *text,
                        size_t n);

#endif
