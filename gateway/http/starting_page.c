#include "http/starting_page.h"

#include <string.h>

#include "base/bytes.h"
#include "http/exchange_internal.h"

#define PAGE_CEILING  (16 * KIB)
#define AGAIN_SECONDS "1"

static const char head[] = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
                           "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                           "<meta name=\"color-scheme\" content=\"light dark\">";
static const char style[] =
    "<style>body{font:16px/1.5 system-ui,sans-serif;display:grid;place-items:center;"
    "min-height:100vh;margin:0}main{display:grid;gap:.75rem;width:min(26rem,90vw)}"
    "h1{font-size:1.25rem;margin:0}p{margin:0;overflow-wrap:anywhere;opacity:.8}"
    "progress{width:100%}a{color:inherit}</style></head><body><main>";
static const char foot[] = "</main></body></html>";

/* A navigation, not a script's fetch, which could do nothing with a page. */
bool starting_page_wanted(const struct exchange *ex)
{
    const char *accept = exchange_header(ex, "Accept");
    const char *mode = exchange_header(ex, "Sec-Fetch-Mode");
    return ex->route && ex->route->page && strcmp(ex->method.p, "GET") == 0 && accept &&
           strstr(accept, "text/html") && (!mode || strcmp(mode, "navigate") == 0);
}

static void add_escaped(struct bytes *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            (void)bytes_adds(out, "&amp;");
            break;
        case '<':
            (void)bytes_adds(out, "&lt;");
            break;
        case '>':
            (void)bytes_adds(out, "&gt;");
            break;
        default:
            (void)bytes_addc(out, *text);
        }
    }
}

static void send_page(struct exchange *ex, unsigned status, struct bytes *page)
{
    exchange_add_header(ex, "Content-Security-Policy",
                        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; "
                        "base-uri 'none'; form-action 'none'");
    exchange_add_header(ex, "Cache-Control", "no-store");
    exchange_add_header(ex, "Referrer-Policy", "same-origin");
    exchange_add_header(ex, "X-Content-Type-Options", "nosniff");
    exchange_reply(ex, status, "text/html; charset=utf-8", page);
    bytes_done(page);
}

void starting_page_wait(struct exchange *ex, const char *title, const char *reason)
{
    struct bytes page = BYTES_INIT(PAGE_CEILING);
    (void)bytes_adds(&page, head);
    (void)bytes_adds(&page, "<meta http-equiv=\"refresh\" content=\"" AGAIN_SECONDS "\"><title>");
    add_escaped(&page, title);
    (void)bytes_adds(&page, " is starting – Sandgate</title>");
    (void)bytes_adds(&page, style);
    (void)bytes_adds(&page, "<h1>");
    add_escaped(&page, title);
    (void)bytes_adds(&page, " is starting…</h1><progress aria-label=\"starting\"></progress><p>");
    add_escaped(&page, reason);
    (void)bytes_adds(&page, "</p>");
    (void)bytes_adds(&page, foot);
    exchange_add_header(ex, "Retry-After", AGAIN_SECONDS);
    send_page(ex, 503, &page);
}

void starting_page_failed(struct exchange *ex, unsigned status, const char *title,
                          const char *reason)
{
    struct bytes page = BYTES_INIT(PAGE_CEILING);
    (void)bytes_adds(&page, head);
    (void)bytes_adds(&page, "<title>");
    add_escaped(&page, title);
    (void)bytes_adds(&page, " is not available – Sandgate</title>");
    (void)bytes_adds(&page, style);
    (void)bytes_adds(&page, "<h1>");
    add_escaped(&page, title);
    (void)bytes_adds(&page, " is not available</h1><p>");
    add_escaped(&page, reason);
    (void)bytes_adds(&page, "</p><p><a href=\"\">Try again</a></p>");
    (void)bytes_adds(&page, foot);
    send_page(ex, status, &page);
}
