/* http/credentials.h: where credentials stand in a request, and how they are kept from going on:
 * what the gateway was told is nobody else's business.
 *
 *   X-AIO-API-Key, Authorization, Cookie    as headers
 *   ?api_key=, ?ticket=                     in the request's query, or in that of X-Original-URI,
 *                                           by which a proxy in front names the request it asks
 * about
 */
#ifndef SANDGATE_HTTP_CREDENTIALS_H
#define SANDGATE_HTTP_CREDENTIALS_H

#include "base/bytes.h"
#include "core/auth.h"
#include "http/exchange.h"

#define ORIGINAL_URI    "X-Original-URI"
#define ORIGINAL_METHOD "X-Original-Method"

void credentials_of(struct exchange *ex, struct credentials *ret_given);

/* ---- the pure parts ---- */

/* "api_key" or "ticket". */
bool is_credential_name(const char *name);
/* A target, or an address, without the pairs of its query that are credentials, whichever way
 * their names are escaped; every other byte as it was. */
void target_without_credentials(struct bytes *out, const char *target);
/* A Cookie's pairs without those that are ours. */
void cookie_without_ours(struct bytes *out, const char *cookie);

#endif
