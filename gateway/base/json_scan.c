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

static int nul_in_string(struct scan *s, struct err *err)
{
    int length = s->key_length < 60 ? (int)s->key_length : 60;
    char name[64];
    (void)snprintf(name, sizeof name, "%.*s", length, s->text + s->key);
    return err_field(err, name, "field '%s' contains a NUL character", name);
}

/* `at` is on the opening quote; afterwards on the closing one. */
static int scan_string(struct scan *s, struct err *err)
{
    size_t begin = s->at + 1;
    bool nul = false;
    for (s->at = begin; s->at < s->n; s->at++) {
        unsigned char c = (unsigned char)s->text[s->at];
        if (c == '"')
            break;
        if (c < 0x20)
            return bad_string(s, "control character in a string", err);
        if (c == '\\') {
            nul |= s->n - s->at >= 6 && memcmp(s->text + s->at, "\\u0000", 6) == 0;
            s->at++;
        }
    }
    if (s->at >= s->n)
        return bad_string(s, "unterminated string", err);
    if (s->depth == 1 && s->key_next) {
        s->key = begin;
        s->key_length = s->at - begin;
        s->key_next = false;
    }
    return nul ? nul_in_string(s, err) : 0;
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
