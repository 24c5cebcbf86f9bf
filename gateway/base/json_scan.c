#include "base/json_scan.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

struct scan {
    const char *text;
    size_t n, at;
    size_t depth, values;
    size_t key, key_length; /* the newest string at depth 1 that may be a member name */
    bool key_next;          /* at depth 1 the next string is a member name */
};

static int bad_string(struct scan *s, const char *what, struct err *err)
{
    return err_set(err, ERR_SYNTAX, "malformed JSON: %s at byte %zu", what, s->at);
}

static int bad_field(struct scan *s, const char *what, struct err *err)
{
    int length = s->key_length < 60 ? (int)s->key_length : 60;
    char name[64];
    (void)snprintf(name, sizeof name, "%.*s", length, s->text + s->key);
    return err_field(err, name, "field '%s' contains %s", name, what);
}

/* The code unit of a \uXXXX escape at `at`, or -1. */
static long code_unit(const struct scan *s, size_t at)
{
    long unit = 0;
    if (s->n - at < 6 || s->text[at] != '\\' || s->text[at + 1] != 'u')
        return -1;
    for (size_t i = at + 2; i < at + 6; i++) {
        char c = s->text[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* `at` is on a backslash; afterwards on the escape's last byte. What is wrong with it, or NULL. */
static const char *scan_escape(struct scan *s)
{
    long unit = code_unit(s, s->at);
    if (unit < 0) {
        s->at++; /* a short escape; cJSON knows which there are */
        return NULL;
    }
    s->at += 5;
    if (unit == 0)
        return "a NUL character";
    if (unit < 0xD800 || unit > 0xDFFF)
        return NULL;
    long low = s->at + 1 < s->n ? code_unit(s, s->at + 1) : -1;
    if (unit > 0xDBFF || low < 0xDC00 || low > 0xDFFF)
        return "half a surrogate pair";
    s->at += 6;
    return NULL;
}

/* `at` is on the opening quote; afterwards on the closing one. */
static int scan_string(struct scan *s, struct err *err)
{
    size_t begin = s->at + 1;
    const char *wrong = NULL;
    for (s->at = begin; s->at < s->n && s->text[s->at] != '"'; s->at++) {
        if ((unsigned char)s->text[s->at] < 0x20)
            return bad_string(s, "control character in a string", err);
        if (s->text[s->at] != '\\')
            continue;
        const char *found = scan_escape(s);
        wrong = wrong ? wrong : found;
    }
    if (s->at >= s->n)
        return bad_string(s, "unterminated string", err);
    if (s->depth == 1 && s->key_next) {
        s->key = begin;
        s->key_length = s->at - begin;
        s->key_next = false;
    }
    return wrong ? bad_field(s, wrong, err) : 0;
}

/* `at` is on the first digit; afterwards on the last. cJSON lets 01 pass. */
static int scan_number(struct scan *s, struct err *err)
{
    size_t begin = s->at;
    while (s->at + 1 < s->n && strchr("0123456789+-.eE", s->text[s->at + 1]) && s->text[s->at + 1])
        s->at++;
    if (s->text[begin] == '0' && s->at > begin && s->text[begin + 1] >= '0' &&
        s->text[begin + 1] <= '9')
        return bad_string(s, "a number with a leading zero", err);
    return 0;
}

static int scan_open(struct scan *s, struct err *err)
{
    if (++s->depth > JSON_MAX_DEPTH)
        return err_set(err, ERR_TOO_LARGE, "JSON is nested deeper than %d levels", JSON_MAX_DEPTH);
    s->key_next = s->depth == 1;
    return 0;
}

int json_scan(const char *text, size_t n, struct err *err)
{
    struct scan s = {.text = text, .n = n};
    if (!utf8_valid(text, n))
        return err_set(err, ERR_SYNTAX, "malformed JSON: the body is not valid UTF-8");
    for (; s.at < n; s.at++) {
        char c = text[s.at];
        int r = 0;
        if (c == '\0')
            return bad_string(&s, "NUL byte", err);
        if (c == '"')
            r = scan_string(&s, err);
        else if (c == '{' || c == '[')
            r = scan_open(&s, err);
        else if (c >= '0' && c <= '9')
            r = scan_number(&s, err);
        else if ((c == '}' || c == ']') && s.depth > 0)
            s.depth--;
        if (r < 0)
            return r;
        if (c != ',')
            continue;
        s.key_next = s.depth == 1;
        if (++s.values > JSON_MAX_VALUES)
            return err_set(err, ERR_TOO_LARGE, "JSON holds more than %d values", JSON_MAX_VALUES);
    }
    return 0;
}
