/* http/conditional.h: conditional and range requests (RFC 9110 sections 13 and 14), apart from any
 * server. A handler describes what it could send, hands over the request's headers, and is told
 * which status and which bytes to send. Pure; any thread. */
#ifndef SANDGATE_HTTP_CONDITIONAL_H
#define SANDGATE_HTTP_CONDITIONAL_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* What would be sent in full. */
struct representation {
    const char *etag; /* quoted, strong or W/; NULL: none */
    time_t modified;
    time_t now; /* when this is decided: a file touched in this very second has no reliable date */
    uint64_t size;
};

/* The request's headers of these names; NULL where absent. */
struct conditions {
    const char *if_match, *if_none_match;
    const char *if_modified_since, *if_unmodified_since;
    const char *if_range, *range;
};

/* 200: everything; 206: these bytes; 304, 412 and 416: none of them. */
struct selection {
    unsigned status;
    uint64_t offset, length;
};

/* `method` decides: ranges are for GET, 304 for GET and HEAD, 412 for any. */
struct selection conditional_select(const struct representation *what,
                                    const struct conditions *asked, const char *method);

/* One part of `size` bytes. RANGE_NONE: serve everything, because the header is absent, not in
 * bytes, malformed, or asks for several parts, which a server may answer with the whole. */
enum range_answer { RANGE_NONE, RANGE_PART, RANGE_UNSATISFIABLE };
enum range_answer range_parse(const char *header, uint64_t size, uint64_t *ret_offset,
                              uint64_t *ret_length);

/* Whether the list of an If-Match or If-None-Match ("*" included) names `etag`. `weak`: W/ does not
 * count. A malformed list matches nothing beyond its sound beginning. */
bool etag_listed(const char *list, const char *etag, bool weak);

/* A strong tag from what changes when a file does; `coding` ("br") may be NULL. */
#define ETAG_SIZE 64
void etag_format(char *to, uint64_t size, struct timespec modified, const char *coding);

/* RFC 9110 section 5.6.7: written as an IMF-fixdate, read in all three forms. */
#define HTTP_DATE_SIZE 32
void http_date_format(char *to, time_t when);
bool http_date_parse(const char *text, time_t *ret_when);

/* The same for a file as an exchange asks for it. */
struct exchange;
struct stat;
struct selection conditional_of(const struct exchange *ex, const char *etag, const struct stat *st);

#endif
