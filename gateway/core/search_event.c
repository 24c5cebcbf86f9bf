/* A small pull over JSON that is known to be machine-made: values are reached by their path of keys
 * ("data.lines.text"), everything else is stepped over. Malformed text ends in -1, never beyond the
 * line. */
#include "core/search_event.h"

#include <string.h>

#define MAX_DEPTH 12
#define PATH_SIZE 128

struct cursor {
    char *at, *end;
    char path[PATH_SIZE]; /* of the value at hand */
    struct bytes *spare;
    struct search_event *event;
};

/* ---- strings ---- */

static int hex4(const char *at, const char *end, unsigned *ret)
{
    unsigned value = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 16;
        if (digit == 16)
            return -1;
        value = value << 4 | digit;
    }
    *ret = value;
    return 0;
}

static char *put_utf8(char *to, unsigned c)
{
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xC0 | c >> 6);
        *to++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *to++ = (char)(0xE0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 0x3F));
        *to++ = (char)(0x80 | (c & 0x3F));
    } else {
        *to++ = (char)(0xF0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 0x3F));
        *to++ = (char)(0x80 | (c >> 6 & 0x3F));
        *to++ = (char)(0x80 | (c & 0x3F));
    }
    return to;
}

/* Behind the backslash and the u; a surrogate pair is two escapes. */
static int take_unicode(struct cursor *c, char **to)
{
    unsigned high, low;
    if (hex4(c->at, c->end, &high) < 0)
        return -1;
    c->at += 4;
    if (high >= 0xD800 && high < 0xDC00 && c->end - c->at >= 6 && c->at[0] == '\\' &&
        c->at[1] == 'u' && hex4(c->at + 2, c->end, &low) == 0 && low >= 0xDC00 && low < 0xE000) {
        c->at += 6;
        high = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    }
    *to = put_utf8(*to, high);
    return 0;
}

/* At the opening quote; the decoded text takes its place, which is never shorter. */
static int take_string(struct cursor *c, struct text *ret)
{
    static const char escaped[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
    char *start = ++c->at, *to = start;
    while (c->at < c->end && *c->at != '"') {
        if (*c->at != '\\') {
            *to++ = *c->at++;
            continue;
        }
        if (++c->at == c->end)
            return -1;
        char kind = *c->at++;
        const char *known = kind ? strchr(escaped, kind) : NULL;
        if (known)
            *to++ = plain[known - escaped];
        else if (kind != 'u' || take_unicode(c, &to) < 0)
            return -1;
    }
    if (c->at == c->end)
        return -1;
    c->at++;
    *ret = (struct text){start, (size_t)(to - start)};
    return 0;
}

/* ---- what is wanted of it ---- */

static int from_base64(struct cursor *c, int which, struct text value, struct text *ret)
{
    struct bytes *spare = &c->spare[which];
    bytes_clear(spare);
    if (base64_decode(spare, value.p, value.n) < 0)
        return -1;
    *ret = (struct text){spare->data, spare->len};
    return 0;
}

static enum search_event_type type_of(struct text name)
{
    static const char *const names[] = {"", "begin", "match", "context", "end", "summary"};
    for (size_t i = 1; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == name.n && memcmp(names[i], name.p, name.n) == 0)
            return (enum search_event_type)i;
    return SEARCH_OTHER;
}

static int on_string(struct cursor *c, struct text value)
{
    struct search_event *e = c->event;
    if (strcmp(c->path, ".type") == 0)
        e->type = type_of(value);
    else if (strcmp(c->path, ".data.path.text") == 0)
        e->path = value;
    else if (strcmp(c->path, ".data.path.bytes") == 0)
        return from_base64(c, 0, value, &e->path);
    else if (strcmp(c->path, ".data.lines.text") == 0)
        e->lines = value;
    else if (strcmp(c->path, ".data.lines.bytes") == 0)
        return from_base64(c, 1, value, &e->lines);
    return 0;
}

static void on_scalar(struct cursor *c, const char *text, size_t n)
{
    if (strcmp(c->path, ".data.line_number") == 0)
        (void)parse_i64(text, n, &c->event->line_number);
    else if (strcmp(c->path, ".data.stats.searches") == 0)
        (void)parse_i64(text, n, &c->event->searches);
}

/* ---- values ---- */

static int take_value(struct cursor *c, int depth);

static int take_members(struct cursor *c, int depth)
{
    size_t length = strlen(c->path);
    while (c->at < c->end && *c->at != '}') {
        struct text key;
        if (*c->at == ',')
            c->at++;
        if (c->at == c->end || *c->at != '"' || take_string(c, &key) < 0)
            return -1;
        if (c->at == c->end || *c->at++ != ':' || length + 1 + key.n >= PATH_SIZE)
            return -1;
        c->path[length] = '.';
        memcpy(c->path + length + 1, key.p, key.n);
        c->path[length + 1 + key.n] = '\0';
        if (take_value(c, depth) < 0)
            return -1;
        c->path[length] = '\0';
    }
    return 0;
}

static int take_items(struct cursor *c, int depth)
{
    size_t length = strlen(c->path);
    if (length + 1 >= PATH_SIZE)
        return -1;
    c->path[length] = '#'; /* nothing inside a list is wanted */
    c->path[length + 1] = '\0';
    while (c->at < c->end && *c->at != ']') {
        if (*c->at == ',')
            c->at++;
        if (take_value(c, depth) < 0)
            return -1;
    }
    c->path[length] = '\0';
    return 0;
}

static int take_value(struct cursor *c, int depth)
{
    struct text text;
    if (c->at == c->end || depth == MAX_DEPTH)
        return -1;
    if (*c->at == '"')
        return take_string(c, &text) < 0 ? -1 : on_string(c, text);
    if (*c->at == '{' || *c->at == '[') {
        bool object = *c->at++ == '{';
        if ((object ? take_members(c, depth + 1) : take_items(c, depth + 1)) < 0 || c->at == c->end)
            return -1;
        c->at++;
        return 0;
    }
    char *start = c->at;
    while (c->at < c->end && !strchr(",}]", *c->at))
        c->at++;
    if (c->at == start)
        return -1;
    on_scalar(c, start, (size_t)(c->at - start));
    return 0;
}

int search_event_parse(char *line, size_t n, struct bytes spare[static 2],
                       struct search_event *ret_event)
{
    struct search_event event = {.type = SEARCH_OTHER};
    struct cursor c = {.at = line, .end = line + n, .spare = spare, .event = &event};
    if (n == 0 || *line != '{' || take_value(&c, 0) < 0 || c.at != c.end)
        return -1;
    *ret_event = event;
    return 0;
}
