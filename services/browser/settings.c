#include "settings.h"

#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/jsonw.h"
#include "base/utf8.h"
#include "core/browser_settings.h"
#include "core/proxy_pac.h"

#define VALUE_MAX (128 * KIB) /* of one variable; also the kernel's ceiling of one argument */

struct reader {
    struct arena *arena;
    const char *(*lookup)(const char *name);
    struct settings *to;
    struct err *err;
    struct browser_settings changed;
};

/* The variable's value, or NULL when it is unset or empty. */
static const char *given(const struct reader *r, const char *name)
{
    const char *value = r->lookup(name);
    return value && value[0] ? value : NULL;
}

/* Text that may stand in an argument and in a settings file. */
static int check_text(const char *name, const char *value, struct err *err)
{
    size_t n = strlen(value);
    if (n >= VALUE_MAX)
        return err_field(err, name, "%s: is longer than %zu bytes", name, VALUE_MAX - 1);
    if (!utf8_valid(value, n))
        return err_field(err, name, "%s: is not valid UTF-8", name);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)value[i] < ' ' || value[i] == 0x7f)
            return err_field(err, name, "%s: holds a control character", name);
    return 0;
}

static int read_number(const struct reader *r, const char *name, int64_t fallback, int64_t min,
                       int64_t max, int64_t *ret)
{
    const char *value = given(r, name);
    int64_t number = fallback;
    if (value && (parse_i64(value, strlen(value), &number) < 0 || number < min || number > max))
        return err_field(r->err, name, "%s: must be a whole number from %lld to %lld", name,
                         (long long)min, (long long)max);
    *ret = number;
    return 0;
}

static int read_switch(const struct reader *r, const char *name, bool fallback, bool *ret)
{
    static const char *const no[] = {"false", "0", "no", "off"};
    static const char *const yes[] = {"true", "1", "yes", "on"};
    const char *value = given(r, name);
    if (!value) {
        *ret = fallback;
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(no); i++)
        if (strcasecmp(value, no[i]) == 0 || strcasecmp(value, yes[i]) == 0) {
            *ret = strcasecmp(value, yes[i]) == 0;
            return 0;
        }
    return err_field(r->err, name, "%s: must be true or false", name);
}

static int read_home(const struct reader *r)
{
    const char *home = given(r, "HOME");
    if (!home || home[0] != '/')
        return err_field(r->err, "HOME", "HOME: must be an absolute path");
    r->to->home = home;
    return check_text("HOME", home, r->err);
}

static int read_display(const struct reader *r)
{
    if (!given(r, "DISPLAY"))
        return err_field(r->err, "DISPLAY", "DISPLAY: is not set; the browser needs an X display");
    if (read_number(r, "DISPLAY_WIDTH", 1280, 320, 16384, &r->to->width) < 0)
        return -1;
    return read_number(r, "DISPLAY_HEIGHT", 1024, 200, 16384, &r->to->height);
}

static int read_port(const struct reader *r)
{
    int64_t port;
    if (!given(r, "SERVICE_PORT"))
        return err_field(r->err, "SERVICE_PORT", "SERVICE_PORT: is not set");
    if (read_number(r, "SERVICE_PORT", 0, 1, UINT16_MAX, &port) < 0)
        return -1;
    r->to->port = (uint16_t)port;
    return 0;
}

static int read_homepage(const struct reader *r)
{
    const char *value = given(r, "HOMEPAGE");
    r->to->homepage = value ? value : "about:blank";
    if (!value)
        return 0;
    if (check_text("HOMEPAGE", value, r->err) < 0)
        return -1;
    if (value[0] == '-' || strchr(value, ' '))
        return err_field(r->err, "HOMEPAGE",
                         "HOMEPAGE: must be one address, such as https://example.org/");
    return 0;
}

/* A language tag in letters, digits and hyphens (RFC 5646), at least enough of one to be safe. */
static bool is_language(const char *text, size_t n)
{
    size_t part = 0;
    for (size_t i = 0; i < n; i++) {
        bool letter = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z');
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (text[i] == '-' ? part == 0 : !letter && (!digit || part == i))
            return false;
        part = text[i] == '-' ? 0 : part + 1;
        if (part > 8)
            return false;
    }
    return part > 0 && n <= 35;
}

