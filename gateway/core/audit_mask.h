/* core/audit_mask.h: text for the record, without the secrets in it.
 *
 * What is known to be a secret by its shape (tokens of well-known services, JWTs, PEM private keys,
 * bearer tokens, the password in a URL) or by the name it is given to (API_TOKEN=…, "password": …,
 * --secret …, Authorization: …, ?api_key=…) becomes "***". In doubt it is masked; what is around it
 * stays, so that a command can still be read. A secret with neither shape nor name is not known for
 * one. Pure; any thread. */
#ifndef SANDGATE_CORE_AUDIT_MASK_H
#define SANDGATE_CORE_AUDIT_MASK_H

#include <stddef.h>

#define AUDIT_MASK "***"

/* Writes at most `room` bytes, no NUL, and returns how many; text cut off ends with a whole UTF-8
 * sequence. `text` should reach a little beyond `room`, so that what is cut in two is known still.
 */
size_t audit_mask(const char *text, size_t n, char *out, size_t room);

#endif
