#include <stdbool.h>
#include <string.h>

#include "../../services/browser/arguments.h"
#include "../../services/browser/preferences.h"
#include "../../services/browser/settings.h"
#include "../../services/browser/words.h"
#include "check.h"

static struct arena *arena;
static struct err err;

/* ---- words ---- */

/* The words with a bar behind each, or NULL when the line is refused. */
static const char *words_of(const char *line)
{
    static char joined[512];
    struct words words;
    size_t at = 0;
    err = ERR_INIT;
    if (words_split(arena, "ARGS", line, &words, &err) < 0)
        return NULL;
    joined[0] = '\0';
    for (size_t i = 0; i < words.n; i++)
        at += (size_t)snprintf(joined + at, sizeof joined - at, "%s|", words.items[i]);
    return joined;
}

static void splits_at_blanks(void)
{
    CHECK_TEXT(words_of(""), "");
    CHECK_TEXT(words_of(" \t\n "), "");
    CHECK_TEXT(words_of("a"), "a|");
    CHECK_TEXT(words_of("  a  b\tc\n"), "a|b|c|");
}

static void quotes_keep_blanks(void)
{
    CHECK_TEXT(words_of("--a='b c' d"), "--a=b c|d|");
    CHECK_TEXT(words_of("\"b  c\"d"), "b  cd|");
    CHECK_TEXT(words_of("'' \"\" x"), "||x|");
    CHECK_TEXT(words_of("'a\"b' \"a'b\""), "a\"b|a'b|");
}

static void backslashes_follow_the_shell(void)
{
    CHECK_TEXT(words_of("a\\ b"), "a b|");
    CHECK_TEXT(words_of("'a\\b'"), "a\\b|");
    CHECK_TEXT(words_of("\"a\\b \\\" \\\\ \\$\""), "a\\b \" \\ $|");
    CHECK_TEXT(words_of("\\'x\\'"), "'x'|");
}

static void expands_nothing(void)
{
    CHECK_TEXT(words_of("$HOME `id` $(id) * ~ #x"), "$HOME|`id`|$(id)|*|~|#x|");
}

static void refuses_open_ends(void)
{
    CHECK(!words_of("a 'b"));
    CHECK_TEXT(err.field, "ARGS");
    CHECK(!words_of("a \"b'"));
    CHECK(!words_of("a\\"));
    CHECK(!words_of("\"a\\"));
}

/* ---- settings ---- */

static const char *const *variables; /* name, value, …, NULL */

static const char *lookup(const char *name)
{
    for (const char *const *v = variables; v && *v; v += 2)
        if (strcmp(*v, name) == 0)
            return v[1];
    if (strcmp(name, "HOME") == 0)
        return "/home/x";
    if (strcmp(name, "DISPLAY") == 0)
        return ":1";
    return strcmp(name, "SERVICE_PORT") == 0 ? "9222" : NULL;
}

static bool load(const char *name, const char *value, struct settings *settings)
{
    const char *const pair[] = {name, value, NULL};
    variables = pair;
    err = ERR_INIT;
    bool loaded = settings_load(arena, lookup, settings, &err) == 0;
    variables = NULL;
    return loaded;
}

static void has_defaults(void)
{
    struct settings s;
    CHECK(load("X", "", &s));
    CHECK(s.port == 9222 && s.width == 1280 && s.height == 1024 && s.file_dialogs);
    CHECK_TEXT(s.homepage, "about:blank");
    CHECK_TEXT(s.languages, "en-US,en");
    CHECK_TEXT(s.ui_language, "en-US");
    CHECK(!s.user_agent && !s.doh && !s.proxy_server && !s.proxy_script && s.extra.n == 0);
}

