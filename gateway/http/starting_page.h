/* http/starting_page.h: what a browser shows while a service starts, or when it does not.
 *
 * A page that asks again by itself, with no script: HTML's refresh, so that it works in a frame,
 * behind any prefix and under any policy. Loop thread only. */
#ifndef SANDGATE_HTTP_STARTING_PAGE_H
#define SANDGATE_HTTP_STARTING_PAGE_H

#include <stdbool.h>

#include "http/exchange.h"

/* The request is a browser going to a page, which may be answered so. */
bool starting_page_wanted(const struct exchange *ex);
/* `title` is the service's name for people, `reason` the state it is in, in one sentence. */
void starting_page_wait(struct exchange *ex, const char *title, const char *reason);
/* It does not come: the page stays, and offers to try again. */
void starting_page_failed(struct exchange *ex, unsigned status, const char *title,
                          const char *reason);

#endif
