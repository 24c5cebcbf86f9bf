#include "http/signin.h"

#include <string.h>

#include "http/exchange_internal.h"

static const char form[] =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
    "<meta name=\"color-scheme\" content=\"light dark\"><title>Sign in – Sandgate</title><style>"
    "body{font:16px/1.5 system-ui,sans-serif;display:grid;place-items:center;min-height:100vh;"
    "margin:0}form{display:grid;gap:.75rem;width:min(22rem,90vw)}h1{font-size:1.25rem;margin:0}"
    "input,button{font:inherit;padding:.6rem .75rem;border-radius:.5rem;border:1px solid #8888}"
    "button{background:#2563eb;color:#fff;border:0;cursor:pointer}</style></head><body>"
    "<form method=\"get\"><h1>Sandgate</h1><label for=\"k\">This sandbox asks for its API key."
    "</label><input id=\"k\" name=\"api_key\" type=\"password\" autocomplete=\"current-password\" "
    "required autofocus><button>Open</button></form></body></html>";

bool signin_wanted(const struct exchange *ex)
{
    const char *accept = exchange_header(ex, "Accept");
    return strcmp(ex->method.p, "GET") == 0 && accept && strstr(accept, "text/html");
}

void signin_ask(struct exchange *ex)
{
    exchange_add_header(ex, "Content-Security-Policy",
                        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'");
    exchange_add_header(ex, "Cache-Control", "no-store");
    exchange_add_header(ex, "Referrer-Policy", "no-referrer");
    exchange_reply_static(ex, 401, "text/html; charset=utf-8", form, sizeof form - 1);
}

/* The raw pairs other than the key, so that nothing else changes. */
static void copy_query(struct bytes *to, const char *query)
{
    char lead = '?';
    while (*query) {
        size_t n = strcspn(query, "&");
        if (strncmp(query, "api_key=", 8) != 0 && n) {
            (void)bytes_addc(to, lead);
            (void)bytes_add(to, query, n);
            lead = '&';
        }
        query += n + (query[n] == '&');
    }
}

void signin_remember(struct exchange *ex, const struct auth *auth)
{
    exchange_audit_as(ex, "login");
    cleanup_bytes struct bytes location = BYTES_INIT(16 * KIB);
    const char *last = strrchr(ex->raw_path.p, '/');
    const char *query = strchr(ex->target.p, '?');
    /* Relative, so that it holds behind any proxy prefix. */
    (void)bytes_printf(&location, "./%s", last ? last + 1 : "");
    copy_query(&location, query ? query + 1 : "");
    const char *secure = exchange_header(ex, "X-Forwarded-Proto");
    const char *cookie = arena_printf(
        ex->arena, AUTH_COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict%s", auth_cookie_value(auth),
        secure && strcmp(secure, "https") == 0 ? "; Secure" : "");
    const char *to = bytes_text(&location);
    exchange_add_header(ex, "Set-Cookie", cookie ? cookie : "");
    exchange_add_header(ex, "Location", to ? to : "./");
    exchange_add_header(ex, "Cache-Control", "no-store");
    exchange_add_header(ex, "Referrer-Policy", "no-referrer");
    exchange_reply_static(ex, 303, "text/plain", "", 0);
}
