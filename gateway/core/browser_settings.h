/* core/browser_settings.h: what POST /v1/browser/restart may change of the browser, kept in a file
 * of the service's state folder. The gateway writes it; the launcher (services/browser) reads it
 * and lets it win over the environment. Any thread, one at a time. */
#ifndef SANDGATE_CORE_BROWSER_SETTINGS_H
#define SANDGATE_CORE_BROWSER_SETTINGS_H

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"

#define BROWSER_SETTINGS_FILE "settings.json"

struct browser_settings {
    struct text_list url_blocklist, url_allowlist; /* patterns as Chromium's policies take them */
    int file_dialogs;                              /* a FIELD_SWITCH */
    struct text locale;                            /* "de-DE" */
};

/* Rows for a table of such a struct that begins at `offset` of another. */
#define BROWSER_SETTINGS_FIELDS(offset)                                                            \
    {"url_blocklist", FIELD_TEXT_LIST,                                                             \
     (offset) + offsetof(struct browser_settings, url_blocklist), .max = 1000,                     \
     .doc = "addresses pages may not open, as Chromium's URLBlocklist; [] takes it back"},         \
        {"url_allowlist", FIELD_TEXT_LIST,                                                         \
         (offset) + offsetof(struct browser_settings, url_allowlist), .max = 1000,                 \
         .doc = "exceptions from the blocklist"},                                                  \
        {"allow_file_selection_dialogs", FIELD_SWITCH,                                             \
         (offset) + offsetof(struct browser_settings, file_dialogs),                               \
         .doc = "whether pages may open a file dialog"},                                           \
    {                                                                                              \
        "locale", FIELD_TEXT, (offset) + offsetof(struct browser_settings, locale),                \
            .min = 2, .max = 35, .doc = "language of pages, such as de-DE"                         \
    }

/* What the file in `folder` says, in `arena`; nothing when there is none. */
int browser_settings_read(struct arena *arena, const char *folder,
                          struct browser_settings *ret_settings, struct err *err) MUST_CHECK;
/* Lay what is given in `change` over the file in `folder`, which is made where missing. */
int browser_settings_change(struct arena *arena, const char *folder,
                            const struct browser_settings *change, struct err *err) MUST_CHECK;

#endif
