#include "base/json_walk.h"

#include <string.h>

#include "base/jsonw.h"

enum { VALUE, VALUE_OR_END, NAME, NAME_OR_END, COMMA_OR_END, NOTHING, BROKEN };

void json_walk_begin(struct json_walk *w, const char *text, size_t n)
{
    *w = (struct json_walk){.at = text, .end = text + n, .expects = VALUE};
}

static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

static void skip_space(struct json_walk *w)
{
    while (w->at < w->end && is_one_of(*w->at, " \t\r\n"))
        w->at++;
}

static bool in_array(const struct json_walk *w)
{
    unsigned top = w->depth - 1;
    return w->arrays[top / 8] & (1u << top % 8);
}

static void after_value(struct json_walk *w)
{
    w->expects = w->depth ? COMMA_OR_END : NOTHING;
}

static enum json_token bad(struct json_walk *w)
{
    w->expects = BROKEN;
    return JSON_BAD;
}

static enum json_token open_container(struct json_walk *w, bool array)
{
    if (w->depth == JSON_WALK_DEPTH)
        return bad(w);
    unsigned top = w->depth++, bit = 1u << top % 8;
    w->arrays[top / 8] =
        (unsigned char)(array ? w->arrays[top / 8] | bit : w->arrays[top / 8] & ~bit);
    w->expects = array ? VALUE_OR_END : NAME_OR_END;
    w->at++;
    return array ? JSON_ARRAY : JSON_OBJECT;
}

static enum json_token close_container(struct json_walk *w)
{
    bool array = in_array(w);
    if (*w->at != (array ? ']' : '}'))
        return bad(w);
    w->at++;
    w->depth--;
    after_value(w);
    return array ? JSON_ARRAY_END : JSON_OBJECT_END;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool skip_escape(struct json_walk *w)
{
    if (w->at == w->end || !is_one_of(*w->at, "\"\\/bfnrtu"))
        return false;
    if (*w->at++ != 'u')
        return true;
    for (int i = 0; i < 4; i++, w->at++)
        if (w->at == w->end || !is_hex(*w->at))
            return false;
    return true;
}

static bool skip_string(struct json_walk *w)
{
    w->at++;
    while (w->at < w->end) {
        unsigned char c = (unsigned char)*w->at++;
        if (c == '"')
            return true;
        if (c < 0x20 || (c == '\\' && !skip_escape(w)))
            return false;
    }
    return false;
}

static bool skip_digits(struct json_walk *w)
{
    const char *from = w->at;
    while (w->at < w->end && *w->at >= '0' && *w->at <= '9')
        w->at++;
    return w->at > from;
}

static bool skip_number(struct json_walk *w)
{
    if (*w->at == '-')
        w->at++;
    const char *from = w->at;
    if (!skip_digits(w) || (*from == '0' && w->at > from + 1))
        return false;
    if (w->at < w->end && *w->at == '.') {
        w->at++;
        if (!skip_digits(w))
            return false;
    }
    if (w->at < w->end && (*w->at | 0x20) == 'e') {
        w->at++;
        if (w->at < w->end && (*w->at == '+' || *w->at == '-'))
            w->at++;
        return skip_digits(w);
    }
    return true;
}

static bool skip_word(struct json_walk *w, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(w->end - w->at) < n || memcmp(w->at, word, n) != 0)
        return false;
    w->at += n;
    return true;
}

static enum json_token take_scalar(struct json_walk *w)
{
    enum json_token token;
    bool good;
    switch (*w->at) {
    case '"':
        token = JSON_STRING;
        good = skip_string(w);
        break;
    case 't':
        token = JSON_TRUE;
        good = skip_word(w, "true");
        break;
    case 'f':
        token = JSON_FALSE;
        good = skip_word(w, "false");
        break;
    case 'n':
        token = JSON_NULL;
        good = skip_word(w, "null");
        break;
    default:
        token = JSON_NUMBER;
        good = skip_number(w);
    }
    if (!good)
        return bad(w);
    after_value(w);
    return token;
}

static enum json_token take_value(struct json_walk *w)
{
    if (w->expects == VALUE_OR_END && *w->at == ']')
        return close_container(w);
    if (*w->at == '{' || *w->at == '[')
        return open_container(w, *w->at == '[');
    return take_scalar(w);
}

/* The colon belongs to the name; `raw` does not show it. */
static enum json_token take_name(struct json_walk *w, struct text *raw)
{
    if (w->expects == NAME_OR_END && *w->at == '}')
        return close_container(w);
    if (*w->at != '"' || !skip_string(w))
        return bad(w);
    raw->n = (size_t)(w->at - raw->p);
    skip_space(w);
    if (w->at == w->end || *w->at != ':')
        return bad(w);
    w->at++;
    w->expects = VALUE;
    return JSON_NAME;
}

