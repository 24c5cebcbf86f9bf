/* http/guard.h: what no handler should ever see, decided from the head alone.
 *
 * Two jobs: requests whose framing two parsers could read differently (RFC 9112 sections 5, 6.1 and
 * 6.3: request smuggling) are refused and the connection closed; and browsers acting for another
 * site are refused (Fetch metadata, Origin, and Host against DNS rebinding). Pure; any thread. */
#ifndef SANDGATE_HTTP_GUARD_H
#define SANDGATE_HTTP_GUARD_H

#include <stdbool.h>

#include "base/err.h"
#include "http/exchange.h"

struct guard_policy {
    /* Comma-separated host names beyond loopback and IP literals; ".example.org" takes every name
     * below it, "*" takes all. NULL: none. */
    const char *allowed_hosts;
    /* A credential is needed anyway, so a rebound Host gains nothing and any Host will do. */
    bool any_host;
};

struct guard_request {
    const char *method;
    bool target_ok; /* the target was an acceptable origin-form */
    bool http10;
    bool too_many_headers;
    bool misread; /* the parser took something for what it was not */
    const struct header *headers;
    size_t header_count;
};

/* 0, or -1 with err ERR_SYNTAX: the connection must be closed. */
int guard_framing(const struct guard_request *request, struct err *err) MUST_CHECK;

/* 0, or -1 with err ERR_FORBIDDEN. *ret_navigation: a person followed a link from another site, to
 * be allowed only where the route is a page. */
int guard_origin(const struct guard_request *request, const struct guard_policy *policy,
                 bool *ret_navigation, struct err *err) MUST_CHECK;

#endif
