/* http/record.h: an exchange, for the audit log. Its row says what it is there; what only looks is
 * not in it, but a caller that was refused always is. Loop thread only. */
#ifndef SANDGATE_HTTP_RECORD_H
#define SANDGATE_HTTP_RECORD_H

#include <stdbool.h>

#include "core/audit.h"
#include "http/exchange.h"

/* The handler has returned: what goes on from here is in the log while it does. `audit` may be
 * NULL.
 */
void record_begun(struct audit *audit, struct exchange *ex);
/* It is over. */
void record_over(struct audit *audit, struct exchange *ex, double seconds, bool delivered);

#endif
