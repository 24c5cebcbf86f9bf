/* wire.h: one blocking loopback TCP connection with a read buffer, and plain HTTP/1.1 on it.
 * Every failure ends the program through die(): a measuring client has no use for half an answer.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stddef.h>

enum {
    WIRE_BUFFER = 2 * 1024 * 1024,
    WIRE_TIMEOUT = 60 /* seconds without a byte before the peer counts as stuck */
};

struct wire {
    int fd;
    size_t start; /* unread bytes are buffer[start … end) */
    size_t end;
    char buffer[WIRE_BUFFER];
};

struct reply {
    int status;
    size_t length; /* of the body, from Content-Length */
};

/* The wire is the caller's memory; wire_close() releases only the socket. */
void wire_open(struct wire *wire, size_t port);
void wire_close(struct wire *wire);

void wire_send(struct wire *wire, const void *bytes, size_t length);

/* Reads at least one more byte behind the unread ones (made contiguous at the front of the buffer
 * when needed). */
void wire_fill(struct wire *wire);

/* Leaves exactly `length` contiguous unread bytes or more in the buffer; length <= WIRE_BUFFER. */
void wire_need(struct wire *wire, size_t length);

/* Reads a response head; the body's first bytes may be unread in the buffer afterwards. */
struct reply wire_head(struct wire *wire);

/* Reads and drops `length` body bytes. */
void wire_drop(struct wire *wire, size_t length);

/* The text of a request, in memory the caller frees. `body` NULL makes it a GET, otherwise a POST
 * of JSON. */
char *http_request(const char *path, const char *body);

/* Sends `request` and insists on status 200 and, unless NULL, on `expect` somewhere in the body. */
void http_ask(struct wire *wire, const char *request, const char *expect);

#endif
