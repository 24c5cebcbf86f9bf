/* A service's answer: its head, and its body when that is in chunks, taken in pieces whose size the
 * first byte says. */
#include "fuzz.h"

#include <strings.h>

#include "http/response_head.h"

static void check_head(const struct response_head *head, const char *from, size_t n)
{
    size_t lengths = 0, codings = 0;
    HOLDS(head->status >= 100 && head->status <= 599);
    HOLDS(head->header_count <= RESPONSE_HEADERS_MAX);
    for (size_t i = 0; i < head->header_count; i++) {
        struct text name = head->headers[i].name, value = head->headers[i].value;
        HOLDS(name.p >= from && value.p + value.n <= from + n);
        HOLDS(strlen(name.p) == name.n && strlen(value.p) == value.n && name.n > 0);
        HOLDS(!strpbrk(name.p, " \t:\r\n") && !strpbrk(value.p, "\r\n"));
        lengths += strcasecmp(name.p, "Content-Length") == 0;
        codings += strcasecmp(name.p, "Transfer-Encoding") == 0;
    }
    HOLDS(lengths + codings <= 1);
    HOLDS(head->has_length == (lengths == 1));
    HOLDS(head->framing != FRAMED_LENGTH || lengths == 1);
    HOLDS(head->framing != FRAMED_CHUNKED || codings == 1);
    HOLDS(!head->keep_alive || head->framing != FRAMED_BY_CLOSE);
}

/* However it is cut, the content is the same. */
static long take_all(const char *data, size_t n, size_t step, char *body, size_t *ret_body_n)
{
    struct chunked c = {0};
    size_t at = 0, have = 0;
    bool end = false;
    while (at < n && !end) {
        struct text piece;
        size_t give = n - at < step ? n - at : step;
        long used = chunked_take(&c, data + at, give, &piece, &end);
        if (used < 0)
            return -1;
        HOLDS((used > 0 || end) && (size_t)used <= give);
        HOLDS(piece.p >= data + at && piece.p + piece.n <= data + at + give);
        memcpy(body + have, piece.p, piece.n);
        have += piece.n;
        at += (size_t)used;
    }
    *ret_body_n = have;
    return end ? (long)at : 0;
}

static void check_chunks(const char *data, size_t n, size_t step)
{
    size_t whole_n = 0, cut_n = 0;
    char *whole = malloc(n + 1), *cut = malloc(n + 1);
    if (whole && cut) {
        long a = take_all(data, n, n, whole, &whole_n), b = take_all(data, n, step, cut, &cut_n);
        HOLDS(a == b);
        HOLDS(a < 0 || (whole_n == cut_n && memcmp(whole, cut, whole_n) == 0));
    }
    free(whole);
    free(cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct response_head *head;
    struct err err = ERR_INIT;
    if (size < 2)
        return 0;
    const char *method = data[0] & 0x80 ? "HEAD" : "GET";
    size_t step = (data[0] & 0x7f) + 1, n = size - 1;
    char *text = malloc(n);
    if (!text)
        return 0;
    memcpy(text, data + 1, n);
    long end = response_head_length(text, n);
    HOLDS(end >= -1 && end <= (long)n);
    if (end > 0) {
        if (response_head_parse(text, (size_t)end, method, &head, &err) == 0) {
            check_head(head, text, (size_t)end);
            free(head);
        } else {
            HOLDS(err.kind == ERR_UNAVAILABLE && err.text[0]);
        }
        if ((size_t)end < n)
            check_chunks(text + end, n - (size_t)end, step);
    }
    free(text);
    return 0;
}
