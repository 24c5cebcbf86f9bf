/* ws.h: the client half of RFC 6455 that a terminal or a viewer needs: handshake, masked sending,
 * whole messages in. No extensions are offered, so nothing comes compressed; a fragmented message
 * ends the program with a word. */
#ifndef BENCH_WS_H
#define BENCH_WS_H

#include "wire.h"

struct message {
    const char *data; /* inside the wire's buffer, until the next call on the wire */
    size_t length;
};

/* Connects and upgrades; `protocol` NULL offers no subprotocol. */
void ws_open(struct wire *wire, size_t port, const char *path, const char *protocol);

void ws_send_text(struct wire *wire, const char *text);
void ws_send_binary(struct wire *wire, const void *bytes, size_t length);

/* The next text or binary message; pings are answered on the way. */
struct message ws_read(struct wire *wire);

#endif
