#include "core/audit_name.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"

#define NAME_MAX_LOOKED 96

static bool is_separator(char c)
{
    return c == '_' || c == '-' || c == '.';
}

/* Anywhere in a name, separators left out. */
static bool has_part(const char *name)
{
    static const char *const parts[] = {"token",      "secret",    "password",   "passwd",
                                        "passphrase", "apikey",    "accesskey",  "privatekey",
                                        "credential", "signature", "encryptkey", "sshkey"};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (strstr(name, parts[i]))
            return true;
    return false;
}

static bool is_word_of_secret(const char *word, size_t n)
{
    static const char *const words[] = {"pass", "pwd",   "auth", "ticket", "jwt",
                                        "pat",  "creds", "psk",  "otp",    "pin"};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strlen(words[i]) == n && memcmp(words[i], word, n) == 0)
            return true;
    return false;
}

/* One of its words is said, or its last is "key" behind another. `lower` keeps the separators. */
static bool has_word(const char *lower, size_t n)
{
    const char *word = lower, *end = lower + n;
    for (const char *p = lower; p <= end; p++) {
        if (p < end && !is_separator(*p))
            continue;
        if (is_word_of_secret(word, (size_t)(p - word)))
            return true;
        if (p == end && word > lower && p - word == 3 && memcmp(word, "key", 3) == 0)
            return true;
        word = p + 1;
    }
    return false;
}

/* encryptionKey */
static bool is_camel_key(const char *name, size_t n)
{
    return n > 3 && memcmp(name + n - 3, "Key", 3) == 0 && islower((unsigned char)name[n - 4]);
}

enum name_kind audit_name(const char *name, size_t n)
{
    char lower[NAME_MAX_LOOKED + 1], joined[NAME_MAX_LOOKED + 1];
    size_t joined_n = 0;
    while (n > 0 && is_separator(*name)) {
        name++;
        n--;
    }
    if (n > NAME_MAX_LOOKED) {
        name += n - NAME_MAX_LOOKED;
        n = NAME_MAX_LOOKED;
    }
    for (size_t i = 0; i < n; i++) {
        lower[i] = (char)tolower((unsigned char)name[i]);
        if (!is_separator(lower[i]))
            joined[joined_n++] = lower[i];
    }
    lower[n] = joined[joined_n] = '\0';
    if (strstr(joined, "authorization") || strstr(joined, "cookie"))
        return NAME_HEADER;
    if (strcmp(lower, "pwd") == 0 || strcmp(lower, "oldpwd") == 0 || strstr(joined, "tokeniz"))
        return NAME_PLAIN;
    if (joined_n >= 6 && strcmp(joined + joined_n - 6, "tokens") == 0)
        return NAME_COUNT;
    if (has_part(joined) || has_word(lower, n) || is_camel_key(name, n) ||
        strcmp(lower, "sig") == 0)
        return NAME_SECRET;
    return NAME_PLAIN;
}

bool audit_token_shape(const char *text, size_t n)
{
    static const struct {
        const char *prefix;
        size_t least; /* bytes behind it */
    } shapes[] = {
        {"sk-", 16},      {"sk_live_", 10},  {"sk_test_", 10},
        {"rk_live_", 10}, {"whsec_", 16},    {"ghp_", 16},
        {"gho_", 16},     {"ghu_", 16},      {"ghs_", 16},
        {"ghr_", 16},     {"glpat-", 16},    {"github_pat_", 16},
        {"AKIA", 16},     {"ASIA", 16},      {"AIza", 30},
        {"eyJ", 17},      {"xoxb-", 10},     {"xoxp-", 10},
        {"xoxa-", 10},    {"xoxr-", 10},     {"xoxs-", 10},
        {"xapp-", 10},    {"hf_", 20},       {"npm_", 30},
        {"pypi-AgE", 20}, {"dckr_pat_", 16}, {"SG.", 40},
        {"shpat_", 16},   {"ya29.", 20},     {"AGE-SECRET-KEY-", 10},
        {"gsk_", 20},     {"dop_v1_", 20},   {"lin_api_", 16},
    };
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        size_t prefix = strlen(shapes[i].prefix);
        if (*text == *shapes[i].prefix && n >= prefix + shapes[i].least &&
            memcmp(text, shapes[i].prefix, prefix) == 0)
            return true;
    }
    return false;
}
