#include "base/multipart.h"

#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/utf8.h"

/* ---- parameters of a header value: ; name=token, ; name="quoted" ---- */

struct parameter {
    const char *name;
    size_t name_n;
    char value[MULTIPART_NAME_MAX + 1];
    size_t value_n;
};

static const char *skip_space(const char *at)
{
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

/* A backslash escapes only what must be escaped: old browsers send DOS paths unescaped. */
static const char *take_quoted(const char *at, struct parameter *p)
{
    for (at++; *at && *at != '"'; at++) {
        if (*at == '\\' && (at[1] == '"' || at[1] == '\\'))
            at++;
        if (p->value_n == MULTIPART_NAME_MAX)
            return NULL;
        p->value[p->value_n++] = *at;
    }
    return *at == '"' ? at + 1 : NULL;
}

static const char *take_token(const char *at, struct parameter *p)
{
    for (; *at && *at != ';' && *at != ' ' && *at != '\t'; at++) {
        if (p->value_n == MULTIPART_NAME_MAX)
            return NULL;
        p->value[p->value_n++] = *at;
    }
    return at;
}

/* The next parameter at or after `at`: 1 with *at behind it, 0 at the end, -1 when malformed. */
static int next_parameter(const char **at, struct parameter *p)
{
    const char *c = skip_space(*at);
    if (!*c)
        return 0;
    if (*c != ';')
        return -1;
    c = skip_space(c + 1);
    if (!*c)
        return 0;
    p->name = c;
    p->name_n = strcspn(c, "=; \t");
    p->value_n = 0;
    c = skip_space(c + p->name_n);
    if (p->name_n == 0 || *c != '=')
        return -1;
    c = skip_space(c + 1);
    c = *c == '"' ? take_quoted(c, p) : take_token(c, p);
    if (!c)
        return -1;
    p->value[p->value_n] = '\0';
    *at = c;
    return 1;
}

static bool is_named(const struct parameter *p, const char *name)
{
    return p->name_n == strlen(name) && strncasecmp(p->name, name, p->name_n) == 0;
}

/* ---- the boundary ---- */

/* bcharsnospace of RFC 2046, and the space, which may not be the last. */
static bool good_boundary(const char *text, size_t n)
{
    if (n == 0 || n > MULTIPART_BOUNDARY_MAX || text[n - 1] == ' ')
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && !strchr("'()+_,-./:=? ", c))
            return false;
    }
    return true;
}

int multipart_init(struct multipart *mp, const char *content_type, struct err *err)
{
    static const char type[] = "multipart/form-data";
    struct parameter p = {.name = NULL};
    bool found = false;
    if (!content_type || strncasecmp(content_type, type, sizeof type - 1) != 0 ||
        (content_type[sizeof type - 1] && !strchr("; \t", content_type[sizeof type - 1])))
        return err_set(err, ERR_UNSUPPORTED, "the body must be multipart/form-data");
    const char *at = content_type + sizeof type - 1;
    while (!found && next_parameter(&at, &p) == 1)
        found = is_named(&p, "boundary");
    if (!found || !good_boundary(p.value, p.value_n))
        return err_set(err, ERR_SYNTAX, "the Content-Type names no usable boundary");
    *mp = (struct multipart){.state = MULTIPART_PREAMBLE, .delimiter = "\r\n--"};
    memcpy(mp->delimiter + 4, p.value, p.value_n);
    mp->delimiter_n = 4 + p.value_n;
    mp->matched = 2; /* the body's beginning counts as the beginning of a line */
    return 0;
}

/* ---- a part's headers ---- */

struct disposition {
    bool given;
    char name[MULTIPART_NAME_MAX + 1], filename[MULTIPART_NAME_MAX + 1];
    bool has_name, has_filename, extended; /* extended: filename* was given, which wins */
};

/* filename*=UTF-8''percent%20encoded (RFC 5987): not meant for forms, but sent by some. */
static int take_extended(struct disposition *d, struct parameter *p)
{
    static const char charset[] = "UTF-8''";
    if (strncasecmp(p->value, charset, sizeof charset - 1) != 0)
        return 0;
    size_t skip = sizeof charset - 1;
    memcpy(d->filename, p->value + skip, p->value_n - skip + 1);
    long n = percent_decode(d->filename, p->value_n - skip, false);
    if (n < 0 || memchr(d->filename, '\0', (size_t)n))
        return -1;
    d->has_filename = d->extended = true;
    return 0;
}

/* Browsers send a quotation mark inside a name as %22. */
static void restore_quotes(char *name)
{
    char *to = name;
    for (const char *from = name; *from; from++) {
        bool quote = strncmp(from, "%22", 3) == 0;
        *to++ = quote ? '"' : *from;
        if (quote)
            from += 2;
    }
    *to = '\0';
}

static int read_disposition(const char *value, struct disposition *d)
{
    static const char type[] = "form-data";
    struct parameter p;
    int r;
    if (strncasecmp(value, type, sizeof type - 1) != 0)
        return -1;
    value += sizeof type - 1;
    d->given = true;
    while ((r = next_parameter(&value, &p)) == 1) {
        if (is_named(&p, "name") && !d->has_name) {
            memcpy(d->name, p.value, p.value_n + 1);
            restore_quotes(d->name);
            d->has_name = true;
        } else if (is_named(&p, "filename") && !d->has_filename) {
            memcpy(d->filename, p.value, p.value_n + 1);
            restore_quotes(d->filename);
            d->has_filename = true;
        } else if (is_named(&p, "filename*") && !d->extended && take_extended(d, &p) < 0) {
            return -1;
        }
    }
    return r;
}

