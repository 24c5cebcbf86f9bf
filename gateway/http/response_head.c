#include "http/response_head.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/field_text.h"

#define EXTRA_MAX     (16 * KIB) /* of chunk extensions and trailers */
#define SIZE_DIGITS   15         /* 2^60 bytes and no overflow */
#define LENGTH_DIGITS 18

/* ---- the head ---- */

long response_head_length(const char *data, size_t n)
{
    size_t room = n < RESPONSE_HEAD_MAX ? n : RESPONSE_HEAD_MAX;
    const char *at = data, *end = data + room;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
        at++;
        if (at < end && *at == '\n')
            return at + 1 - data;
        if (end - at >= 2 && at[0] == '\r' && at[1] == '\n')
            return at + 2 - data;
    }
    return n >= RESPONSE_HEAD_MAX ? -1 : 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int bad(struct err *err, const char *what)
{
    return err_set(err, ERR_UNAVAILABLE, "the service gave no sound HTTP answer: %s", what);
}

/* The next line, without its end, NUL-terminated. */
static char *take_line(char **at, char *end, size_t *ret_n)
{
    char *line = *at, *stop = memchr(line, '\n', (size_t)(end - line));
    if (!stop)
        return NULL;
    *at = stop + 1;
    if (stop > line && stop[-1] == '\r')
        stop--;
    *stop = '\0';
    *ret_n = (size_t)(stop - line);
    return line;
}

/* "HTTP/1.1 200 OK"; the phrase may be missing, and so may the space before it. */
static int parse_status(const char *line, size_t n, struct response_head *h, bool *ret_http10,
                        struct err *err)
{
    if (n < 12 || memcmp(line, "HTTP/1.", 7) != 0 || (line[7] != '0' && line[7] != '1') ||
        line[8] != ' ')
        return bad(err, "it does not begin with HTTP/1.1 or HTTP/1.0");
    if (line[9] < '1' || line[9] > '5' || !is_digit(line[10]) || !is_digit(line[11]) ||
        (n > 12 && line[12] != ' ') || !is_field_value(line + 12, n - 12))
        return bad(err, "the status line is malformed");
    *ret_http10 = line[7] == '0';
    h->status = (unsigned)((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
    return 0;
}

static int parse_header(char *line, size_t n, struct response_head *h, struct err *err)
{
    char *colon = memchr(line, ':', n);
    if (!colon || !is_token(line, (size_t)(colon - line)))
        return bad(err, "a header's name is not a token");
    if (h->header_count == RESPONSE_HEADERS_MAX)
        return bad(err, "it has too many headers");
    char *value = colon + 1, *end = line + n;
    while (*value == ' ' || *value == '\t')
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    if (!is_field_value(value, (size_t)(end - value)))
        return bad(err, "a header's value has control characters");
    *colon = *end = '\0';
    h->headers[h->header_count++] =
        (struct header){{line, (size_t)(colon - line)}, {value, (size_t)(end - value)}};
    return 0;
}

static size_t count_headers(const struct response_head *h, const char *name, const char **ret_value)
{
    size_t count = 0, n = strlen(name);
    for (size_t i = 0; i < h->header_count; i++)
        if (h->headers[i].name.n == n && strcasecmp(h->headers[i].name.p, name) == 0 &&
            count++ == 0)
            *ret_value = h->headers[i].value.p;
    return count;
}

static int parse_length(struct response_head *h, const char *value, struct err *err)
{
    size_t n = strlen(value);
    if (n > LENGTH_DIGITS || parse_u64(value, n, &h->length) < 0)
        return bad(err, "Content-Length is not a number");
    h->has_length = true;
    return 0;
}

static int decide_framing(struct response_head *h, bool http10, const char *method, struct err *err)
{
    const char *length = NULL, *coding = NULL;
    size_t lengths = count_headers(h, "Content-Length", &length);
    size_t codings = count_headers(h, "Transfer-Encoding", &coding);
    if (lengths + codings > 1)
        return bad(err, "it says more than once how long its body is");
    if (codings && (http10 || strcasecmp(coding, "chunked") != 0))
        return bad(err, "its Transfer-Encoding is not 'chunked'");
    if (lengths && parse_length(h, length, err) < 0)
        return -1;
    if (strcmp(method, "HEAD") == 0 || h->status < 200 || h->status == 204 || h->status == 304)
        h->framing = FRAMED_EMPTY;
    else if (codings)
        h->framing = FRAMED_CHUNKED;
    else
        h->framing = lengths ? FRAMED_LENGTH : FRAMED_BY_CLOSE;
    return 0;
}

static bool any_has_token(const struct response_head *h, const char *name, const char *token)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < h->header_count; i++)
        if (h->headers[i].name.n == n && strcasecmp(h->headers[i].name.p, name) == 0 &&
            list_has_token(h->headers[i].value.p, token))
            return true;
    return false;
}

