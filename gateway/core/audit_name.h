/* core/audit_name.h: what the names of secrets, and secrets themselves, look like. Pure. */
#ifndef SANDGATE_CORE_AUDIT_NAME_H
#define SANDGATE_CORE_AUDIT_NAME_H

#include <stdbool.h>
#include <stddef.h>

enum name_kind {
    NAME_PLAIN,
    NAME_SECRET, /* API_TOKEN, password, x-api-key, … */
    NAME_HEADER, /* of a header whose value may be of several words: Authorization, Cookie */
    NAME_COUNT,  /* max_tokens: no secret when it is a number */
};

/* Case does not matter; of a long name its end does. */
enum name_kind audit_name(const char *name, size_t n);

#define AUDIT_TOKEN_MIN 15 /* bytes of the shortest of them */

/* A token of a well-known service, or a JWT, begins at `text`; the word it stands in has `n` bytes
 * of [A-Za-z0-9_.-]. */
bool audit_token_shape(const char *text, size_t n);

#endif
