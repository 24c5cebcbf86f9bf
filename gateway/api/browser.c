/* /v1/browser: the browser on the desktop, as a whole. Its actions are in browser_actions.c, its
 * DevTools addresses in devtools.c. */
#include <string.h>

#include "api/app.h"
#include "api/cdp.h"
#include "api/desktop.h"
#include "api/wait.h"
#include "core/browser_settings.h"
#include "core/config.h"
#include "core/proxy_pac.h"
#include "core/supervisor.h"
#include "http/envelope.h"
#include "http/public.h"
#include "http/upstream.h"

#define BROWSER_SERVICE  "browser"
#define DOCUMENT_CEILING (4 * MIB)
#define FETCH_MS         UINT64_C(4000)
/* A page that hangs does not answer: the rest is told without it. */
#define PAGE_MS      1500
#define JPEG_QUALITY 80

static struct service *browser_of(const struct exchange *ex)
{
    return supervisor_find(app_of(ex)->supervisor, BROWSER_SERVICE);
}

/* ---- info: the screen, Chromium's version, its first page, that page's size ---- */

struct version {
    struct text user_agent, socket;
};
static const struct field version_fields[] = {
    {"User-Agent", FIELD_TEXT, offsetof(struct version, user_agent), .required = true},
    {"webSocketDebuggerUrl", FIELD_TEXT, offsetof(struct version, socket), .required = true},
    FIELDS_END,
};

struct target {
    struct text type, id;
};
static const struct field target_fields[] = {
    {"type", FIELD_TEXT, offsetof(struct target, type), .doc = "page, iframe, …"},
    {"id", FIELD_TEXT, offsetof(struct target, id), .doc = "names its socket"},
    FIELDS_END,
};

struct metrics {
    double width, height;
};
static const struct field metrics_fields[] = {
    {"cssLayoutViewport.clientWidth", FIELD_NUMBER, offsetof(struct metrics, width),
     .doc = "pixels"},
    {"cssLayoutViewport.clientHeight", FIELD_NUMBER, offsetof(struct metrics, height),
     .doc = "pixels"},
    FIELDS_END,
};

struct info {
    struct desktop_talk talk; /* first: a talk is an info */
    struct display_status screen;
    struct fetch *fetch;
    struct cdp_call *call;
    struct version version;
    const char *page_path; /* of the first page's socket */
    struct metrics page;
    bool page_known;
};

static void fail(struct info *i, const struct err *err)
{
    reply_error(i->talk.ex, err);
    exchange_wake(i->talk.ex);
}

static void write_size(struct jsonw *w, const char *name, double width, double height)
{
    jsonw_key(w, name);
    jsonw_object(w);
    jsonw_kint(w, "width", (int64_t)width);
    jsonw_kint(w, "height", (int64_t)height);
    jsonw_object_end(w);
}

