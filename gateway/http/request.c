/* The request target: split, percent-decoded, checked (RFC 9112 section 3.2.1, origin-form). */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "http/exchange_internal.h"

static bool plain_target(const char *target)
{
    for (const unsigned char *p = (const unsigned char *)target; *p; p++)
        if (*p <= 0x20 || *p == 0x7f || *p == '#')
            return false;
    return target[0] == '/';
}

static int decode_text(struct exchange *ex, const char *raw, size_t n, bool plus,
                       struct text *ret_text)
{
    char *copy = arena_copy(ex->arena, raw, n);
    if (!copy)
        ex->no_memory = true;
    long length = copy ? percent_decode(copy, n, plus) : -1;
    if (length < 0 || memchr(copy, '\0', (size_t)length) || !utf8_valid(copy, (size_t)length))
        return -1;
    *ret_text = (struct text){copy, (size_t)length};
    return 0;
}

static int add_pair(struct exchange *ex, const char *raw, size_t n)
{
    const char *equals = memchr(raw, '=', n);
    size_t name = equals ? (size_t)(equals - raw) : n;
    if (n == 0)
        return 0;
    if (ex->query_count == MAX_QUERY_PAIRS)
        return -1;
    struct text_pair *pair = &ex->query[ex->query_count];
    if (decode_text(ex, raw, name, true, &pair->name) < 0)
        return -1;
    ex->query_count++;
    if (decode_text(ex, equals ? equals + 1 : "", equals ? n - name - 1 : 0, true, &pair->value) <
        0) {
        pair->value = (struct text){"", 0};
        ex->bad_query = pair->name.p;
    }
    return 0;
}

/* Pairs that cannot be had are passed over: where they are not ours to read they do no harm. */
static int parse_query(struct exchange *ex, const char *query)
{
    int r = 0;
    ex->query = arena_alloc(ex->arena, MAX_QUERY_PAIRS * sizeof *ex->query);
    if (!ex->query) {
        ex->no_memory = true;
        return -1;
    }
    while (*query) {
        size_t n = strcspn(query, "&");
        if (add_pair(ex, query, n) < 0)
            r = 1;
        query += n + (query[n] == '&');
    }
    return r;
}

int request_parse_target(struct exchange *ex, const char *target)
{
    size_t n = strlen(target), path = strcspn(target, "?");
    char *copy = arena_copy(ex->arena, target, n);
    if (!copy)
        return -1;
    ex->target = (struct text){copy, n};
    ex->path = ex->raw_path = (struct text){arena_copy(ex->arena, target, path), path};
    if (!ex->raw_path.p || !plain_target(target))
        return -1;
    int bad_path = decode_text(ex, target, path, false, &ex->path) < 0;
    int bad_query = target[path] == '?' ? parse_query(ex, target + path + 1) : 0;
    return bad_query < 0 ? -1 : bad_path || bad_query;
}

/* MHD 0.9.75 reads leniently what RFC 9112 sections 2.2 and 5.2 would have refused: bare line
 * feeds, folded lines (whose rest it appends to the name), NULs, lines without a name. But it
 * parses in place, and puts a NUL over each CR and LF: so each header must begin right after the
 * two bytes that end the one before, and a value right after its name and colon. Whatever does not
 * lie like that was not read as it was written. (Later versions refuse these themselves.) */
bool request_read_as_written(const struct exchange *ex, const char *version, const char *end)
{
    if ((uintptr_t)version != (uintptr_t)ex->raw_target + ex->target.n + 1)
        return false;
    uintptr_t next = (uintptr_t)version + strlen(version) + 2;
    for (size_t i = 0; i < ex->header_count; i++) {
        const struct header *h = &ex->headers[i];
        uintptr_t value = (uintptr_t)h->name.p + h->name.n + 1;
        if ((uintptr_t)h->name.p != next || (uintptr_t)h->value.p < value)
            return false;
        for (; value < (uintptr_t)h->value.p; value++)
            if (*(const char *)value != ' ' && *(const char *)value != '\t')
                return false;
        if (h->value.p[h->value.n + 1] != '\0')
            return false;
        next = (uintptr_t)h->value.p + h->value.n + 2;
    }
    /* The empty line, and no NUL before it that would look like one. */
    const char *empty = (const char *)next;
    return empty + 2 == end && empty[0] == '\0' && empty[1] == '\0';
}

/* inet_ntop(3) takes its time, and this is asked for with every request. */
static void write_ipv4(const struct sockaddr_in *from, char *out)
{
    const unsigned char *byte = (const unsigned char *)&from->sin_addr;
    for (size_t i = 0; i < 4; i++) {
        if (i)
            *out++ = '.';
        if (byte[i] >= 100)
            *out++ = (char)('0' + byte[i] / 100);
        if (byte[i] >= 10)
            *out++ = (char)('0' + byte[i] / 10 % 10);
        *out++ = (char)('0' + byte[i] % 10);
    }
    *out = '\0';
}