/* A locale's name is taken for a language too: zh_CN.UTF-8 says zh-CN. */
static int add_language(struct bytes *out, const char *text, size_t n)
{
    char tag[36];
    const char *dot = memchr(text, '.', n);
    if (dot)
        n = (size_t)(dot - text);
    if (n >= sizeof tag)
        return -1;
    for (size_t i = 0; i < n; i++)
        tag[i] = (char)(text[i] == '_' ? '-' : text[i]);
    tag[n] = '\0';
    if (!is_language(tag, n))
        return -1;
    return bytes_printf(out, "%s%s", out->len ? "," : "", tag);
}

static bool lists(const struct bytes *list, const char *tag, size_t n)
{
    for (size_t at = 0; at < list->len;) {
        const char *item = list->data + at;
        const char *comma = memchr(item, ',', list->len - at);
        size_t item_n = comma ? (size_t)(comma - item) : list->len - at;
        if (item_n == n && strncasecmp(item, tag, n) == 0)
            return true;
        at += item_n + 1;
    }
    return false;
}

/* "de-AT" alone asks for German as well, as browsers themselves do. */
static int add_base_language(struct bytes *out)
{
    const char *hyphen = memchr(out->data, '-', out->len);
    const char *comma = memchr(out->data, ',', out->len);
    size_t n = hyphen ? (size_t)(hyphen - out->data) : 0;
    if (!n || comma || lists(out, out->data, n))
        return 0;
    char base[9];
    memcpy(base, out->data, n);
    base[n] = '\0';
    return bytes_printf(out, ",%s", base);
}

static int read_languages(const struct reader *r)
{
    static const char separators[] = ", ";
    cleanup_bytes struct bytes list = BYTES_INIT(KIB), ui = BYTES_INIT(64);
    const char *value = given(r, "BROWSER_LANG"), *ui_value = given(r, "CHROME_UI_LANG");
    if (r->changed.locale.p)
        value = r->changed.locale.p;
    if (!value)
        value = "en-US";
    for (const char *at = value; *at; at += strspn(at, separators)) {
        size_t n = strcspn(at, separators);
        if (add_language(&list, at, n) < 0)
            return err_field(r->err, "BROWSER_LANG",
                             "BROWSER_LANG: must be a language such as en-US, or several of them "
                             "separated by commas");
        at += n;
    }
    if (!list.len || add_base_language(&list) < 0)
        return err_field(r->err, "BROWSER_LANG", "BROWSER_LANG: names no language");
    size_t first = strcspn(bytes_text(&list), ",");
    if (ui_value && add_language(&ui, ui_value, strlen(ui_value)) < 0)
        return err_field(r->err, "CHROME_UI_LANG",
                         "CHROME_UI_LANG: must be one language such as en-US");
    r->to->languages = arena_copy(r->arena, list.data, list.len);
    r->to->ui_language =
        ui_value ? arena_copy(r->arena, ui.data, ui.len) : arena_copy(r->arena, list.data, first);
    return r->to->languages && r->to->ui_language ? 0 : err_memory(r->err);
}

static int read_proxy(const struct reader *r)
{
    struct proxy_settings proxy = {.server = given(r, "PROXY_SERVER"),
                                   .include = given(r, "PROXY_INCLUDE"),
                                   .exclude = given(r, "PROXY_EXCLUDE")};
    cleanup_bytes struct bytes server = BYTES_INIT(KIB), bypass = BYTES_INIT(VALUE_MAX),
                               script = BYTES_INIT(VALUE_MAX), address = BYTES_INIT(VALUE_MAX);
    if (proxy_pac_write(&proxy, &script, r->err) < 0)
        return -1;
    if (!proxy.server)
        return 0;
    if (proxy.include) {
        /* In the argument itself: no fetch that needs the gateway, its key or its address. */
        (void)bytes_adds(&address, "data:application/x-ns-proxy-autoconfig;base64,");
        (void)base64_encode(&address, script.data, script.len);
        r->to->proxy_script =
            bytes_text(&address) ? arena_copy(r->arena, address.data, address.len) : NULL;
        return r->to->proxy_script ? 0 : err_memory(r->err);
    }
    if (proxy_server_write(proxy.server, &server, r->err) < 0 ||
        (proxy.exclude && proxy_bypass_write(proxy.exclude, &bypass, r->err) < 0))
        return -1;
    r->to->proxy_server = arena_copy(r->arena, server.data, server.len);
    r->to->proxy_bypass = bypass.len ? arena_copy(r->arena, bypass.data, bypass.len) : NULL;
    return r->to->proxy_server && (!bypass.len || r->to->proxy_bypass) ? 0 : err_memory(r->err);
}

