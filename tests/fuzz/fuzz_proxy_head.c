/* The heads of requests and answers as they are passed on. Input: a line of flags (w: WebSocket, b:
 * bare, h: Host kept, c: chunked, k: a key is needed), the target, headers NAME:VALUE up to an
 * empty line, then the service's head. */
#include "fuzz.h"

#include <strings.h>

#include "http/exchange_internal.h"
#include "http/field_text.h"
#include "http/proxy_head.h"

#define MAX_LINES 40

/* proxy_head.c asks whether credentials are ours to hold back. */
static bool keyed;
bool pipeline_needs_key(const struct exchange *ex);
bool pipeline_needs_key(const struct exchange *ex)
{
    (void)ex;
    return keyed;
}

static void take_headers(struct exchange *ex, const uint8_t **data, size_t *size)
{
    static struct header headers[MAX_LINES];
    ex->headers = headers;
    while (*size) {
        struct text line = take_until(ex->arena, data, size, '\n');
        const uint8_t *at = (const uint8_t *)line.p;
        size_t left = line.n;
        if (left == 0)
            return;
        struct text name = take_until(ex->arena, &at, &left, ':');
        /* The guard has seen them. */
        if (ex->header_count < MAX_LINES && is_token(name.p, name.n) &&
            is_field_value((const char *)at, left))
            headers[ex->header_count++] =
                (struct header){name, {arena_copy(ex->arena, (const char *)at, left), left}};
    }
}

static size_t count_lines(const char *head, const char *name)
{
    size_t count = 0, n = strlen(name);
    for (const char *at = strstr(head, "\r\n"); at; at = strstr(at + 2, "\r\n"))
        count += strncasecmp(at + 2, name, n) == 0 && at[2 + n] == ':';
    return count;
}

/* One request, framed once, with no credential of ours in it. */
static void check_request(const struct exchange *ex, const char *target, const char *flags)
{
    const struct address address = {.port = 3000};
    struct proxy_options options = {
        .keep_host = strchr(flags, 'h'), .bare = strchr(flags, 'b'), .prefix = "/proxy/3000"};
    struct proxy_body body = {.present = true, .chunked = strchr(flags, 'c'), .length = 7};
    struct bytes out;
    struct err err;
    int r =
        proxy_request_head(ex, &address, target, &options, strchr(flags, 'w'), &body, &out, &err);
    const char *head = r == 0 ? bytes_text(&out) : NULL;
    if (head) {
        const char *end = strstr(head, "\r\n\r\n");
        HOLDS(end && end + 4 == head + out.len && strlen(head) == out.len);
        for (const char *at = head; (at = strchr(at, '\n')); at++)
            HOLDS(at > head && at[-1] == '\r');
        HOLDS(count_lines(head, "Host") == 1);
        HOLDS(count_lines(head, "Content-Length") + count_lines(head, "Transfer-Encoding") == 1);
        HOLDS(count_lines(head, "X-AIO-API-Key") == 0 && count_lines(head, "Expect") == 0);
        HOLDS(count_lines(head, "Upgrade") == (strchr(flags, 'w') ? 1 : 0));
        HOLDS(!keyed || count_lines(head, "Authorization") == 0);
    }
    bytes_done(&out);
}

static void check_reply(struct exchange *ex, char *text, size_t n)
{
    const struct proxy_place place = {.prefix = "/proxy/3000", .keep_host = true, .port = 3000};
    struct response_head *head;
    struct err err;
    long end = response_head_length(text, n);
    if (end <= 0 || response_head_parse(text, (size_t)end, "GET", &head, &err) < 0)
        return;
    proxy_reply_headers(ex, head, &place);
    free(head);
    for (size_t i = 0; i < ex->reply.header_count; i++) {
        const struct reply_header *h = &ex->reply.headers[i];
        HOLDS(*h->name && !strpbrk(h->name, "\r\n: ") && !strpbrk(h->value, "\r\n"));
        HOLDS(strcasecmp(h->name, "Content-Length") != 0);
        HOLDS(strcasecmp(h->name, "Transfer-Encoding") != 0 &&
              strcasecmp(h->name, "Connection") != 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct server server;
    struct exchange ex = {.magic = EXCHANGE_MAGIC, .server = &server, .arena = arena_new()};
    if (!ex.arena)
        abort();
    struct text flags = take_until(ex.arena, &data, &size, '\n');
    struct text target = take_until(ex.arena, &data, &size, '\n');
    ex.method = (struct text){"POST", 4};
    keyed = strchr(flags.p, 'k');
    take_headers(&ex, &data, &size);
    /* The router has seen it. */
    if (target.p[0] == '/' && strlen(target.p) == target.n && !strpbrk(target.p, " \t\r"))
        check_request(&ex, target.p, flags.p);
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    check_reply(&ex, text, size);
    free(text);
    arena_free(ex.arena);
    return 0;
}
