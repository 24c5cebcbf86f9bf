/* http/signin.h: how a person at a browser gives the key once.
 *
 * A page asked for without a credential is answered 401 with a small form; the form comes back with
 * ?api_key=, which is exchanged for an HttpOnly, SameSite cookie and taken out of the address. */
#ifndef SANDGATE_HTTP_SIGNIN_H
#define SANDGATE_HTTP_SIGNIN_H

#include <stdbool.h>

#include "core/auth.h"
#include "http/exchange.h"

/* The refused request is a browser showing a page. */
bool signin_wanted(const struct exchange *ex);
void signin_ask(struct exchange *ex);
/* Answer with the cookie and a redirect to the same address without the key. */
void signin_remember(struct exchange *ex, const struct auth *auth);

#endif