void request_set_peer(struct exchange *ex, const struct sockaddr *from)
{
    if (from->sa_family == AF_INET)
        write_ipv4((const struct sockaddr_in *)(const void *)from, ex->peer);
    else if (from->sa_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr,
                        ex->peer, sizeof ex->peer);
}

static bool has_body(const struct exchange *ex)
{
    return ex->declared > 0 || exchange_header(ex, "Transfer-Encoding") != NULL;
}

/* Which phase follows the pipeline's verdict. Replying before the body was read makes MHD close the
 * connection, so a small unwanted body is dropped first. */
enum phase request_phase_after_head(struct exchange *ex, enum head_verdict verdict)
{
    bool body = has_body(ex);
    switch (verdict) {
    case HEAD_BODY:
        return body ? PHASE_BODY : PHASE_NO_BODY;
    case HEAD_STREAM:
        return ex->parked ? PHASE_AWAIT : PHASE_SINK;
    case HEAD_RUN:
        return body ? PHASE_BODY : PHASE_NO_BODY;
    case HEAD_REFUSE:
        break;
    }
    bool boundless = body && (ex->declared < 0 || ex->declared > (int64_t)DRAIN_CEILING);
    return ex->reply.close || ex->reply.status == 413 || boundless ? PHASE_RUN : PHASE_DRAIN;
}

/* Whose turn it is. What is passed on to an app comes and goes at the app's pace. */
enum conn_state request_conn_state(const struct exchange *ex)
{
    bool passed_on = ex->route && route_takes_any(ex->route);
    if (ex->phase == PHASE_SENT)
        return ex->reply.kind == REPLY_UPGRADE ? CONN_FOREIGN
               : passed_on                     ? CONN_WORKING
                                               : CONN_ANSWER;
    bool body = ex->phase == PHASE_BODY || ex->phase == PHASE_SINK || ex->phase == PHASE_DRAIN;
    return body && !(passed_on && ex->phase == PHASE_SINK) ? CONN_BODY : CONN_WORKING;
}

bool request_awaits(struct exchange *ex)
{
    if (ex->phase != PHASE_AWAIT || ex->parked)
        return ex->phase == PHASE_AWAIT;
    ex->phase = exchange_replied(ex) ? PHASE_DRAIN : PHASE_SINK;
    conn_enter(&ex->server->patience, ex->conn, request_conn_state(ex));
    return false;
}

void request_drop_sink(struct exchange *ex)
{
    if (ex->sink_open && ex->sink->abort)
        ex->sink->abort(ex);
    ex->sink_open = false;
}

const char *exchange_method(const struct exchange *ex)
{
    return ex->method.p;
}

struct text exchange_target(const struct exchange *ex)
{
    return ex->target;
}

struct text exchange_raw_path(const struct exchange *ex)
{
    return ex->raw_path;
}

struct text exchange_path(const struct exchange *ex)
{
    return ex->path;
}

const struct text_pair *exchange_query(const struct exchange *ex, size_t *ret_n)
{
    *ret_n = ex->query_count;
    return ex->query;
}

const char *exchange_query_value(const struct exchange *ex, const char *name)
{
    for (size_t i = 0; i < ex->query_count; i++)
        if (strcmp(ex->query[i].name.p, name) == 0)
            return ex->query[i].value.p;
    return NULL;
}

const struct header *exchange_headers(const struct exchange *ex, size_t *ret_n)
{
    *ret_n = ex->header_count;
    return ex->headers;
}

const char *exchange_header(const struct exchange *ex, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < ex->header_count; i++)
        if (ex->headers[i].name.n == n && strcasecmp(ex->headers[i].name.p, name) == 0)
            return ex->headers[i].value.p;
    return NULL;
}

bool exchange_http10(const struct exchange *ex)
{
    return ex->http10;
}

int64_t exchange_declared_length(const struct exchange *ex)
{
    return ex->declared;
}

struct text exchange_body(const struct exchange *ex)
{
    return (struct text){ex->body.data, ex->body.len};
}

struct arena *exchange_arena(struct exchange *ex)
{
    return ex->arena;
}

const void *exchange_input(const struct exchange *ex)
{
    return ex->input;
}

const char *exchange_param(const struct exchange *ex, const char *name)
{
    for (size_t i = 0; i < ex->params.n; i++)
        if (ex->params.items[i].name_n == strlen(name) &&
            memcmp(ex->params.items[i].name, name, ex->params.items[i].name_n) == 0)
            return arena_copy(ex->arena, ex->params.items[i].value.p, ex->params.items[i].value.n);
    return NULL;
}

void *exchange_app(const struct exchange *ex)
{
    return ex->server->hooks.app;
}

struct loop *exchange_loop(const struct exchange *ex)
{
    return ex->server->loop;
}

const char *exchange_peer(const struct exchange *ex)
{
    return ex->peer;
}

void exchange_set_state(struct exchange *ex, void *state)
{
    ex->state = state;
}

void *exchange_state(const struct exchange *ex)
{
    return ex->state;
}
