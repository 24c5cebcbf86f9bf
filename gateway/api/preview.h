/* api/preview.h: what preview.c and preview_page.c know of each other. */
#ifndef SANDGATE_API_PREVIEW_H
#define SANDGATE_API_PREVIEW_H

#include "api/app.h"
#include "http/preview.h"

/* Whose a port is that no preview may reach; NULL: an app's, or nobody's. */
const char *preview_owner(const struct app *app, uint16_t port);
/* The port the request wants, as it was written. */
bool preview_wanted(const struct exchange *ex, struct preview_name *ret_name);
/* It came by /proxy/{port}. */
bool preview_is_stripped(const struct exchange *ex);
/* Nothing listens: a page for people that asks again by itself, 502 for programs. Both name the
 * ports where something does. */
void preview_nobody(struct exchange *ex);

#endif
