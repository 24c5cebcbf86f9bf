#include "core/audit_mask.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "core/audit_name.h"

/* What was read and written up to now. */
struct scan {
    const char *start, *p, *end;
    char *out;
    size_t n, room;
    bool full;
};

/* Every byte is asked for this: it does not go through the C library's locale. */
static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '-' && c <= '9' && c != '/') ||
           c == '_';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'' || c == '`';
}

static bool ends_line(char c)
{
    return c == '\n' || c == '\r';
}

static void put(struct scan *s, const char *text, size_t n)
{
    if (n > s->room - s->n) {
        n = s->room - s->n;
        s->full = true;
    }
    memcpy(s->out + s->n, text, n);
    s->n += n;
}

static void copy_to(struct scan *s, const char *to)
{
    put(s, s->p, (size_t)(to - s->p));
    s->p = to;
}

/* What is to be hidden. */
struct part {
    const char *from, *to;
};

static bool is_part(struct part *out, const char *from, const char *to)
{
    *out = (struct part){from, to};
    return to > from;
}

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && is_blank(*p))
        p++;
    return p;
}

static bool begins(const char *p, const char *end, const char *with)
{
    size_t n = strlen(with);
    return (size_t)(end - p) >= n && strncasecmp(p, with, n) == 0;
}

static const char *find(const char *p, const char *end, const char *what)
{
    const char *at = p < end ? memmem(p, (size_t)(end - p), what, strlen(what)) : NULL;
    return at ? at : end;
}

/* ---- values ---- */

/* `p` is at an opening quote with `escapes` backslashes before it, as in JSON within a string.
 * Returns what follows the closing one. */
static const char *quoted_end(const char *p, const char *end, size_t escapes)
{
    char quote = *p++;
    size_t run = 0;
    for (; p < end; p++) {
        if (*p == quote && (escapes ? run <= escapes : run % 2 == 0))
            return p + 1;
        run = *p == '\\' ? run + 1 : 0;
    }
    return end;
}

static const char *substitution_end(const char *p, const char *end)
{
    size_t depth = 0;
    for (; p < end; p++) {
        depth += *p == '(';
        if (*p == ')' && --depth == 0)
            return p + 1;
    }
    return end;
}

static bool ends_word(char c)
{
    return is_blank(c) || ends_line(c) || strchr(";&|<>()", c);
}

/* After a closing quote the value goes on only where a shell would say so. */
static bool ends_value(const char *p, const char *end)
{
    return p == end || ends_word(*p) || strchr(",}]\\", *p);
}

/* A word as a shell reads it, or a literal as most languages write it. */
static const char *word_end(const char *p, const char *end)
{
    const char *start = p;
    while (p < end && !ends_word(*p)) {
        size_t escapes = 0;
        while (p + escapes < end && p[escapes] == '\\')
            escapes++;
        if (p + escapes < end && is_quote(p[escapes])) {
            const char *after = p + escapes + 1;
            /* Behind something: what closes around the assignment, not what opens within it. */
            if (p > start && (ends_value(after, end) || is_quote(*after)))
                return p;
            p = quoted_end(p + escapes, end, escapes);
            if (ends_value(p, end))
                return p;
        } else if (escapes) {
            p += escapes + (escapes % 2 && p + escapes < end);
        } else if (begins(p, end, "$(")) {
            p = substitution_end(p, end);
        } else if (*p == ',' && (p + 1 == end || isspace((unsigned char)p[1]))) {
            return p;
        } else {
            p++;
        }
    }
    return p;
}

/* $NAME or ${NAME}, and no more: says where a secret is, not what it is. */
static bool is_reference(const char *p, const char *end)
{
    const char *from = p;
    if (p < end && *p == '"')
        p++;
    if (p == end || *p++ != '$')
        return false;
    bool brace = p < end && *p == '{';
    p += brace;
    const char *name = p;
    while (p < end && (isalnum((unsigned char)*p) || *p == '_'))
        p++;
    if (p == name || (brace && (p == end || *p++ != '}')))
        return false;
    if (*from == '"' && (p == end || *p++ != '"'))
        return false;
    return p == end || ends_word(*p);
}

