/* http/proxy_head.h: the heads of requests and answers as they are passed on; for proxy.c. */
#ifndef SANDGATE_HTTP_PROXY_HEAD_H
#define SANDGATE_HTTP_PROXY_HEAD_H

#include "http/mount.h"
#include "http/proxy.h"

/* How the request's body goes to the service. */
struct proxy_body {
    bool present, chunked;
    uint64_t length; /* unless chunked */
};

/* The head for the service, empty line included. */
int proxy_request_head(const struct exchange *ex, const struct address *address, const char *target,
                       const struct proxy_options *options, bool websocket,
                       const struct proxy_body *body, struct bytes *out,
                       struct err *err) MUST_CHECK;

/* Where an app is, as far as its answer may speak of it. */
struct proxy_place {
    const char *prefix; /* as in the options */
    bool outer;
    bool keep_host;
    uint16_t port;
};

/* The answer's headers, added to the reply; addresses in them are moved below the prefix. */
void proxy_reply_headers(struct exchange *ex, const struct response_head *head,
                         const struct proxy_place *place);

/* ---- the pure parts ---- */

/* A target, or an address, without the pairs of its query whose decoded name is `name`. */
void target_without(struct bytes *out, const char *target, const char *name);
/* A Cookie's pairs without the one of that name. */
void cookie_without(struct bytes *out, const char *cookie, const char *name);
/* The header is about this connection alone (RFC 9110 section 7.6.1), by its nature or because
 * `connection`, the value of Connection (may be NULL), lists it. */
bool header_is_hop(const char *name, const char *connection);

#endif
