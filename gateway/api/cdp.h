/* api/cdp.h: single questions to Chromium by its DevTools protocol, over one WebSocket each. */
#ifndef SANDGATE_API_CDP_H
#define SANDGATE_API_CDP_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "http/ws.h"
#include "io/address.h"

struct cdp_call;
struct cdp_spec {
    struct ws_context *ws;
    const struct address *address;
    const char *path;   /* "/devtools/page/ID" */
    const char *method; /* "Page.getLayoutMetrics" */
    const char *params; /* JSON object, or NULL */
    uint64_t deadline_ms;
    /* Exactly once, later: `result` is the text of the answer's "result" member, or `err` is set.
     */
    void (*done)(void *arg, const char *result, size_t n, const struct err *err);
    void *arg;
};
int cdp_call(const struct cdp_spec *spec, struct cdp_call **ret_call, struct err *err) MUST_CHECK;
/* `done` will not be called. NULL is fine. */
void cdp_cancel(struct cdp_call *call);

#endif