/* What follows "Name: " without quotes: to the end of the line, or of the string it stands in. */
static const char *colon_end(const char *p, const char *end, bool header)
{
    for (; p < end && !ends_line(*p) && !is_quote(*p); p++)
        if (!header && strchr(",;})]", *p) && (p + 1 == end || isspace((unsigned char)p[1])))
            return p;
    /* The backslashes of an escaped quote, or of an escaped newline, are not the value's. */
    return p;
}

static bool opens_quote(const char *p, const char *end)
{
    while (p < end && *p == '\\')
        p++;
    return p < end && is_quote(*p);
}

static bool is_number(const char *p, const char *end)
{
    const char *from = p;
    while (p < end && isdigit((unsigned char)*p))
        p++;
    return p > from && (p == end || !is_name(*p));
}

static bool find_value(const char *value, const char *end, char separator, enum name_kind kind,
                       struct part *out)
{
    if (value == end || ends_line(*value) || is_reference(value, end) ||
        (kind == NAME_COUNT && is_number(value, end)))
        return false;
    bool line = separator == ':' && !opens_quote(value, end);
    return is_part(out, value,
                   line ? colon_end(value, end, kind == NAME_HEADER) : word_end(value, end));
}

/* ---- names ---- */

/* The separator behind a name, or NUL; *ret_value: what follows it. Between them may stand what
 * closes the name: a quote, a bracket. */
static char separator_after(const char *p, const char *end, const char **ret_value)
{
    bool quoted = false;
    while (p < end && *p == '\\')
        p++;
    if (p < end && is_quote(*p)) {
        quoted = true;
        p++;
        if (p < end && (*p == ']' || *p == ')'))
            p++;
    }
    p = skip_blanks(p, end);
    if (p == end)
        return '\0';
    char c = *p++;
    if (c == ',' && quoted) {
        *ret_value = skip_blanks(p, end);
        return opens_quote(*ret_value, end) ? c : '\0';
    }
    if (c != '=' && c != ':')
        return '\0';
    if (c == ':' && p < end && (*p == ':' || *p == '/'))
        return '\0';
    while (p < end && (*p == '=' || *p == '>')) {
        c = '=';
        p++;
    }
    *ret_value = skip_blanks(p, end);
    return c;
}

/* Each of these looks at the word of name characters from `word` to `end` in the text `s` is of. */

/* NAME=value, "name": value, --name value */
static bool find_named(const struct scan *s, const char *word, const char *end, struct part *out)
{
    const char *value = NULL;
    char separator = separator_after(end, s->end, &value);
    bool option = *word == '-' && end < s->end && is_blank(*end);
    if (!separator && !option)
        return false;
    enum name_kind kind = audit_name(word, (size_t)(end - word));
    if (kind == NAME_PLAIN)
        return false;
    if (separator)
        return find_value(value, s->end, separator, kind, out);
    value = skip_blanks(end, s->end);
    return value < s->end && *value != '-' && find_value(value, s->end, ' ', kind, out);
}

/* -u user:password, as curl has it */
static bool find_user(const struct scan *s, const char *word, const char *end, struct part *out)
{
    size_t n = (size_t)(end - word);
    if (!((n == 2 && memcmp(word, "-u", 2) == 0) || (n == 6 && memcmp(word, "--user", 6) == 0)))
        return false;
    const char *user = end;
    while (user < s->end && (is_blank(*user) || *user == '='))
        user++;
    const char *close = word_end(user, s->end), *colon = user;
    while (colon < close && (is_name(*colon) || is_quote(*colon) || strchr("@%\\", *colon)))
        colon++;
    if (colon == close || *colon != ':' || is_number(colon + 1, close))
        return false;
    return is_part(out, colon + 1, close);
}

/* ---- shapes ---- */

static bool is_token(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("-._~+/=", c));
}

static bool find_bearer(const struct scan *s, const char *word, const char *end, struct part *out)
{
    if (end - word != 6 || strncasecmp(word, "bearer", 6) != 0)
        return false;
    const char *token = skip_blanks(end, s->end), *close = token;
    while (close < s->end && is_token(*close))
        close++;
    return token > end && close - token >= 8 && is_part(out, token, close);
}

