/* http/need.h: the services a route needs, waited for while the exchange is parked. */
#ifndef SANDGATE_HTTP_NEED_H
#define SANDGATE_HTTP_NEED_H

#include "core/supervisor.h"
#include "http/exchange.h"

/* Has the route's services started and held. True when they are READY (or the route needs none): go
 * on. False when the exchange was refused or is parked, for `deadline_ms` at most; then `go` runs
 * once they are READY, on the loop, with the exchange no longer parked but still suspended: it
 * must be woken. A browser going to a page is shown what happens instead (http/starting_page.h). */
bool need_met(const struct supervisor *supervisor, struct exchange *ex, uint64_t deadline_ms,
              void (*go)(struct exchange *ex));
/* The exchange is over. */
void need_over(struct exchange *ex);

#endif
