#include "preferences.h"

#include <cjson/cJSON.h>
#include <string.h>

enum when {
    ALWAYS,       /* at every start */
    AT_FIRST,     /* when nothing is there yet: the user may choose otherwise */
    UNLESS_UNSET, /* the environment decides: what is unset there is removed here */
};

struct preference {
    const char *path; /* members, separated by dots */
    enum when when;
    const char *value; /* JSON, or NULL: `text` */
    const char *text;
};

static bool set_member(cJSON *object, const char *name, cJSON *value)
{
    if (!value)
        return false;
    bool done = cJSON_GetObjectItemCaseSensitive(object, name)
                    ? cJSON_ReplaceItemInObjectCaseSensitive(object, name, value)
                    : cJSON_AddItemToObject(object, name, value);
    if (!done)
        cJSON_Delete(value);
    return done;
}

/* The object that holds the path's last member; what is in the way of it is replaced. */
static cJSON *holder(cJSON *root, const char **path)
{
    cJSON *object = root;
    const char *dot;
    char name[64];
    for (; (dot = strchr(*path, '.')); *path = dot + 1) {
        size_t n = (size_t)(dot - *path);
        if (n >= sizeof name)
            return NULL;
        memcpy(name, *path, n);
        name[n] = '\0';
        cJSON *inner = cJSON_GetObjectItemCaseSensitive(object, name);
        if (!cJSON_IsObject(inner)) {
            if (!set_member(object, name, cJSON_CreateObject()))
                return NULL;
            inner = cJSON_GetObjectItemCaseSensitive(object, name);
        }
        object = inner;
    }
    return object;
}

static bool apply(cJSON *root, const struct preference *p)
{
    const char *name = p->path;
    cJSON *object = holder(root, &name);
    if (!object)
        return false;
    if (p->when == AT_FIRST && cJSON_GetObjectItemCaseSensitive(object, name))
        return true;
    if (!p->value && !p->text) {
        cJSON_DeleteItemFromObjectCaseSensitive(object, name);
        return true;
    }
    return set_member(object, name, p->value ? cJSON_Parse(p->value) : cJSON_CreateString(p->text));
}

/* The window fills the screen, also where no window manager maximises it. All but a row: Chromium
 * shrinks one of exactly the screen's size, and when that is then maximised, it misses the news. */
static bool fill_screen(cJSON *root, const struct settings *s)
{
    const char *path = "browser.window_placement.";
    cJSON *place = holder(root, &path);
    return place && set_member(place, "left", cJSON_CreateNumber(0)) &&
           set_member(place, "top", cJSON_CreateNumber(0)) &&
           set_member(place, "right", cJSON_CreateNumber((double)s->width)) &&
           set_member(place, "bottom", cJSON_CreateNumber((double)s->height - 1)) &&
           set_member(place, "work_area_left", cJSON_CreateNumber(0)) &&
           set_member(place, "work_area_top", cJSON_CreateNumber(0)) &&
           set_member(place, "work_area_right", cJSON_CreateNumber((double)s->width)) &&
           set_member(place, "work_area_bottom", cJSON_CreateNumber((double)s->height)) &&
           set_member(place, "maximized", cJSON_CreateBool(true));
}

static bool apply_all(cJSON *root, const struct preference *preferences, size_t n)
{
    bool done = true;
    for (size_t i = 0; i < n; i++)
        done = done && apply(root, &preferences[i]);
    return done;
}

static bool edit_profile(cJSON *root, const struct settings *s, const char *downloads)
{
    const struct preference preferences[] = {
        /* As if it had ended well: nothing is offered to be restored, and nothing is restored. */
        {"profile.exit_type", ALWAYS, "\"Normal\"", NULL},
        {"profile.exited_cleanly", ALWAYS, "true", NULL},
        {"session.restore_on_startup", ALWAYS, "5", NULL},
        {"intl.accept_languages", ALWAYS, NULL, s->languages},
        {"intl.selected_languages", ALWAYS, NULL, s->languages},
        {"download.default_directory", ALWAYS, NULL, downloads},
        {"savefile.default_directory", ALWAYS, NULL, downloads},
        {"download.directory_upgrade", ALWAYS, "true", NULL},
        {"download.prompt_for_download", ALWAYS, "false", NULL},
        /* Nothing pops up over the page. */
        {"browser.check_default_browser", AT_FIRST, "false", NULL},
        {"browser.has_seen_welcome_page", AT_FIRST, "true", NULL},
        {"signin.allowed", AT_FIRST, "false", NULL},
        {"signin.allowed_on_next_startup", AT_FIRST, "false", NULL},
        {"translate.enabled", AT_FIRST, "false", NULL},
        {"credentials_enable_service", AT_FIRST, "false", NULL},
        {"credentials_enable_autosignin", AT_FIRST, "false", NULL},
        {"autofill.profile_enabled", AT_FIRST, "false", NULL},
        {"autofill.credit_card_enabled", AT_FIRST, "false", NULL},
        {"profile.password_manager_leak_detection", AT_FIRST, "false", NULL},
        {"privacy_sandbox.m1.prompt_suppressed", AT_FIRST, "1", NULL},
        {"search.suggest_enabled", AT_FIRST, "false", NULL},
        {"net.network_prediction_options", AT_FIRST, "2", NULL},
        {"bookmark_bar.show_on_all_tabs", AT_FIRST, "false", NULL},
        {"policy.url_blocklist", UNLESS_UNSET, s->blocklist, NULL},
        {"policy.url_allowlist", UNLESS_UNSET, s->allowlist, NULL},
    };
    return fill_screen(root, s) &&
           apply_all(root, preferences, sizeof preferences / sizeof *preferences);
}

static bool edit_local_state(cJSON *root, const struct settings *s)
{
    const struct preference preferences[] = {
        {"select_file_dialogs.allowed", UNLESS_UNSET, s->file_dialogs ? NULL : "false", NULL},
        /* Who names resolvers wants these to be asked, not the machine's when they fail. */
        {"dns_over_https.mode", UNLESS_UNSET, NULL, s->doh ? "secure" : NULL},
        {"dns_over_https.templates", UNLESS_UNSET, NULL, s->doh},
        {"intl.app_locale", ALWAYS, NULL, s->ui_language},
        {"background_mode.enabled", AT_FIRST, "false", NULL},
    };
    return apply_all(root, preferences, sizeof preferences / sizeof *preferences);
}

int preferences_edit(enum preferences_file file, const char *text, size_t n,
                     const struct settings *settings, const char *downloads, struct bytes *out)
{
    cJSON *root = cJSON_ParseWithLength(text, n);
    bool damaged = n > 0 && !cJSON_IsObject(root);
    if (!cJSON_IsObject(root)) {
        cJSON_Delete(root);
        root = cJSON_CreateObject();
    }
    bool done = root && (file == PREFERENCES_PROFILE ? edit_profile(root, settings, downloads)
                                                     : edit_local_state(root, settings));
    char *json = done ? cJSON_PrintUnformatted(root) : NULL;
    cJSON_Delete(root);
    done = json && bytes_adds(out, json) == 0;
    cJSON_free(json);
    if (!done)
        return -1;
    return damaged ? 1 : 0;
}