/* One or more URI templates (RFC 8484 section 4.1), separated by blanks. A pair of quotes around
 * the whole is what a compose file's default leaves behind. */
static int read_doh(const struct reader *r)
{
    static const char name[] = "DNS_OVER_HTTPS_TEMPLATES";
    const char *value = given(r, name);
    size_t n = value ? strlen(value) : 0;
    if (n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n - 1] == value[0]) {
        value++;
        n -= 2;
    }
    if (!n)
        return 0;
    if (check_text(name, value, r->err) < 0)
        return -1;
    r->to->doh = arena_copy(r->arena, value, n);
    if (!r->to->doh)
        return err_memory(r->err);
    for (const char *at = r->to->doh; *at; at += strspn(at, " ")) {
        if (strncmp(at, "https://", 8) != 0 || strcspn(at + 8, " /{?\"") == 0)
            return err_field(r->err, name,
                             "%s: must be an address such as https://dns.example/dns-query{?dns}",
                             name);
        at += strcspn(at, " ");
    }
    return 0;
}

static bool is_switch(const char *word, const char *name)
{
    size_t n = strlen(name);
    if (word[0] != '-')
        return false;
    word += strspn(word, "-");
    return strncmp(word, name, n) == 0 && (word[n] == '\0' || word[n] == '=');
}

static int read_extra(const struct reader *r)
{
    static const char name[] = "BROWSER_EXTRA_ARGS";
    /* The gateway and the launcher rely on these. */
    static const char *const ours[] = {"remote-debugging-port", "remote-debugging-address",
                                       "remote-debugging-pipe", "user-data-dir", "type"};
    const char *value = given(r, name);
    if (!value)
        return 0;
    if (check_text(name, value, r->err) < 0 ||
        words_split(r->arena, name, value, &r->to->extra, r->err) < 0)
        return -1;
    for (size_t i = 0; i < r->to->extra.n; i++)
        for (size_t k = 0; k < COUNT_OF(ours); k++)
            if (is_switch(r->to->extra.items[i], ours[k]))
                return err_field(r->err, name, "%s: --%s is the sandbox's to set", name, ours[k]);
    return 0;
}

static int read_user_agent(const struct reader *r)
{
    r->to->user_agent = given(r, "BROWSER_USER_AGENT");
    return r->to->user_agent ? check_text("BROWSER_USER_AGENT", r->to->user_agent, r->err) : 0;
}

/* As JSON again: that is how Chromium's own file takes it. */
static int write_patterns(const struct reader *r, const struct text_list *list,
                          const char **ret_json)
{
    cleanup_bytes struct bytes text = BYTES_INIT(VALUE_MAX * 8);
    struct jsonw w = jsonw_on(&text);
    *ret_json = NULL;
    if (list->n == 0)
        return 0;
    jsonw_array(&w);
    for (size_t i = 0; i < list->n; i++)
        jsonw_text(&w, list->items[i].p, list->items[i].n);
    jsonw_array_end(&w);
    *ret_json = text.failed ? NULL : arena_copy(r->arena, text.data, text.len);
    return *ret_json ? 0 : err_memory(r->err);
}

static int apply_changes(const struct reader *r)
{
    if (r->changed.file_dialogs != SWITCH_ABSENT)
        r->to->file_dialogs = r->changed.file_dialogs == 1;
    if (write_patterns(r, &r->changed.url_blocklist, &r->to->blocklist) < 0)
        return -1;
    return write_patterns(r, &r->changed.url_allowlist, &r->to->allowlist);
}

int settings_load(struct arena *arena, const char *(*lookup)(const char *name),
                  struct settings *ret_settings, struct err *err)
{
    struct settings settings = {0};
    struct reader r = {.arena = arena, .lookup = lookup, .to = &settings, .err = err};
    r.changed.file_dialogs = SWITCH_ABSENT;
    const char *folder = given(&r, "SERVICE_STATE");
    if (folder && browser_settings_read(arena, folder, &r.changed, err) < 0)
        return -1;
    if (read_home(&r) < 0 || read_display(&r) < 0 || read_port(&r) < 0 || read_homepage(&r) < 0 ||
        read_languages(&r) < 0 || read_user_agent(&r) < 0 ||
        read_switch(&r, "BROWSER_ALLOW_FILE_SELECTION_DIALOGS", true, &settings.file_dialogs) < 0 ||
        read_proxy(&r) < 0 || read_doh(&r) < 0 || read_extra(&r) < 0 || apply_changes(&r) < 0)
        return -1;
    *ret_settings = settings;
    return 0;
}
