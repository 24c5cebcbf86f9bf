/* core/search_event.h: one line of `rg --json`, taken apart. Pure; any thread. */
#ifndef SANDGATE_CORE_SEARCH_EVENT_H
#define SANDGATE_CORE_SEARCH_EVENT_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/json.h"

enum search_event_type {
    SEARCH_OTHER,
    SEARCH_BEGIN, /* of a file with matches */
    SEARCH_MATCH,
    SEARCH_CONTEXT,
    SEARCH_END,
    SEARCH_SUMMARY,
};

struct search_event {
    enum search_event_type type;
    struct text path;  /* not NUL-terminated; any bytes */
    struct text lines; /* with their newlines; any bytes */
    int64_t line_number;
    int64_t searches; /* summary: files that were searched */
};

/* Decodes in place: `line` is changed, and the event points into it. `spare` holds what had to be
 * decoded from base64. -1 when the line is not what ripgrep prints. */
int search_event_parse(char *line, size_t n, struct bytes spare[static 2],
                       struct search_event *ret_event) MUST_CHECK;

#endif