static void reads_languages(void)
{
    struct settings s;
    CHECK(load("BROWSER_LANG", "zh_CN.UTF-8", &s));
    CHECK_TEXT(s.languages, "zh-CN,zh");
    CHECK_TEXT(s.ui_language, "zh-CN");
    CHECK(load("BROWSER_LANG", "de", &s));
    CHECK_TEXT(s.languages, "de");
    CHECK(load("BROWSER_LANG", "fr-CH, de,en-US", &s));
    CHECK_TEXT(s.languages, "fr-CH,de,en-US");
    CHECK_TEXT(s.ui_language, "fr-CH");
    static const char *const bad[] = {"-", "-de",  "de-", "d--e", "toolonglanguage",
                                      "1", "d e-", ",",   "é"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(!load("BROWSER_LANG", bad[i], &s));
        CHECK_TEXT(err.field, "BROWSER_LANG");
    }
}

static void reads_resolvers(void)
{
    struct settings s;
    CHECK(load("DNS_OVER_HTTPS_TEMPLATES", "\"https://a.test/q{?dns}\"", &s));
    CHECK_TEXT(s.doh, "https://a.test/q{?dns}");
    CHECK(load("DNS_OVER_HTTPS_TEMPLATES", "https://a.test/ https://b.test/{?dns}", &s));
    CHECK_TEXT(s.doh, "https://a.test/ https://b.test/{?dns}");
    CHECK(load("DNS_OVER_HTTPS_TEMPLATES", "\"\"", &s) && !s.doh);
    CHECK(!load("DNS_OVER_HTTPS_TEMPLATES", "https://a.test/ http://b.test/", &s));
    CHECK(!load("DNS_OVER_HTTPS_TEMPLATES", "\"", &s));
}

static void keeps_the_sandboxs_own_switches(void)
{
    struct settings s;
    CHECK(load("BROWSER_EXTRA_ARGS", "--a --type-x user-data-dir https://x.test/", &s));
    CHECK(s.extra.n == 4);
    static const char *const bad[] = {"--user-data-dir", "-user-data-dir=/x", "--a --type=gpu",
                                      "'--remote-debugging-port=1'", "--remote-debugging-pipe"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(!load("BROWSER_EXTRA_ARGS", bad[i], &s));
        CHECK_TEXT(err.field, "BROWSER_EXTRA_ARGS");
    }
}

/* ---- arguments ---- */

static int count(const char **argv, const char *prefix)
{
    int n = 0;
    for (; *argv; argv++)
        n += strncmp(*argv, prefix, strlen(prefix)) == 0;
    return n;
}

static const char *last(const char **argv)
{
    while (argv[1])
        argv++;
    return *argv;
}

static void builds_the_command_line(void)
{
    struct settings s;
    struct surroundings around = {.program = "chromium", .profile = "/p", .sandboxed = true};
    CHECK(load("HOMEPAGE", "https://x.test/", &s));
    const char **argv = arguments_build(arena, &s, &around);
    CHECK_TEXT(argv[0], "chromium");
    CHECK(count(argv, "--user-data-dir=/p") == 1);
    CHECK(count(argv, "--remote-debugging-port=9222") == 1);
    CHECK(count(argv, "--remote-debugging-address=127.0.0.1") == 1);
    CHECK(!count(argv, "--no-sandbox") && !count(argv, "--test-type"));
    CHECK(!count(argv, "--disable-dev-shm-usage") && !count(argv, "--enable-features"));
    CHECK_TEXT(last(argv), "https://x.test/");
}

static void bends_to_its_surroundings(void)
{
    struct settings s;
    struct surroundings around = {.program = "chromium", .profile = "/p", .shm_is_small = true};
    CHECK(load("X", "", &s));
    const char **argv = arguments_build(arena, &s, &around);
    CHECK(count(argv, "--no-sandbox") == 1 && count(argv, "--test-type") == 1);
    CHECK(count(argv, "--disable-dev-shm-usage") == 1);
}