enum json_token json_walk_next(struct json_walk *w, struct text *ret_raw)
{
    enum json_token token = JSON_BAD;
    skip_space(w);
    if (w->expects == COMMA_OR_END && w->at < w->end && *w->at == ',') {
        w->at++;
        w->expects = in_array(w) ? VALUE : NAME;
        skip_space(w);
    }
    *ret_raw = (struct text){w->at, 0};
    if (w->at == w->end)
        return w->expects == NOTHING ? JSON_END : bad(w);
    switch (w->expects) {
    case VALUE:
    case VALUE_OR_END:
        token = take_value(w);
        break;
    case NAME:
    case NAME_OR_END:
        token = take_name(w, ret_raw);
        break;
    case COMMA_OR_END:
        token = close_container(w);
        break;
    default:
        return bad(w);
    }
    if (token != JSON_NAME)
        ret_raw->n = (size_t)(w->at - ret_raw->p);
    return token;
}

/* ---- strings ---- */

static unsigned hex4(const char *p)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        value = value << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

static void add_utf8(struct bytes *out, unsigned c)
{
    unsigned tail = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0x00, 0xc0, 0xe0, 0xf0};
    (void)bytes_addc(out, (char)(lead[tail] | c >> (6 * tail)));
    while (tail-- > 0)
        (void)bytes_addc(out, (char)(0x80 | (c >> (6 * tail) & 0x3f)));
}

/* What follows a \u; returns how many characters of the token were used, or -1. */
static int unescape_unicode(const char *p, const char *end, struct bytes *out)
{
    unsigned c = hex4(p);
    if (c < 0xd800 || c > 0xdfff) {
        add_utf8(out, c);
        return 4;
    }
    if (c > 0xdbff || end - p < 10 || p[4] != '\\' || p[5] != 'u')
        return -1;
    unsigned low = hex4(p + 6);
    if (low < 0xdc00 || low > 0xdfff)
        return -1;
    add_utf8(out, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
    return 10;
}

int json_unescape(struct text raw, struct bytes *out)
{
    static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
    const char *p = raw.p + 1, *end = raw.p + raw.n - 1;
    while (p < end) {
        const char *escape = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((escape ? escape : end) - p);
        (void)bytes_add(out, p, plain);
        p += plain;
        if (!escape)
            break;
        char c = p[1];
        p += 2;
        if (c == 'u') {
            int used = unescape_unicode(p, end, out);
            if (used < 0)
                return -1;
            p += used;
        } else {
            const char *name = strchr(names, c);
            (void)bytes_addc(out, name ? values[name - names] : c);
        }
    }
    return out->failed ? -1 : 0;
}

/* ---- members ---- */

static bool is_name(struct text raw, const char *name)
{
    return raw.n == strlen(name) + 2 && memcmp(raw.p + 1, name, raw.n - 2) == 0;
}

int json_member(const char *text, size_t n, const char *name, struct text *ret_raw)
{
    struct json_walk w;
    struct text raw;
    const char *from = NULL;
    bool wanted = false;
    int found = 0;
    json_walk_begin(&w, text, n);
    if (json_walk_next(&w, &raw) != JSON_OBJECT)
        return -1;
    for (;;) {
        unsigned depth = w.depth;
        enum json_token token = json_walk_next(&w, &raw);
        if (token == JSON_BAD)
            return -1;
        if (token == JSON_END)
            return found;
        if (depth == 1 && token == JSON_NAME) {
            wanted = is_name(raw, name);
            from = NULL;
        } else if (depth == 1 && !from) {
            from = raw.p;
        }
        if (wanted && from && w.depth == 1) {
            *ret_raw = (struct text){from, (size_t)(w.at - from)};
            found = 1;
            wanted = false;
        }
    }
}

static int edit_string(struct text name, struct text raw,
                       bool (*edit)(void *, struct text, struct text, struct bytes *), void *arg,
                       struct bytes *out)
{
    cleanup_bytes struct bytes old = BYTES_INIT(raw.n), value = BYTES_INIT(out->limit);
    struct text inner = {name.p + 1, name.n - 2};
    if (json_unescape(raw, &old) < 0 || !bytes_text(&old))
        return 0;
    if (!edit(arg, inner, (struct text){old.data, old.len}, &value))
        return 0;
    struct jsonw w = jsonw_on(out);
    jsonw_text(&w, value.data, value.len);
    return 1;
}

int json_edit(const char *text, size_t n,
              bool (*edit)(void *arg, struct text name, struct text old, struct bytes *value),
              void *arg, struct bytes *out, struct err *err)
{
    struct json_walk w;
    struct text raw, name = {0};
    const char *copied = text;
    json_walk_begin(&w, text, n);
    for (;;) {
        enum json_token token = json_walk_next(&w, &raw);
        if (token == JSON_BAD)
            return err_set(err, ERR_SYNTAX, "that is not JSON");
        if (token == JSON_END)
            break;
        if (token == JSON_STRING && name.p) {
            (void)bytes_add(out, copied, (size_t)(raw.p - copied));
            if (edit_string(name, raw, edit, arg, out))
                copied = w.at;
            else
                copied = raw.p;
        }
        name = token == JSON_NAME ? raw : (struct text){0};
    }
    (void)bytes_add(out, copied, (size_t)(text + n - copied));
    return out->failed ? err_set(err, ERR_TOO_LARGE, "the text is too long") : 0;
}
