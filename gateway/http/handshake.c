#include "http/handshake.h"

#include <string.h>

#include "http/response_head.h"

bool handshake_asked(const struct exchange *ex)
{
    return list_has_token(exchange_header(ex, "Upgrade"), "websocket") &&
           list_has_token(exchange_header(ex, "Connection"), "upgrade");
}

/* RFC 6455 section 4.2.1. */
int handshake_check(const struct exchange *ex, const char **ret_key, struct err *err)
{
    const char *key = exchange_header(ex, "Sec-WebSocket-Key");
    const char *version = exchange_header(ex, "Sec-WebSocket-Version");
    if (!handshake_asked(ex))
        return err_set(err, ERR_SYNTAX, "this address speaks WebSocket only");
    if (!version || strcmp(version, "13") != 0)
        return err_set(err, ERR_SYNTAX, "Sec-WebSocket-Version must be 13");
    if (!key || strlen(key) != 24 ||
        strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrs"
                    "tuvwxyz0123456789+/=") != 24)
        return err_set(err, ERR_SYNTAX, "Sec-WebSocket-Key must be 16 bytes in base64");
    *ret_key = key;
    return 0;
}
