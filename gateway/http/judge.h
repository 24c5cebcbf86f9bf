/* http/judge.h: whether the credential of a request would open another one, which a proxy in front
 * describes by X-Original-URI and X-Original-Method (nginx: auth_request). */
#ifndef SANDGATE_HTTP_JUDGE_H
#define SANDGATE_HTTP_JUDGE_H

#include "http/exchange.h"
#include "http/router.h"

/* Without X-Original-URI any right credential will do. A path that is none of `router`'s asks for a
 * credential that may do everything. Fails with ERR_FORBIDDEN, or with ERR_UNAUTHORIZED for a
 * ticket that was looked at before; a session begun for a ticket is in the reply's cookie. */
int judge_original(struct exchange *ex, const struct router *router, struct err *err) MUST_CHECK;

#endif
