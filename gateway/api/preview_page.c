/* What is shown where no app listens. */
#include <string.h>

#include "api/preview.h"
#include "base/mem.h"
#include "core/ports.h"
#include "http/envelope.h"
#include "http/public.h"
#include "http/signin.h"

#define PORTS_SHOWN 32
#define PAGE_MAX    (32 * KIB)

static const char head[] =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
    "<meta http-equiv=\"refresh\" content=\"2\">"
    "<meta name=\"color-scheme\" content=\"light dark\"><title>Nothing here yet – Sandgate</title>"
    "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;"
    "padding:0 1rem}h1{font-size:1.25rem}</style></head><body>";

/* Ports of apps, ascending; how many there are. */
static size_t app_ports(const struct app *app, uint16_t ports[PORTS_SHOWN])
{
    bool listening[PORTS_ALL] = {false};
    size_t n = 0;
    ports_listening(listening);
    for (size_t port = 1; port < PORTS_ALL && n < PORTS_SHOWN; port++)
        if (listening[port] && !preview_owner(app, (uint16_t)port))
            ports[n++] = (uint16_t)port;
    return n;
}

/* The same way as the client came, where that is in the address; else the number alone. */
static void write_link(struct exchange *ex, const struct public_address *a, uint16_t port,
                       struct bytes *page)
{
    const char *host = exchange_header(ex, "Host");
    size_t label = host ? preview_label(host) : 0;
    if (exchange_param(ex, "port"))
        (void)bytes_printf(page, "<a href=\"%s/%s/%u/\">%u</a>", a->prefix,
                           preview_is_stripped(ex) ? "proxy" : "absproxy", port, port);
    else if (label && !exchange_header(ex, PREVIEW_HEADER))
        (void)bytes_printf(page, "<a href=\"//%u-%s/\">%u</a>", port, host + label, port);
    else
        (void)bytes_printf(page, "%u", port);
}

static void write_ports(struct exchange *ex, struct bytes *page)
{
    uint16_t ports[PORTS_SHOWN];
    struct public_address a;
    size_t n = app_ports(app_of(ex), ports);
    public_address_of(ex, &a);
    (void)bytes_adds(page, n ? "<p>Something listens on: " : "<p>No app listens on any port.");
    for (size_t i = 0; i < n; i++) {
        if (i)
            (void)bytes_adds(page, ", ");
        write_link(ex, &a, ports[i], page);
    }
    (void)bytes_adds(page, "</p></body></html>");
}

static void show_page(struct exchange *ex, const char *port)
{
    struct bytes page = BYTES_INIT(PAGE_MAX);
    (void)bytes_adds(&page, head);
    (void)bytes_printf(&page,
                       "<h1>Nothing listens on port %s</h1><p>Start the app, on 127.0.0.1 or all "
                       "addresses. This page asks again every two seconds.</p>",
                       port);
    write_ports(ex, &page);
    exchange_add_header(ex, "Content-Security-Policy",
                        "default-src 'none'; style-src 'unsafe-inline'");
    exchange_add_header(ex, "Cache-Control", "no-store");
    exchange_reply(ex, 502, "text/html; charset=utf-8", &page);
}

static void tell_program(struct exchange *ex, const char *port)
{
    struct bytes hint = BYTES_INIT(1 * KIB);
    uint16_t ports[PORTS_SHOWN];
    struct err err;
    size_t n = app_ports(app_of(ex), ports);
    (void)bytes_adds(&hint, n ? "something listens on" : "no app listens on any port");
    for (size_t i = 0; i < n; i++)
        (void)bytes_printf(&hint, "%s %u", i ? "," : "", ports[i]);
    const char *text = bytes_text(&hint);
    if (text)
        reply_hint(ex, text);
    (void)err_set(&err, ERR_UPSTREAM, "nothing listens on port %s", port);
    reply_error(ex, &err);
    bytes_done(&hint);
}

void preview_nobody(struct exchange *ex)
{
    struct preview_name name = {"", 0};
    char port[8];
    (void)preview_wanted(ex, &name);
    (void)snprintf(port, sizeof port, "%u", preview_port(name.digits, name.n));
    if (signin_wanted(ex))
        show_page(ex, port);
    else
        tell_program(ex, port);
}
