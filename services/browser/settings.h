/* browser/settings.h: the launcher's environment, checked once, and what a client changed since
 * (core/browser_settings.h), which wins. Every error names its variable. */
#ifndef SANDGATE_BROWSER_SETTINGS_H
#define SANDGATE_BROWSER_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "words.h"

struct settings {
    const char *home;         /* HOME */
    uint16_t port;            /* SERVICE_PORT: where the DevTools protocol is spoken */
    int64_t width, height;    /* DISPLAY_WIDTH, DISPLAY_HEIGHT */
    const char *homepage;     /* HOMEPAGE */
    const char *languages;    /* BROWSER_LANG: what pages are asked for, most wanted first */
    const char *ui_language;  /* CHROME_UI_LANG, or the first of the languages */
    const char *user_agent;   /* BROWSER_USER_AGENT, or NULL */
    bool file_dialogs;        /* BROWSER_ALLOW_FILE_SELECTION_DIALOGS */
    const char *blocklist;    /* addresses no page may open, as a JSON array; or NULL */
    const char *allowlist;    /* exceptions from it, as a JSON array; or NULL */
    const char *proxy_server; /* --proxy-server, or NULL */
    const char *proxy_bypass; /* --proxy-bypass-list, or NULL */
    const char *proxy_script; /* PROXY_INCLUDE: a script as a data: address instead, or NULL */
    const char *doh;          /* DNS_OVER_HTTPS_TEMPLATES, or NULL */
    struct words extra;       /* BROWSER_EXTRA_ARGS */
};

/* `arena` owns all text; `lookup` is getenv(). */
int settings_load(struct arena *arena, const char *(*lookup)(const char *name),
                  struct settings *ret_settings, struct err *err) MUST_CHECK;

#endif
