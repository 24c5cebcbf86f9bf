/* http/handshake.h: a client's wish to speak WebSocket, checked (RFC 6455 section 4.2.1). */
#ifndef SANDGATE_HTTP_HANDSHAKE_H
#define SANDGATE_HTTP_HANDSHAKE_H

#include <stdbool.h>

#include "base/err.h"
#include "http/exchange.h"

/* The request asks to switch to WebSocket, soundly or not. */
bool handshake_asked(const struct exchange *ex);
/* Fails with ERR_SYNTAX when it is no sound handshake; *ret_key is its Sec-WebSocket-Key. */
int handshake_check(const struct exchange *ex, const char **ret_key, struct err *err) MUST_CHECK;

#endif
