/* desktop/control_request.h: what peers of the control socket send, checked once
 * (core/display_protocol.h). Pure. */
#ifndef SANDGATE_DESKTOP_CONTROL_REQUEST_H
#define SANDGATE_DESKTOP_CONTROL_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/display_protocol.h"

/* One step of an input list; text points into the payload. */
struct step {
    enum display_event_kind kind;
    int x, y;
    const char *text;
    size_t length;
};

/* ERR_SYNTAX: not our protocol, or more than may be sent; the connection is of no further use. */
int request_check_head(const struct display_request *head, struct err *err) MUST_CHECK;

/* Whether operation, numbers and payload go together (ERR_INVALID). A list of input is walked whole
 * against a screen of that size. */
int request_check(const struct display_request *head, const char *payload, int width, int height,
                  struct err *err) MUST_CHECK;

/* The step at *offset of a list that was checked; moves *offset on. 0 at the end, else 1. */
int request_step(const char *payload, size_t n, size_t *offset, struct step *ret_step);

#endif
