/* core/display.h: the gateway's side of the desktop's control socket. The gateway links no X11.
 *
 * Each call connects, asks, and waits for the answer until the deadline. For workers: these block.
 * Fails with ERR_INVALID for what the desktop calls impossible (its sentence is passed on),
 * ERR_UNAVAILABLE when it cannot be reached, ERR_TIMEOUT when it does not answer. */
#ifndef SANDGATE_CORE_DISPLAY_H
#define SANDGATE_CORE_DISPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "core/display_protocol.h"

struct display_status {
    int width, height;        /* pixels */
    int pointer_x, pointer_y; /* pixels */
};

/* `socket` is the path of the control socket throughout; `ret_status` may be NULL. */
int display_status(const char *socket, struct display_status *ret_status,
                   struct err *err) MUST_CHECK;
/* `quality` 0–100 counts for JPEG only. The image is appended to `out`. */
int display_screenshot(const char *socket, enum display_format format, int quality,
                       struct bytes *out, struct display_status *ret_status,
                       struct err *err) MUST_CHECK;
int display_resize(const char *socket, int width, int height, struct display_status *ret_status,
                   struct err *err) MUST_CHECK;

/* Events are collected with these, then sent at once. */
void display_event(struct bytes *events, enum display_event_kind kind, int x, int y);
void display_event_text(struct bytes *events, enum display_event_kind kind, int x, const char *text,
                        size_t n);
/* `ms`: how long the events themselves may take (waits, long texts). */
int display_input(const char *socket, const struct bytes *events, uint64_t ms,
                  struct display_status *ret_status, struct err *err) MUST_CHECK;

#endif