static int parse(char *head, size_t n, const char *method, struct response_head *h, struct err *err)
{
    char *at = head, *end = head + n;
    size_t length;
    bool http10 = false;
    char *line = take_line(&at, end, &length);
    if (!line || parse_status(line, length, h, &http10, err) < 0)
        return line ? -1 : bad(err, "it has no lines");
    while ((line = take_line(&at, end, &length)) && length > 0)
        if (parse_header(line, length, h, err) < 0)
            return -1;
    if (!line || at != end)
        return bad(err, "its head does not end with an empty line");
    if (decide_framing(h, http10, method, err) < 0)
        return -1;
    h->keep_alive = !http10 && h->status != 101 && h->framing != FRAMED_BY_CLOSE &&
                    !any_has_token(h, "Connection", "close");
    return 0;
}

/* The status line and the empty one leave room for two more than there are. */
static size_t room_for_headers(const char *head, size_t n)
{
    size_t lines = 0;
    for (const char *at = head, *end = head + n; (at = memchr(at, '\n', (size_t)(end - at))); at++)
        lines++;
    return lines < RESPONSE_HEADERS_MAX ? lines : RESPONSE_HEADERS_MAX;
}

int response_head_parse(char *head, size_t n, const char *method, struct response_head **ret_head,
                        struct err *err)
{
    size_t room = room_for_headers(head, n) * sizeof(struct header);
    struct response_head *h = malloc(sizeof *h + room);
    if (!h)
        return err_memory(err);
    *h = (struct response_head){.header_count = 0};
    if (parse(head, n, method, h, err) < 0) {
        free(h);
        return -1;
    }
    *ret_head = h;
    return 0;
}

const char *response_header(const struct response_head *head, const char *name)
{
    const char *value = NULL;
    (void)count_headers(head, name, &value);
    return value;
}

bool list_has_token(const char *list, const char *token)
{
    size_t n = strlen(token);
    while (list && *list) {
        list += strspn(list, ", \t");
        size_t have = strcspn(list, ", \t");
        if (have == n && strncasecmp(list, token, n) == 0)
            return true;
        list += have;
    }
    return false;
}

/* ---- chunks ---- */

enum {
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_CR,
    CHUNK_LF,
    CHUNK_TRAILER,
    CHUNK_END
};

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void begin_content(struct chunked *c)
{
    c->state = c->left ? CHUNK_DATA : CHUNK_TRAILER;
    c->line_empty = true;
    c->digits = 0;
}

static int take_size(struct chunked *c, char byte)
{
    int value = hex_value(byte);
    if (value >= 0 && c->digits < SIZE_DIGITS) {
        c->left = c->left << 4 | (uint64_t)value;
        c->digits++;
        return 0;
    }
    if (value >= 0 || !c->digits)
        return -1;
    if (byte == '\r')
        c->state = CHUNK_SIZE_LF;
    else if (byte == '\n')
        begin_content(c);
    else if (byte == ';' || byte == ' ' || byte == '\t')
        c->state = CHUNK_EXTENSION;
    else
        return -1;
    return 0;
}

static int take_extension(struct chunked *c, char byte)
{
    if (byte == '\r')
        c->state = CHUNK_SIZE_LF;
    else if (byte == '\n')
        begin_content(c);
    else if (++c->extra > EXTRA_MAX || byte == '\0')
        return -1;
    return 0;
}

/* Trailer fields are dropped line by line; the empty one ends the body. */
static int take_trailer(struct chunked *c, char byte)
{
    if (byte == '\n') {
        if (c->line_empty)
            c->state = CHUNK_END;
        c->line_empty = true;
        return 0;
    }
    if (++c->extra > EXTRA_MAX || byte == '\0')
        return -1;
    if (byte != '\r')
        c->line_empty = false;
    return 0;
}

/* After the content: its line end. */
static int take_line_end(struct chunked *c, char byte)
{
    if (c->state == CHUNK_CR && byte == '\r') {
        c->state = CHUNK_LF;
        return 0;
    }
    c->state = CHUNK_SIZE;
    return byte == '\n' ? 0 : -1;
}

static int take_byte(struct chunked *c, char byte)
{
    switch (c->state) {
    case CHUNK_SIZE:
        return take_size(c, byte);
    case CHUNK_EXTENSION:
        return take_extension(c, byte);
    case CHUNK_SIZE_LF:
        begin_content(c);
        return byte == '\n' ? 0 : -1;
    case CHUNK_CR:
    case CHUNK_LF:
        return take_line_end(c, byte);
    default:
        return take_trailer(c, byte);
    }
}

long chunked_take(struct chunked *c, const char *data, size_t n, struct text *ret_body,
                  bool *ret_end)
{
    size_t used = 0;
    *ret_body = (struct text){data, 0};
    while (used < n && c->state != CHUNK_DATA && c->state != CHUNK_END)
        if (take_byte(c, data[used++]) < 0)
            return -1;
    if (c->state == CHUNK_DATA) {
        size_t run = n - used < c->left ? n - used : (size_t)c->left;
        *ret_body = (struct text){data + used, run};
        used += run;
        c->left -= run;
        if (c->left == 0)
            c->state = CHUNK_CR;
    }
    *ret_end = c->state == CHUNK_END;
    return (long)used;
}
