/* api/pages.h: the pages of --web as answers. */
#ifndef SANDGATE_API_PAGES_H
#define SANDGATE_API_PAGES_H

#include "base/err.h"
#include "http/exchange.h"

/* Answer with a page ("vnc.html"), or say how to build the pages where there are none. */
int page_reply(struct exchange *ex, const char *name, struct err *err) MUST_CHECK;

#endif