static void joins_features(void)
{
    struct settings s;
    struct surroundings around = {.program = "chromium", .profile = "/p", .sandboxed = true};
    CHECK(load("BROWSER_EXTRA_ARGS",
               "--disable-features=A,B --x --enable-features=C --enable-features=D "
               "--disable-features=E",
               &s));
    const char **argv = arguments_build(arena, &s, &around);
    CHECK(count(argv, "--disable-features=") == 1 && count(argv, "--enable-features=C,D") == 1);
    CHECK(count(argv, "--x") == 1);
    for (; *argv; argv++)
        if (strncmp(*argv, "--disable-features=", 19) == 0)
            CHECK(strstr(*argv, "Translate,") && strstr(*argv, ",A,B,E"));
}

/* ---- preferences ---- */

static struct bytes edited;

static int edit(enum preferences_file file, const char *text, const struct settings *s)
{
    bytes_done(&edited);
    edited = BYTES_INIT(64 * KIB);
    int result = preferences_edit(file, text, strlen(text), s, "/home/x/Downloads", &edited);
    (void)bytes_text(&edited);
    return result;
}

static bool has(const char *part)
{
    return edited.data && strstr(edited.data, part);
}

static void keeps_what_else_is_there(void)
{
    struct settings s;
    CHECK(load("X", "", &s));
    CHECK(edit(PREFERENCES_PROFILE,
               "{\"a\":[1,2.5,null,\"\\u00e9\"],\"profile\":{\"name\":\"N\",\"exit_type\":"
               "\"Crashed\"},"
               "\"translate\":{\"enabled\":true},\"intl\":7}",
               &s) == 0);
    CHECK(has("\"a\":[1,2.5,null,\"\xc3\xa9\"]"));
    CHECK(has("\"profile\":{\"name\":\"N\",\"exit_type\":\"Normal\",\"exited_cleanly\":true"));
    CHECK(has("\"translate\":{\"enabled\":true}"));
    CHECK(has("\"intl\":{\"accept_languages\":\"en-US,en\""));
    CHECK(has("\"default_directory\":\"/home/x/Downloads\""));
}

static void begins_anew_when_damaged(void)
{
    static const char *const bad[] = {"{", "[]", "7", "{\"a\":}", "null", "\xff"};
    struct settings s;
    CHECK(load("X", "", &s));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(edit(PREFERENCES_PROFILE, bad[i], &s) == 1);
        CHECK(has("\"exit_type\":\"Normal\""));
    }
    CHECK(edit(PREFERENCES_PROFILE, "", &s) == 0);
}

static void environment_decides_in_the_local_state(void)
{
    struct settings s;
    CHECK(load("DNS_OVER_HTTPS_TEMPLATES", "https://a.test/{?dns}", &s));
    CHECK(edit(PREFERENCES_LOCAL_STATE, "{\"x\":1}", &s) == 0);
    CHECK(has("\"x\":1"));
    CHECK(has("\"dns_over_https\":{\"mode\":\"secure\",\"templates\":\"https://a.test/{?dns}\"}"));
    CHECK(!has("\"allowed\""));
    CHECK(load("BROWSER_ALLOW_FILE_SELECTION_DIALOGS", "False", &s));
    char *before = bytes_take(&edited, NULL);
    CHECK(edit(PREFERENCES_LOCAL_STATE, before, &s) == 0);
    CHECK(!has("a.test") && has("\"select_file_dialogs\":{\"allowed\":false}"));
    free(before);
}

int main(void)
{
    arena = arena_new();
    RUN(splits_at_blanks);
    RUN(quotes_keep_blanks);
    RUN(backslashes_follow_the_shell);
    RUN(expands_nothing);
    RUN(refuses_open_ends);
    RUN(has_defaults);
    RUN(reads_languages);
    RUN(reads_resolvers);
    RUN(keeps_the_sandboxs_own_switches);
    RUN(builds_the_command_line);
    RUN(bends_to_its_surroundings);
    RUN(joins_features);
    RUN(keeps_what_else_is_there);
    RUN(begins_anew_when_damaged);
    RUN(environment_decides_in_the_local_state);
    bytes_done(&edited);
    arena_free(arena);
    return CHECK_DONE();
}