/* The word may have shapes within it: a token behind a dash, a dot, or an escaped character. */
static bool find_shape(const struct scan *s, const char *word, const char *end, struct part *out)
{
    bool escaped = word > s->start && word[-1] == '\\';
    if (end - word < AUDIT_TOKEN_MIN)
        return false;
    for (const char *p = word; p < end; p++) {
        bool first = p == word || (p == word + 1 && escaped);
        if (!first && isalnum((unsigned char)p[-1]))
            continue;
        if (audit_token_shape(p, (size_t)(end - p)))
            return is_part(out, p, end);
    }
    return false;
}

/* -----BEGIN … PRIVATE KEY-----: all up to the end mark, or to the end. The word may begin with
 * something else. */
static bool find_pem(const struct scan *s, const char *word, const char *end, struct part *out)
{
    static const char begin[] = "-----BEGIN";
    size_t n = sizeof begin - 1;
    if ((size_t)(end - word) < n || memcmp(end - n, begin, n) != 0)
        return false;
    const char *close = end;
    while (close < s->end && (isupper((unsigned char)*close) || *close == ' '))
        close++;
    if (find(end, close, " PRIVATE KEY") == close)
        return false;
    while (close < s->end && *close == '-')
        close++;
    return is_part(out, close, find(close, s->end, "-----END "));
}

/* scheme://user:password@ or scheme://token@, `word` being the scheme */
static bool find_userinfo(const struct scan *s, const char *word, const char *end, struct part *out)
{
    const char *at = NULL, *colon = NULL;
    (void)word;
    if (!begins(end, s->end, "://"))
        return false;
    end += 3;
    for (const char *p = end; p < s->end && !isspace((unsigned char)*p) && !strchr("/?#'\"`<>", *p);
         p++) {
        if (*p == '@')
            at = p;
        if (*p == ':' && !colon)
            colon = p;
    }
    if (at && colon && colon < at)
        return is_part(out, colon + 1, at);
    return at && at - end >= 20 && is_part(out, end, at);
}

static const char *name_end(const char *p, const char *end)
{
    while (p < end && is_name(*p))
        p++;
    return p;
}

static bool find_secret(const struct scan *s, const char *word, const char *end, struct part *out)
{
    return find_pem(s, word, end, out) || find_bearer(s, word, end, out) ||
           find_named(s, word, end, out) || find_user(s, word, end, out) ||
           find_userinfo(s, word, end, out) || find_shape(s, word, end, out);
}

/* ---- all of it ---- */

/* Where quotes are not paired a value seems to end in the middle of another: it ends where that one
 * does. */
static void widen(const struct scan *s, struct part *part)
{
    for (const char *p = part->from; p < part->to && part->to < s->end;) {
        const char *end = name_end(p, s->end);
        struct part within;
        if (end > p && find_secret(s, p, end, &within) && within.to > part->to)
            part->to = within.to;
        p = end > p ? end : p + 1;
    }
}

static size_t whole_sequences(const char *text, size_t n)
{
    size_t at = n;
    while (at > 0 && n - at < 3 && ((unsigned char)text[at - 1] & 0xc0) == 0x80)
        at--;
    if (at == 0)
        return n;
    unsigned char lead = (unsigned char)text[at - 1];
    size_t needs = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    return needs > n - at + 1 ? at - 1 : n;
}

size_t audit_mask(const char *text, size_t n, char *out, size_t room)
{
    struct scan s = {.p = text, .start = text, .end = text + n, .out = out, .room = room};
    const char *at = text;
    while (at < s.end && (size_t)(at - s.p) <= room - s.n) {
        const char *end = name_end(at, s.end);
        struct part part;
        if (end > at && find_secret(&s, at, end, &part)) {
            widen(&s, &part);
            copy_to(&s, part.from);
            put(&s, AUDIT_MASK, sizeof AUDIT_MASK - 1);
            at = s.p = part.to;
        } else {
            at = end > at ? end : at + 1;
        }
    }
    copy_to(&s, at);
    return s.full ? whole_sequences(out, s.n) : s.n;
}
