/* line.h: one blocking connection to the gateway: HTTP/1.1 with answers of every framing, and
 * WebSocket frames after an upgrade. A peer that says nothing for LINE_PATIENCE seconds is wedged.
 * Functions answer 0, or -1 with the reason in `why`. */
#ifndef SOAK_LINE_H
#define SOAK_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_PATIENCE 300
#define LINE_BUFFER   16384
#define LINE_BODY     (4u << 20) /* a longer body is an error */

struct line {
    int fd; /* -1: closed */
    uint16_t port;
    bool wedged;          /* that is why it failed */
    bool chunked, ending; /* of the answer being read; ending: the connection closes after it */
    size_t left;          /* of its body or chunk */
    size_t start, end;    /* unread: buffer[start … end) */
    int status;
    char *body; /* of the latest answer, ended by a NUL */
    size_t body_length, body_room;
    char why[200];
    char buffer[LINE_BUFFER];
};

void line_init(struct line *line, uint16_t port);
void line_done(struct line *line);

int line_open(struct line *line); /* does nothing when it is open */
void line_close(struct line *line);
void line_abort(struct line *line); /* by a reset */
int line_send_raw(struct line *line, const void *data, size_t n);

/* Sends the request and reads the head; `body` NULL sends none, `headers` are whole lines. */
int line_begin(struct line *line, const char *method, const char *path, const char *headers,
               const char *body);
/* The next byte of the body; -1: it ended; -2: it failed. */
int line_byte(struct line *line);
/* line_begin() and the whole body, on a new connection when there is none. Any status but `wanted`
 * is a failure. */
int line_ask(struct line *line, const char *method, const char *path, const char *body, int wanted);

/* ---- WebSocket ---- */

int line_upgrade(struct line *line, const char *path);
int line_send_text(struct line *line, const char *text);
/* The next whole message into line->body; pings are answered. */
int line_read_message(struct line *line);
/* Says goodbye and waits until the other side has gone. */
int line_leave(struct line *line);

#endif
