/* http/ws.h: WebSockets that end here (RFC 6455). The only door to libwebsockets.
 *
 * A client's handshake is checked and answered by MHD's side; then a tunnel joins the client's
 * socket to one end of a socket pair, whose other end libwebsockets owns on our loop. As a client
 * of a local service, libwebsockets connects by itself. Loop thread only. */
#ifndef SANDGATE_HTTP_WS_H
#define SANDGATE_HTTP_WS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "http/exchange.h"
#include "io/address.h"
#include "io/loop.h"

/* A message of a client may be this long. */
#define WS_MAX_MESSAGE (1 * MIB)

struct ws_context;
struct ws;

struct ws_hooks {
    void (*opened)(void *arg, struct ws *ws);
    void (*message)(void *arg, const char *data, size_t n, bool binary); /* NUL-terminated */
    void (*writable)(void *arg); /* asked for by ws_want_write(): ws_send() may be called once */
    void (*closed)(void *arg);   /* the last call; the ws is gone after it */
};

int ws_context_open(struct loop *loop, struct ws_context **ret_context, struct err *err) MUST_CHECK;
/* Closes every WebSocket. NULL is fine. */
void ws_context_close(struct ws_context *context);
struct loop *ws_loop(const struct ws_context *context);

/* Answer the exchange with a handshake. On failure (not a handshake: ERR_INVALID) nothing was
 * called and nothing will be; on success exactly one `closed` follows some day. */
int ws_accept(struct ws_context *context, struct exchange *ex, const struct ws_hooks *hooks,
              void *arg, struct err *err) MUST_CHECK;

/* Connect to a service as its client; no Origin is sent. `opened` is called when it has accepted.
 * On failure nothing was called and nothing will be; on success exactly one `closed` follows some
 * day, without `opened` when the service refused or did not answer in time. */
struct ws_target {
    const struct address *address;
    const char *path;     /* "/devtools/page/ID" */
    size_t max_message;   /* of what it sends; beyond, the WebSocket is closed */
    uint64_t deadline_ms; /* to be connected and accepted */
};
int ws_connect(struct ws_context *context, const struct ws_target *target,
               const struct ws_hooks *hooks, void *arg, struct ws **ret_ws,
               struct err *err) MUST_CHECK;
/* End it at once; no hook is called any more. NULL is fine. */
void ws_abandon(struct ws *ws);

void ws_want_write(struct ws *ws);
/* Only from `writable`. `text` must be valid UTF-8. -1 when the socket is broken: `closed` follows.
 */
int ws_send(struct ws *ws, const char *text, size_t n) MUST_CHECK;
/* Close with a status code (RFC 6455 section 7.4) after what was sent; `closed` follows. */
void ws_close(struct ws *ws, int code, const char *reason);

#endif
