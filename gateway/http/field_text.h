/* http/field_text.h: which bytes may stand where in a head (RFC 9110 section 5). Pure; any thread.
 */
#ifndef SANDGATE_HTTP_FIELD_TEXT_H
#define SANDGATE_HTTP_FIELD_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A method's or field's name: letters, digits and some signs, at least one. */
bool is_token(const char *text, size_t n);
/* A value: visible text, space and tab; obsolete folding would leave CR or LF behind. */
bool is_field_value(const char *text, size_t n);

#endif
