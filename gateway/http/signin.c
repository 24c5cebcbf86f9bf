#include "http/signin.h"

#include <string.h>

#include "http/credentials.h"
#include "http/envelope.h"
#include "http/exchange_internal.h"
#include "http/public.h"

static const char form[] =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
    "<meta name=\"color-scheme\" content=\"light dark\"><title>Sign in – Sandgate</title><style>"
    "body{font:16px/1.5 system-ui,sans-serif;display:grid;place-items:center;min-height:100vh;"
    "margin:0}form{display:grid;gap:.75rem;width:min(22rem,90vw)}h1{font-size:1.25rem;margin:0}"
    "input,button{font:inherit;padding:.6rem .75rem;border-radius:.5rem;border:1px solid #8888}"
    "button{background:#2563eb;color:#fff;border:0;cursor:pointer}</style></head><body>"
    "<form method=\"get\"><h1>Sandgate</h1><label for=\"k\">This sandbox asks for its API key"
    " or a token.</label><input id=\"k\" name=\"api_key\" type=\"password\" "
    "autocomplete=\"current-password\" "
    "required autofocus><button>Open</button></form></body></html>";

bool signin_wanted(const struct exchange *ex)
{
    const char *accept = exchange_header(ex, "Accept");
    return strcmp(ex->method.p, "GET") == 0 && accept && strstr(accept, "text/html");
}

static void keep_private(struct exchange *ex)
{
    exchange_add_header(ex, "Cache-Control", "no-store");
    exchange_add_header(ex, "Referrer-Policy", "no-referrer");
}

static void ask(struct exchange *ex)
{
    exchange_add_header(ex, "Content-Security-Policy",
                        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'");
    keep_private(ex);
    exchange_reply_static(ex, 401, "text/html; charset=utf-8", form, sizeof form - 1);
}

void signin_refuse(struct exchange *ex)
{
    struct err err;
    if (signin_wanted(ex)) {
        ask(ex);
        return;
    }
    (void)err_set(&err, ERR_UNAUTHORIZED, "an API key is needed, and it was missing or wrong");
    exchange_add_header(ex, "WWW-Authenticate", "Bearer");
    reply_error(ex, &err);
}

/* For the paths that the client knows us by. */
static int add_cookie(struct exchange *ex, const struct auth_cookie *cookie, struct err *err)
{
    struct public_address address;
    if (!cookie->value[0])
        return 0;
    public_address_of(ex, &address);
    const char *text =
        arena_printf(ex->arena, "%s=%s; Path=%s/; HttpOnly; SameSite=Strict%s", cookie->name,
                     cookie->value, address.prefix, address.secure ? "; Secure" : "");
    if (!text)
        return err_memory(err);
    exchange_add_header(ex, "Set-Cookie", text);
    return 0;
}

/* The same address without the credential, relative, so that it holds behind any proxy prefix. */
static const char *clean_address(struct exchange *ex)
{
    cleanup_bytes struct bytes clean = BYTES_INIT(16 * KIB);
    const char *target = ex->target.p + ex->raw_path.n;
    const char *last = strrchr(ex->raw_path.p, '/');
    (void)bytes_printf(&clean, "./%s", last ? last + 1 : "");
    target_without_credentials(&clean, target);
    const char *text = bytes_text(&clean);
    return text ? arena_copy(ex->arena, text, clean.len) : NULL;
}

/* A browser that follows a link from another site does not send the new, strict cookie where a
 * redirect leads; where our own document leads it does. Some browsers do not say where they come
 * from, but only browsers ask for the upgrade. */
static bool came_from_elsewhere(const struct exchange *ex)
{
    return ex->cross_site_navigation || (!exchange_header(ex, "Sec-Fetch-Site") &&
                                         exchange_header(ex, "Upgrade-Insecure-Requests"));
}

/* A raw target holds no quotes' rivals but these. */
static void write_attribute(struct bytes *out, const char *text)
{
    for (; *text; text++) {
        const char *entity = *text == '&'    ? "&amp;"
                             : *text == '"'  ? "&quot;"
                             : *text == '\'' ? "&#39;"
                             : *text == '<'  ? "&lt;"
                             : *text == '>'  ? "&gt;"
                                             : NULL;
        (void)(entity ? bytes_adds(out, entity) : bytes_addc(out, *text));
    }
}

static void lead_to(struct exchange *ex, const char *address)
{
    struct bytes page = BYTES_INIT(64 * KIB);
    keep_private(ex);
    if (!came_from_elsewhere(ex)) {
        exchange_add_header(ex, "Location", address);
        exchange_reply_static(ex, 303, "text/plain", "", 0);
        return;
    }
    (void)bytes_adds(&page, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
                            "<meta name=\"color-scheme\" content=\"light dark\">"
                            "<title>Sandgate</title><meta http-equiv=\"refresh\" content=\"0;url=");
    write_attribute(&page, address);
    (void)bytes_adds(&page, "\"></head><body></body></html>");
    exchange_add_header(ex, "Content-Security-Policy", "default-src 'none'");
    exchange_reply(ex, 200, "text/html; charset=utf-8", &page);
}

bool signin_settle(struct exchange *ex, struct auth *auth)
{
    struct err err;
    struct auth_cookie cookie;
    struct grant *grant = &ex->grant;
    bool page = ex->route->page && signin_wanted(ex);
    if (!grant->by_query || (!page && !grant->ticket))
        return false;
    const char *address = page ? clean_address(ex) : "";
    int r = address ? 0 : err_memory(&err);
    /* With a cookie the address named what that began with. */
    if (r == 0 && !grant->cookie) {
        r = auth_begin_session(auth, grant, exchange_header(ex, "Cookie"), &cookie, &err);
        if (r == 0)
            r = add_cookie(ex, &cookie, &err);
    }
    if (r < 0)
        reply_error(ex, &err);
    else if (page)
        lead_to(ex, address);
    return r < 0 || page;
}

int signin_look(struct exchange *ex, struct auth *auth, struct err *err)
{
    struct auth_cookie cookie;
    if (!ex->grant.ticket)
        return 0;
    if (auth_look(auth, &ex->grant, exchange_header(ex, "Cookie"), &cookie, err) < 0)
        return -1;
    return add_cookie(ex, &cookie, err);
}
