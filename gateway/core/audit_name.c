#include "core/audit_name.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"

#define NAME_MIN        3
#define NAME_MAX_LOOKED 96

#define PART(text, kind)                                                                           \
    {                                                                                              \
        text, sizeof(text) - 1, kind                                                               \
    }

static char lowered(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_separator(char c)
{
    return c == '_' || c == '-' || c == '.';
}

/* Anywhere in a name, separators left out. The first two are of headers, the third of no secret. */
static const struct {
    const char *text;
    size_t n;
    enum name_kind kind;
} parts[] = {
    PART("authorization", NAME_HEADER), PART("cookie", NAME_HEADER),
    PART("tokeniz", NAME_PLAIN),        PART("token", NAME_SECRET),
    PART("secret", NAME_SECRET),        PART("password", NAME_SECRET),
    PART("passwd", NAME_SECRET),        PART("passphrase", NAME_SECRET),
    PART("apikey", NAME_SECRET),        PART("accesskey", NAME_SECRET),
    PART("privatekey", NAME_SECRET),    PART("credential", NAME_SECRET),
    PART("signature", NAME_SECRET),     PART("encryptkey", NAME_SECRET),
    PART("sshkey", NAME_SECRET),
};

/* The first of these that is in it, in their order; COUNT_OF(parts): none. */
static size_t first_part(const char *name, size_t n)
{
    size_t best = COUNT_OF(parts);
    for (size_t at = 0; at + 5 <= n; at++)
        for (size_t i = 0; i < best; i++)
            if (name[at] == parts[i].text[0] && n - at >= parts[i].n &&
                memcmp(name + at, parts[i].text, parts[i].n) == 0)
                best = i;
    return best;
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

static bool is_plain_word(const char *lower, size_t n)
{
    return (n == 3 && memcmp(lower, "pwd", 3) == 0) || (n == 6 && memcmp(lower, "oldpwd", 6) == 0);
}

static enum name_kind kind_of(const char *name, const char *lower, size_t n, const char *joined,
                              size_t joined_n)
{
    size_t part = first_part(joined, joined_n);
    if (part < COUNT_OF(parts) && parts[part].kind != NAME_SECRET)
        return parts[part].kind;
    if (is_plain_word(lower, n))
        return NAME_PLAIN;
    if (joined_n >= 6 && memcmp(joined + joined_n - 6, "tokens", 6) == 0)
        return NAME_COUNT;
    bool secret = part < COUNT_OF(parts) || has_word(lower, n) || is_camel_key(name, n) ||
                  (n == 3 && memcmp(lower, "sig", 3) == 0);
    return secret ? NAME_SECRET : NAME_PLAIN;
}

enum name_kind audit_name(const char *name, size_t n)
{
    char lower[NAME_MAX_LOOKED], joined[NAME_MAX_LOOKED];
    size_t joined_n = 0;
    while (n > 0 && is_separator(*name)) {
        name++;
        n--;
    }
    if (n < NAME_MIN)
        return NAME_PLAIN;
    if (n > NAME_MAX_LOOKED) {
        name += n - NAME_MAX_LOOKED;
        n = NAME_MAX_LOOKED;
    }
    for (size_t i = 0; i < n; i++) {
        lower[i] = lowered(name[i]);
        if (!is_separator(lower[i]))
            joined[joined_n++] = lower[i];
    }
    return kind_of(name, lower, n, joined, joined_n);
}

#define SHAPE(prefix, least)                                                                       \
    {                                                                                              \
        prefix, sizeof(prefix) - 1, least                                                          \
    }

bool audit_token_shape(const char *text, size_t n)
{
    static const struct {
        const char *prefix;
        size_t n, least; /* of the prefix, and behind it */
    } shapes[] = {
        SHAPE("sk-", 16),      SHAPE("sk_live_", 10),  SHAPE("sk_test_", 10),
        SHAPE("rk_live_", 10), SHAPE("whsec_", 16),    SHAPE("ghp_", 16),
        SHAPE("gho_", 16),     SHAPE("ghu_", 16),      SHAPE("ghs_", 16),
        SHAPE("ghr_", 16),     SHAPE("glpat-", 16),    SHAPE("github_pat_", 16),
        SHAPE("AKIA", 16),     SHAPE("ASIA", 16),      SHAPE("AIza", 30),
        SHAPE("eyJ", 17),      SHAPE("xoxb-", 10),     SHAPE("xoxp-", 10),
        SHAPE("xoxa-", 10),    SHAPE("xoxr-", 10),     SHAPE("xoxs-", 10),
        SHAPE("xapp-", 10),    SHAPE("hf_", 20),       SHAPE("npm_", 30),
        SHAPE("pypi-AgE", 20), SHAPE("dckr_pat_", 16), SHAPE("SG.", 40),
        SHAPE("shpat_", 16),   SHAPE("ya29.", 20),     SHAPE("AGE-SECRET-KEY-", 10),
        SHAPE("gsk_", 20),     SHAPE("dop_v1_", 20),   SHAPE("lin_api_", 16),
    };
    if (n < AUDIT_TOKEN_MIN)
        return false;
    for (size_t i = 0; i < COUNT_OF(shapes); i++)
        if (*text == *shapes[i].prefix && n >= shapes[i].n + shapes[i].least &&
            memcmp(text, shapes[i].prefix, shapes[i].n) == 0)
            return true;
    return false;
}
