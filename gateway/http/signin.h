/* http/signin.h: how a person at a browser gives a key, a token or a ticket once.
 *
 * A page asked for without a credential is answered 401 with a small form; the form comes back with
 * ?api_key=. What stands in a page's address is exchanged for an HttpOnly, SameSite cookie and
 * taken out of the address. */
#ifndef SANDGATE_HTTP_SIGNIN_H
#define SANDGATE_HTTP_SIGNIN_H

#include <stdbool.h>

#include "core/auth.h"
#include "http/exchange.h"

/* The refused request is a browser showing a page. */
bool signin_wanted(const struct exchange *ex);
/* 401: with the form, or for programs. */
void signin_refuse(struct exchange *ex);
/* The request is let in. A ticket in its address is used up, and a page's address leads to itself
 * without the credential. True: the reply is set. */
bool signin_settle(struct exchange *ex, struct auth *auth);
/* The same for a request that a proxy only asks about. */
int signin_look(struct exchange *ex, struct auth *auth, struct err *err) MUST_CHECK;

#endif
