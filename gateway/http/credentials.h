/* http/credentials.h: where credentials stand in a request, and how they are kept from going on:
 * what the gateway was told is nobody else's business.
 *
 *   X-AIO-API-Key, Authorization, Cookie   as headers
 *   ?api_key=, ?ticket=                    in the query of the request, or of X-Original-URI, by
 *                                          which a proxy in front names what it asks about
 *
 * A ticket that does not look like one of ours, 64 hexadecimal digits, is an app's own: it is
 * passed on, and nothing to us. */
#ifndef SANDGATE_HTTP_CREDENTIALS_H
#define SANDGATE_HTTP_CREDENTIALS_H

#include "base/bytes.h"
#include "core/auth.h"
#include "http/exchange.h"

#define ORIGINAL_URI    "X-Original-URI"
#define ORIGINAL_METHOD "X-Original-Method"

void credentials_of(struct exchange *ex, struct credentials *ret_given);

/* ---- the pure parts ---- */

/* "api_key" or "ticket": no field of any route. */
bool is_credential_name(const char *name);
/* A target, or an address, without the pairs of its query that are credentials, whichever way they
 * are escaped; every other byte as it was. */
void target_without_credentials(struct bytes *out, const char *target);
/* A Cookie's pairs without those that are ours. */
void cookie_without_ours(struct bytes *out, const char *cookie);

#endif
