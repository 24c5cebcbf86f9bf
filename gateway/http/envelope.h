/* http/envelope.h: the one JSON shape of the API.
 *
 *   {"success": true, "message": "…", "data": …, "hint": null}
 *
 * A handler calls reply_begin(), writes exactly one value, and reply_end(). Errors become the same
 * shape with success=false; a field at fault is named in the message and, for clients that expect
 * it, in "detail" as well. (worker) */
#ifndef SANDGATE_HTTP_ENVELOPE_H
#define SANDGATE_HTTP_ENVELOPE_H

#include "base/err.h"
#include "base/jsonw.h"
#include "http/exchange.h"

/* The writer stands where the data goes. */
struct jsonw *reply_begin(struct exchange *ex, const char *message);
/* The same with success=false: a failure the caller asked to hear of in a 200. */
struct jsonw *reply_begin_failure(struct exchange *ex, const char *message);
/* Adds the hint and sets the reply. Further top-level members may be written before it. */
void reply_end(struct exchange *ex);
/* data: null */
void reply_message(struct exchange *ex, const char *message);
/* Tell the caller something beside the result; a later call replaces it. */
void reply_hint(struct exchange *ex, const char *hint);
/* Its member, for an answer of another shape. */
void reply_write_hint(struct exchange *ex, struct jsonw *w);
void reply_error(struct exchange *ex, const struct err *err);
/* A whole reply that is JSON but not in the envelope. */
void reply_json(struct exchange *ex, unsigned status, struct bytes *json);
unsigned status_of(const struct err *err);

#endif