/* "ws://127.0.0.1:9222/devtools/browser/ID" → "/devtools/browser/ID" */
static const char *socket_path(struct text url)
{
    const char *host = strstr(url.p, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;
    return path ? path : "/devtools/browser";
}

static void write_url(struct jsonw *w, const char *name, const struct exchange *ex,
                      const char *scheme, const char *path)
{
    cleanup_bytes struct bytes url = BYTES_INIT(4 * KIB);
    public_url(ex, scheme, path, &url);
    jsonw_kstr(w, name, bytes_text(&url));
}

static void reply_info(struct info *i)
{
    struct exchange *ex = i->talk.ex;
    const char *path = arena_printf(exchange_arena(ex), "/cdp%s", socket_path(i->version.socket));
    struct jsonw *w = reply_begin(ex, "Browser information");
    jsonw_object(w);
    jsonw_ktext(w, "user_agent", i->version.user_agent.p, i->version.user_agent.n);
    write_url(w, "cdp_url", ex, "ws", path ? path : "/");
    write_url(w, "vnc_url", ex, "http", "/vnc/index.html?autoconnect=true");
    jsonw_knull(w, "cdp_ui_url");
    write_size(w, "viewport", i->screen.width, i->screen.height);
    if (i->page_known)
        write_size(w, "page_viewport", i->page.width, i->page.height);
    else
        jsonw_knull(w, "page_viewport");
    jsonw_object_end(w);
    if (!i->page_known)
        reply_hint(ex, i->page_path ? "the page does not answer: page_viewport is not known"
                                    : "the browser shows no page: page_viewport is not known");
    reply_end(ex);
    exchange_wake(ex);
}

static void on_metrics(void *arg, const char *result, size_t n, const struct err *err)
{
    struct info *i = arg;
    struct err why = ERR_INIT;
    struct bytes unknown = BYTES_INIT(0);
    i->call = NULL;
    i->page_known = !err &&
                    json_decode(exchange_arena(i->talk.ex), result, n, metrics_fields, &i->page,
                                sizeof i->page, &unknown, &why) == 0 &&
                    i->page.width > 0 && i->page.height > 0;
    reply_info(i);
}

static void ask_page(struct info *i)
{
    struct app *app = app_of(i->talk.ex);
    struct err err = ERR_INIT;
    struct cdp_spec spec = {
        .ws = app->ws,
        .address = service_address(browser_of(i->talk.ex)),
        .path = i->page_path,
        .method = "Page.getLayoutMetrics",
        .deadline_ms = PAGE_MS,
        .done = on_metrics,
        .arg = i,
    };
    if (cdp_call(&spec, &i->call, &err) < 0)
        reply_info(i);
}

/* Chromium lists the page that was active last first. */
static int take_page(void *arg, const void *out)
{
    struct info *i = arg;
    const struct target *target = out;
    if (!target->type.p || !target->id.p || strcmp(target->type.p, "page") != 0)
        return 0;
    i->page_path = arena_printf(exchange_arena(i->talk.ex), "/devtools/page/%s", target->id.p);
    return 1;
}

static void on_targets(void *arg, unsigned status, struct bytes *body, const struct err *err)
{
    struct info *i = arg;
    struct target target;
    struct err why = ERR_INIT;
    i->fetch = NULL;
    if (!err && status == 200 &&
        json_decode_each(exchange_arena(i->talk.ex), body->data, body->len, target_fields, &target,
                         sizeof target, take_page, i, &why) == 0 &&
        i->page_path)
        ask_page(i);
    else
        reply_info(i);
}

static int fetch(struct info *i, const char *path,
                 void (*done)(void *, unsigned, struct bytes *, const struct err *),
                 struct err *err)
{
    struct fetch_spec spec = {
        .address = service_address(browser_of(i->talk.ex)),
        .method = "GET",
        .target = path,
        .ceiling = DOCUMENT_CEILING,
        .deadline_ms = FETCH_MS,
        .done = done,
        .arg = i,
    };
    return upstream_fetch(exchange_loop(i->talk.ex), &spec, &i->fetch, err);
}

static void on_version(void *arg, unsigned status, struct bytes *body, const struct err *err)
{
    struct info *i = arg;
    struct err why = ERR_INIT;
    struct bytes unknown = BYTES_INIT(0);
    i->fetch = NULL;
    if (err) {
        fail(i, err);
        return;
    }
    if (status != 200 ||
        json_decode(exchange_arena(i->talk.ex), body->data, body->len, version_fields, &i->version,
                    sizeof i->version, &unknown, &why) < 0) {
        (void)err_set(&why, ERR_UNAVAILABLE, "the browser does not tell its version");
        fail(i, &why);
        return;
    }
    if (fetch(i, "/json/list", on_targets, &why) < 0)
        fail(i, &why);
}

static void on_park_end(void *arg, enum park_end why)
{
    struct info *i = arg;
    (void)why;
    upstream_cancel(i->fetch);
    cdp_cancel(i->call);
    i->fetch = NULL;
    i->call = NULL;
}

static void on_screen(struct desktop_talk *talk, const struct display_status *status,
                      struct bytes *answer)
{
    struct info *i = (struct info *)talk;
    struct err err = ERR_INIT;
    (void)answer;
    i->screen = *status;
    if (fetch(i, "/json/version", on_version, &err) < 0) {
        reply_error(talk->ex, &err);
        return;
    }
    exchange_park(talk->ex, 3 * FETCH_MS, on_park_end, i);
}

static int info(struct exchange *ex, struct err *err)
{
    struct info *i = arena_alloc(exchange_arena(ex), sizeof *i);
    if (!i)
        return err_memory(err);
    i->talk = (struct desktop_talk){.ex = ex, .answered = on_screen};
    return desktop_ask(&i->talk, DISPLAY_STATUS, 0, 0, NULL, DESKTOP_ANSWER_MS, err);
}

/* ---- screenshot ---- */

struct screenshot_input {
    int format;
    int64_t quality;
};
static const char *const format_names[] = {"png", "jpg", "jpeg", NULL};
static const struct field screenshot_fields[] = {
    {"format", FIELD_CHOICE, offsetof(struct screenshot_input, format), .choices = format_names,
     .fallback = "\"png\"", .doc = "of the image"},
    {"quality", FIELD_INT, offsetof(struct screenshot_input, quality), .min = 0, .max = 100,
     .fallback = "80", .doc = "of a JPEG"},
    FIELDS_END,
};

static enum display_format format_of(const struct exchange *ex)
{
    const struct screenshot_input *in = exchange_input(ex);
    return in->format == 0 ? DISPLAY_PNG : DISPLAY_JPEG;
}

static void on_image(struct desktop_talk *talk, const struct display_status *status,
                     struct bytes *answer)
{
    struct exchange *ex = talk->ex;
    char width[16], height[16];
    (void)snprintf(width, sizeof width, "%d", status->width);
    (void)snprintf(height, sizeof height, "%d", status->height);
    exchange_add_header(ex, "x-screen-width", width);
    exchange_add_header(ex, "x-screen-height", height);
    exchange_add_header(ex, "x-image-width", width);
    exchange_add_header(ex, "x-image-height", height);
    exchange_add_header(ex, "Cache-Control", "no-store");
    exchange_reply(ex, 200, format_of(ex) == DISPLAY_PNG ? "image/png" : "image/jpeg", answer);
}

static struct desktop_talk *new_talk(struct exchange *ex)
{
    struct desktop_talk *talk = arena_alloc(exchange_arena(ex), sizeof *talk);
    if (talk)
        talk->ex = ex;
    return talk;
}

static int screenshot(struct exchange *ex, struct err *err)
{
    const struct screenshot_input *in = exchange_input(ex);
    struct desktop_talk *talk = new_talk(ex);
    if (!talk)
        return err_memory(err);
    talk->answered = on_image;
    return desktop_ask(talk, DISPLAY_SCREENSHOT, (int)format_of(ex), (int)in->quality, NULL,
                       2 * DESKTOP_ANSWER_MS, err);
}

/* ---- config ---- */

struct config_input {
    int64_t width, height;
};
static const struct field config_fields[] = {
    {"resolution.width", FIELD_INT, offsetof(struct config_input, width), .min = DISPLAY_MIN_WIDTH,
     .max = DISPLAY_MAX_WIDTH, .doc = "of the screen, pixels"},
    {"resolution.height", FIELD_INT, offsetof(struct config_input, height),
     .min = DISPLAY_MIN_HEIGHT, .max = DISPLAY_MAX_HEIGHT, .doc = "of the screen, pixels"},
    FIELDS_END,
};

static void on_resized(struct desktop_talk *talk, const struct display_status *status,
                       struct bytes *answer)
{
    struct jsonw *w = reply_begin(talk->ex, "Resolution set");
    (void)answer;
    jsonw_object(w);
    write_size(w, "resolution", status->width, status->height);
    jsonw_object_end(w);
    reply_end(talk->ex);
}

static int configure(struct exchange *ex, struct err *err)
{
    const struct config_input *in = exchange_input(ex);
    bool width = in->width != INT_ABSENT, height = in->height != INT_ABSENT;
    struct desktop_talk *talk = new_talk(ex);
    if (!talk)
        return err_memory(err);
    if (!width && !height) {
        reply_message(ex, "Nothing to set");
        return 0;
    }
    if (!width || !height)
        return err_field(err, width ? "resolution.height" : "resolution.width",
                         "field '%s' is required with the other",
                         width ? "resolution.height" : "resolution.width");
    talk->answered = on_resized;
    return desktop_ask(talk, DISPLAY_RESIZE, (int)in->width, (int)in->height, NULL,
                       DESKTOP_ANSWER_MS, err);
}

/* ---- restart ---- */

struct restart_input {
    int mode;
    double timeout;
    struct browser_settings change;
};
enum { RESTART_SOFT, RESTART_HARD };
static const char *const mode_names[] = {"soft", "hard", NULL};
static const struct field restart_fields[] = {
    {"mode", FIELD_CHOICE, offsetof(struct restart_input, mode), .choices = mode_names,
     .fallback = "\"hard\"",
     .doc = "hard: a new Chromium; soft: only automation sessions, of which there are none"},
    {"timeout", FIELD_NUMBER, offsetof(struct restart_input, timeout), .max = 600, .fallback = "45",
     .doc = "seconds to wait for it at most"},
    BROWSER_SETTINGS_FIELDS(offsetof(struct restart_input, change)),
    FIELDS_END,
};

static bool settled(struct wait *wait)
{
    enum service_state state = service_state(wait->subject);
    return state != SERVICE_STARTING && state != SERVICE_STOPPING;
}

static void reply_restarted(struct wait *wait)
{
    struct service_info service;
    struct err err;
    service_describe(wait->subject, &service);
    if (service.state == SERVICE_READY) {
        reply_message(wait->ex, "Browser restarted");
        return;
    }
    (void)err_set(&err, ERR_UNAVAILABLE, "the browser is %s: %s",
                  service_state_names[service.state], service.reason);
    reply_error(wait->ex, &err);
}

static int restart(struct exchange *ex, struct err *err)
{
    const struct restart_input *in = exchange_input(ex);
    struct service *service = browser_of(ex);
    struct wait *wait = arena_alloc(exchange_arena(ex), sizeof *wait);
    if (!wait)
        return err_memory(err);
    if (!service)
        return err_set(err, ERR_UNAVAILABLE, "there is no browser: it is not among --services");
    if (in->mode == RESTART_SOFT) {
        reply_message(ex, "Nothing to restart: no automation session is open");
        return 0;
    }
    if (browser_settings_change(exchange_arena(ex), service_state_dir(service), &in->change, err) <
        0)
        return -1;
    *wait =
        (struct wait){.ex = ex, .subject = service, .enough = settled, .reply = reply_restarted};
    service_restart(service, "restarted by a client");
    return wait_start(wait, service_observers(service), wait_ms(in->timeout), err);
}

/* ---- proxy.pac ---- */

static int proxy_pac(struct exchange *ex, struct err *err)
{
    cleanup_bytes struct bytes text = BYTES_INIT(256 * KIB);
    if (proxy_pac_write(&app_of(ex)->config->proxy, &text, err) < 0)
        return -1;
    exchange_reply(ex, 200, "application/x-ns-proxy-autoconfig", &text);
    return 0;
}

const struct route browser_routes[] = {
    {"GET", "/v1/browser/info", SCOPE_DESKTOP, ROUTE_INLINE, info, .serves = "/vnc",
     .service = BROWSER_SERVICE, .also = DESKTOP_SERVICE, .tag = "browser",
     .summary = "Where the browser can be driven (CDP) and watched (VNC), and how big it is."},
    {"GET", "/v1/browser/screenshot", SCOPE_DESKTOP, ROUTE_INLINE, screenshot,
     INPUT(screenshot_fields, struct screenshot_input), .service = BROWSER_SERVICE,
     .also = DESKTOP_SERVICE, .tag = "browser", .answers = "image/png",
     .summary = "The whole screen as an image."},
    {"POST", "/v1/browser/config", SCOPE_DESKTOP, ROUTE_INLINE, configure,
     INPUT(config_fields, struct config_input), .body = BODY_JSON, .body_limit = 64 * KIB,
     .service = "desktop", .tag = "browser", .summary = "Set the size of the screen."},
    {"POST", "/v1/browser/restart", SCOPE_ADMIN, ROUTE_INLINE, restart,
     INPUT(restart_fields, struct restart_input), .body = BODY_JSON, .body_limit = 1 * MIB,
     .tag = "browser", .summary = "Restart the browser; its profile stays."},
    {"GET", "/v1/browser/proxy.pac", SCOPE_READ, ROUTE_INLINE, proxy_pac, .tag = "browser",
     .answers = "application/x-ns-proxy-autoconfig",
     .summary = "Which hosts the browser reaches through PROXY_SERVER, as a PAC file."},
    ROUTES_END,
};
