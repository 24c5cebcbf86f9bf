/* http/judge.h: whether the credential of a request would open another one, which a proxy in front
 * describes by X-Original-URI and X-Original-Method (nginx: auth_request). */
#ifndef SANDGATE_HTTP_JUDGE_H
#define SANDGATE_HTTP_JUDGE_H

#include "http/exchange.h"
#include "http/router.h"

/* Without X-Original-URI any right credential will do. `prefix`, which may be NULL, is what the
 * proxy takes off paths before they come here. A path that is none of `router`'s then asks for a
 * credential that may do everything. What the asking request's own headers say, other than those
 * two, may be the client's word: it can only ask for more. Fails with ERR_FORBIDDEN, or with
 * ERR_UNAUTHORIZED for a ticket that was looked at before; a session begun for a ticket is in the
 * reply's cookie. */
int judge_original(struct exchange *ex, const struct router *router, const char *prefix,
                   struct err *err) MUST_CHECK;

#endif
