#include "arguments.h"

#include <string.h>

#include "base/bytes.h"

#define FEATURES_MAX (64 * KIB)

struct list {
    struct arena *arena;
    const char **items;
    size_t n;
    bool failed;
};

static const char *const always[] = {
    /* No questions and no pages before the first page. */
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-search-engine-choice-screen",
    "--hide-crash-restore-bubble",
    "--noerrdialogs",
    /* Passwords stay in the profile: there is no keyring to unlock here. */
    "--password-store=basic",
    /* Nothing is fetched that no page asked for, and nobody is told what is done here. */
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-field-trial-config",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-pings",
    "--no-service-autorun",
    "--disable-breakpad",
    /* There is no GPU. Without one Chromium composes in memory, the cheapest way to Xvfb's screen;
     * WebGL, which pages do expect, is drawn by SwiftShader when one asks for it. */
    "--disable-gpu",
    "--enable-unsafe-swiftshader",
    /* A page in a tab or window that nobody looks at goes on: an agent may be working in it. */
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    /* Busy pages are normal here and nobody sits by to answer "page unresponsive". */
    "--disable-hang-monitor",
    "--disable-component-extensions-with-background-pages",
    /* Colours of screenshots do not depend on a monitor. */
    "--force-color-profile=srgb",
    /* With --window-size or --window-position beside it this would do nothing; what the window has
     * where no window manager maximises it is in the profile. */
    "--start-maximized",
};

static const char disabled_features[] =
    /* A bubble over the page in a language its reader knows, and what phones home for it. */
    "Translate,OptimizationHints,NetworkTimeServiceQuerying,PreconnectToSearch,MediaRouter,"
    /* Offers that need Google's services, which Debian's build has no keys for. The second keeps a
     * hidden page of 80 MB. */
    "LensOverlay,AimEnabled,WebUIOmniboxPopup,WebUIOmniboxAimPopup,"
    /* A renderer in reserve: 60 MB for the few tens of milliseconds a new site takes longer. */
    "SpareRendererForSitePerProcess,"
    /* http:// stays http://: most of what runs in the sandbox speaks nothing else. */
    "HttpsUpgrades,HttpsFirstBalancedModeAutoEnable";

static void add(struct list *list, const char *item)
{
    if (!item)
        list->failed = true;
    else
        list->items[list->n++] = item;
}

static void add_value(struct list *list, const char *name, const char *value)
{
    add(list, arena_printf(list->arena, "--%s=%s", name, value));
}

/* Where the word's value begins when it is --name=value. */
static const char *value_of(const char *word, const char *name)
{
    size_t n = strlen(name);
    if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, name, n) != 0 || word[n + 2] != '=')
        return NULL;
    return word + n + 3;
}

/* Of a switch given twice Chromium takes the last alone, which would undo ours: the lists of
 * features are joined. */
static void add_features(struct list *list, const char *name, const char *own,
                         const struct words *extra)
{
    cleanup_bytes struct bytes value = BYTES_INIT(FEATURES_MAX);
    (void)bytes_adds(&value, own);
    for (size_t i = 0; i < extra->n; i++) {
        const char *more = value_of(extra->items[i], name);
        if (more && *more)
            (void)bytes_printf(&value, "%s%s", value.len ? "," : "", more);
    }
    if (value.len || value.failed)
        add(list,
            bytes_text(&value) ? arena_printf(list->arena, "--%s=%s", name, value.data) : NULL);
}

static void add_settings(struct list *list, const struct settings *s)
{
    add(list, arena_printf(list->arena, "--remote-debugging-port=%u", (unsigned)s->port));
    add(list, "--remote-debugging-address=127.0.0.1");
    add_value(list, "lang", s->ui_language);
    add_value(list, "accept-lang", s->languages);
    if (s->user_agent)
        add_value(list, "user-agent", s->user_agent);
    if (s->proxy_script)
        add_value(list, "proxy-pac-url", s->proxy_script);
    if (s->proxy_server)
        add_value(list, "proxy-server", s->proxy_server);
    if (s->proxy_bypass)
        add_value(list, "proxy-bypass-list", s->proxy_bypass);
}

static void add_surroundings(struct list *list, const struct surroundings *s)
{
    add_value(list, "user-data-dir", s->profile);
    if (!s->sandboxed) {
        add(list, "--no-sandbox");
        /* Says nothing about the switch above in a yellow bar. */
        add(list, "--test-type");
    }
    if (s->shm_is_small)
        add(list, "--disable-dev-shm-usage");
}

const char **arguments_build(struct arena *arena, const struct settings *settings,
                             const struct surroundings *surroundings)
{
    const struct words *extra = &settings->extra;
    size_t room = COUNT_OF(always) + extra->n + 32;
    struct list list = {.arena = arena, .items = arena_alloc(arena, room * sizeof(char *))};
    if (!list.items)
        return NULL;
    add(&list, surroundings->program);
    for (size_t i = 0; i < COUNT_OF(always); i++)
        add(&list, always[i]);
    add_surroundings(&list, surroundings);
    add_settings(&list, settings);
    add_features(&list, "disable-features", disabled_features, extra);
    add_features(&list, "enable-features", "", extra);
    for (size_t i = 0; i < extra->n; i++)
        if (!value_of(extra->items[i], "disable-features") &&
            !value_of(extra->items[i], "enable-features"))
            add(&list, extra->items[i]);
    add(&list, settings->homepage);
    return list.failed ? NULL : list.items;
}