static int read_header(char *line, struct disposition *d)
{
    static const char wanted[] = "Content-Disposition";
    char *colon = strchr(line, ':');
    if (!colon || colon == line)
        return -1;
    size_t n = (size_t)(colon - line);
    if (n != sizeof wanted - 1 || strncasecmp(line, wanted, n) != 0)
        return 0;
    return d->given ? -1 : read_disposition(skip_space(colon + 1), d);
}

/* `head` is everything up to the empty line. */
static int begin_part(struct multipart *mp, const struct multipart_events *events, struct err *err)
{
    struct disposition d = {.given = false};
    mp->head[mp->head_n] = '\0';
    if (memchr(mp->head, '\0', mp->head_n))
        return err_set(err, ERR_SYNTAX, "malformed multipart: a part's headers hold a NUL");
    for (char *line = mp->head; *line;) {
        char *end = strstr(line, "\r\n");
        *end = '\0';
        if (line == end)
            break;
        if (read_header(line, &d) < 0)
            return err_set(err, ERR_SYNTAX, "malformed multipart: a part's header is malformed");
        line = end + 2;
    }
    if (!d.has_name)
        return err_set(err, ERR_SYNTAX, "malformed multipart: a part has no name");
    if (!utf8_valid(d.name, strlen(d.name)) || !utf8_valid(d.filename, strlen(d.filename)))
        return err_set(err, ERR_SYNTAX, "malformed multipart: a part's name is not UTF-8");
    struct multipart_part part = {d.name, d.has_filename ? d.filename : NULL};
    return events->begin(events->arg, &part, err);
}

/* ---- states; each returns how many of the `n` bytes it used, or -1 ---- */

/* Content up to the next delimiter. Only the delimiter's first byte is a CR, so that after a
 * mismatch what was matched is content, and matching starts anew at the byte that did not fit. */
static long take_content(struct multipart *mp, const char *bytes, size_t n,
                         const struct multipart_events *events, struct err *err)
{
    bool wanted = mp->state == MULTIPART_DATA;
    if (mp->matched == 0) {
        const char *cr = memchr(bytes, '\r', n);
        size_t plain = cr ? (size_t)(cr - bytes) : n;
        if (wanted && plain && events->data(events->arg, bytes, plain, err) < 0)
            return -1;
        mp->matched = cr ? 1 : 0;
        return (long)(plain + (cr ? 1 : 0));
    }
    size_t used = 0;
    while (used < n && mp->matched < mp->delimiter_n && bytes[used] == mp->delimiter[mp->matched]) {
        used++;
        mp->matched++;
    }
    if (mp->matched == mp->delimiter_n) {
        mp->state = MULTIPART_DELIMITER;
        mp->head_n = 0;
        return wanted && events->end(events->arg, err) < 0 ? -1 : (long)used;
    }
    if (used == n)
        return (long)used;
    size_t matched = mp->matched;
    mp->matched = 0;
    if (wanted && events->data(events->arg, mp->delimiter, matched, err) < 0)
        return -1;
    return (long)used;
}

/* What follows the boundary on its line; kept in `head` meanwhile. */
static long after_delimiter(struct multipart *mp, char c, struct err *err)
{
    size_t n = mp->head_n;
    if (n == 0 && (c == ' ' || c == '\t'))
        return 1;
    mp->head[mp->head_n++] = c;
    if (n == 0 && (c == '-' || c == '\r'))
        return 1;
    if (n == 1 && mp->head[0] == '-' && c == '-') {
        mp->state = MULTIPART_EPILOGUE;
        return 1;
    }
    if (n == 1 && mp->head[0] == '\r' && c == '\n') {
        mp->state = MULTIPART_HEAD;
        mp->head_n = 0;
        return 1;
    }
    return err_set(err, ERR_SYNTAX, "malformed multipart: text behind a boundary");
}

static long take_head(struct multipart *mp, char c, const struct multipart_events *events,
                      struct err *err)
{
    if (mp->head_n == MULTIPART_HEAD_MAX)
        return err_set(err, ERR_TOO_LARGE,
                       "malformed multipart: a part's headers are over %d bytes",
                       MULTIPART_HEAD_MAX);
    mp->head[mp->head_n++] = c;
    if (c != '\n')
        return 1;
    if (mp->head_n < 2 || mp->head[mp->head_n - 2] != '\r')
        return err_set(err, ERR_SYNTAX, "malformed multipart: a header line ends without CR");
    bool empty_line = mp->head_n == 2 || mp->head[mp->head_n - 3] == '\n';
    if (!empty_line)
        return 1;
    if (begin_part(mp, events, err) < 0)
        return -1;
    mp->state = MULTIPART_DATA;
    mp->matched = 0;
    return 1;
}

int multipart_feed(struct multipart *mp, const char *bytes, size_t n,
                   const struct multipart_events *events, struct err *err)
{
    while (n > 0) {
        long used = -1;
        switch (mp->state) {
        case MULTIPART_PREAMBLE:
        case MULTIPART_DATA:
            used = take_content(mp, bytes, n, events, err);
            break;
        case MULTIPART_DELIMITER:
            used = after_delimiter(mp, *bytes, err);
            break;
        case MULTIPART_HEAD:
            used = take_head(mp, *bytes, events, err);
            break;
        case MULTIPART_EPILOGUE:
            return 0;
        }
        if (used < 0)
            return -1;
        bytes += used;
        n -= (size_t)used;
    }
    return 0;
}

int multipart_finish(const struct multipart *mp, struct err *err)
{
    if (mp->state == MULTIPART_EPILOGUE)
        return 0;
    return err_set(err, ERR_SYNTAX, "malformed multipart: the body ends before its last boundary");
}
