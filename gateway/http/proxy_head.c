#include "http/proxy_head.h"

#include <string.h>
#include <strings.h>

#include "core/auth.h"
#include "http/credentials.h"
#include "http/pipeline.h"
#include "http/preview.h"
#include "http/public.h"

#define HEAD_CEILING (64 * KIB)
#define HEAD_USUAL   900

/* Most names differ in their first letter. */
static bool is_name(const char *name, const char *wanted)
{
    return ((*name ^ *wanted) & ~0x20) == 0 && strcasecmp(name, wanted) == 0;
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (is_name(name, *names))
            return true;
    return false;
}

bool header_is_hop(const char *name, const char *connection)
{
    static const char *const hops[] = {"Connection",
                                       "Keep-Alive",
                                       "Proxy-Connection",
                                       "Proxy-Authenticate",
                                       "Proxy-Authorization",
                                       "TE",
                                       "Trailer",
                                       "Transfer-Encoding",
                                       "Upgrade",
                                       NULL};
    return is_one_of(name, hops) || list_has_token(connection, name);
}

/* ---- the request ---- */

struct request {
    const struct exchange *ex;
    const struct proxy_options *options;
    bool websocket, keyed;
    const char *connection;
    struct bytes *out;
};

static void add(struct bytes *out, const char *name, const char *value)
{
    (void)bytes_adds(out, name);
    (void)bytes_add(out, ": ", 2);
    (void)bytes_adds(out, value);
    (void)bytes_add(out, "\r\n", 2);
}

/* Written anew below, or nobody's business beyond us. */
static bool is_ours(const struct request *rq, const char *name)
{
    static const char *const ours[] = {"Host",
                                       "Content-Length",
                                       "Expect",
                                       "Cookie",
                                       "X-AIO-API-Key",
                                       PREVIEW_HEADER,
                                       "Forwarded",
                                       "X-Forwarded-For",
                                       "X-Forwarded-Host",
                                       "X-Forwarded-Port",
                                       "X-Forwarded-Proto",
                                       "X-Forwarded-Prefix",
                                       NULL};
    if (is_one_of(name, ours))
        return true;
    if (is_name(name, "Authorization"))
        return rq->keyed;
    return is_name(name, "Origin") && (rq->options->drop_origin || rq->options->origin);
}

static bool is_essential(const char *name)
{
    static const char *const essential[] = {"Accept", "Content-Type", "User-Agent", NULL};
    return is_one_of(name, essential) || strncasecmp(name, "Sec-WebSocket-", 14) == 0;
}

/* A page whose address held a credential names it as where it comes from; and a proxy in front may
 * repeat the address it was asked for. */
static bool repeats_address(const char *name)
{
    static const char *const repeating[] = {"Referer", ORIGINAL_URI, "X-Original-URL", NULL};
    return is_one_of(name, repeating);
}

static void add_address(const struct request *rq, const char *name, const char *value)
{
    (void)bytes_adds(rq->out, name);
    (void)bytes_add(rq->out, ": ", 2);
    target_without_credentials(rq->out, value);
    (void)bytes_add(rq->out, "\r\n", 2);
}

static void pass_headers(const struct request *rq)
{
    size_t n;
    const struct header *headers = exchange_headers(rq->ex, &n);
    for (size_t i = 0; i < n; i++) {
        const char *name = headers[i].name.p;
        if (header_is_hop(name, rq->connection) || is_ours(rq, name) ||
            (rq->options->bare && !is_essential(name)))
            continue;
        if (rq->keyed && repeats_address(name))
            add_address(rq, name, headers[i].value.p);
        else
            add(rq->out, name, headers[i].value.p);
    }
}

static void pass_cookies(const struct request *rq)
{
    cleanup_bytes struct bytes cookies = BYTES_INIT(HEAD_CEILING);
    size_t n;
    const struct header *headers = exchange_headers(rq->ex, &n);
    for (size_t i = 0; i < n; i++)
        if (is_name(headers[i].name.p, "Cookie"))
            cookie_without_ours(&cookies, headers[i].value.p);
    const char *text = bytes_text(&cookies);
    if (text && *text)
        add(rq->out, "Cookie", text);
}

/* A list that may be spread over several headers, each followed by a comma. */
static const char *all_of(const struct exchange *ex, const char *name, struct bytes *list)
{
    size_t n;
    const struct header *headers = exchange_headers(ex, &n);
    for (size_t i = 0; i < n; i++) {
        if (!is_name(headers[i].name.p, name))
            continue;
        (void)bytes_adds(list, headers[i].value.p);
        (void)bytes_add(list, ", ", 2);
    }
    return list->len ? bytes_text(list) : NULL;
}

static void tell_forwarded(const struct request *rq)
{
    cleanup_bytes struct bytes chain = BYTES_INIT(HEAD_CEILING);
    struct public_address a;
    const char *before = all_of(rq->ex, "X-Forwarded-For", &chain);
    public_address_of(rq->ex, &a);
    (void)bytes_adds(rq->out, "X-Forwarded-For: ");
    (void)bytes_adds(rq->out, before ? before : "");
    (void)bytes_adds(rq->out, exchange_peer(rq->ex));
    (void)bytes_adds(rq->out, a.secure ? "\r\nX-Forwarded-Proto: https\r\n"
                                       : "\r\nX-Forwarded-Proto: http\r\n");
    add(rq->out, "X-Forwarded-Host", a.host);
    if (!a.prefix[0] && !rq->options->prefix)
        return;
    (void)bytes_adds(rq->out, "X-Forwarded-Prefix: ");
    (void)bytes_adds(rq->out, a.prefix);
    (void)bytes_adds(rq->out, rq->options->prefix ? rq->options->prefix : "");
    (void)bytes_add(rq->out, "\r\n", 2);
}

static void write_host(const struct request *rq, const struct address *address)
{
    char own[UPSTREAM_HOST_SIZE];
    const char *given = rq->options->keep_host ? exchange_header(rq->ex, "Host") : NULL;
    if (!given)
        upstream_host(address, own);
    add(rq->out, "Host", given ? given : own);
}

static void write_framing(const struct request *rq, const struct proxy_body *body)
{
    if (rq->websocket)
        (void)bytes_adds(rq->out, "Connection: Upgrade\r\nUpgrade: websocket\r\n");
    if (body->present && body->chunked)
        (void)bytes_adds(rq->out, "Transfer-Encoding: chunked\r\n");
    if (!body->present || body->chunked)
        return;
    (void)bytes_adds(rq->out, "Content-Length: ");
    (void)bytes_addu(rq->out, body->length);
    (void)bytes_add(rq->out, "\r\n", 2);
}

int proxy_request_head(const struct exchange *ex, const struct address *address, const char *target,
                       const struct proxy_options *options, bool websocket,
                       const struct proxy_body *body, struct bytes *out, struct err *err)
{
    cleanup_bytes struct bytes connection = BYTES_INIT(HEAD_CEILING);
    struct request rq = {.ex = ex,
                         .options = options,
                         .websocket = websocket,
                         .keyed = pipeline_needs_key(ex),
                         .connection = all_of(ex, "Connection", &connection),
                         .out = out};
    *out = bytes_with_limit(HEAD_CEILING);
    (void)bytes_reserve(out, HEAD_USUAL);
    (void)bytes_adds(out, exchange_method(ex));
    (void)bytes_addc(out, ' ');
    if (rq.keyed)
        target_without_credentials(out, target);
    else
        (void)bytes_adds(out, target);
    (void)bytes_adds(out, " HTTP/1.1\r\n");
    write_host(&rq, address);
    pass_headers(&rq);
    if (options->origin)
        add(out, "Origin", options->origin);
    if (!options->bare) {
        pass_cookies(&rq);
        tell_forwarded(&rq);
    }
    write_framing(&rq, body);
    (void)bytes_adds(out, "\r\n");
    if (!out->failed)
        return 0;
    return out->no_memory
               ? err_memory(err)
               : err_set(err, ERR_TOO_LARGE, "the request's head is too long to pass on");
}

/* ---- the answer ---- */

/* A service must not sign the person in, or out, at the gateway. */
static bool sets_our_cookie(const struct header *h)
{
    const char *value = h->value.p + strspn(h->value.p, " \t");
    return is_name(h->name.p, "Set-Cookie") && auth_cookie_is_ours(value, strcspn(value, "= \t;"));
}

/* Whether the header may lead somewhere below the prefix; then *mount is filled in. */
static bool leads_below(struct exchange *ex, const struct header *h,
                        const struct proxy_place *place, struct public_address *a,
                        struct mount *mount)
{
    if (!is_name(h->name.p, "Location") && !is_name(h->name.p, "Set-Cookie"))
        return false;
    if (!place->prefix && !place->outer)
        return false;
    public_address_of(ex, a);
    if (!place->prefix && !a->prefix[0])
        return false;
    *mount = (struct mount){.outer = a->prefix,
                            .prefix = place->prefix ? place->prefix : "",
                            .host = place->keep_host ? exchange_header(ex, "Host") : NULL,
                            .public = a->host,
                            .port = place->port};
    return true;
}

/* The header's value as the client gets it. */
static const char *moved(struct exchange *ex, const struct header *h,
                         const struct proxy_place *place)
{
    cleanup_bytes struct bytes out = BYTES_INIT(HEAD_CEILING);
    struct public_address a;
    struct mount mount;
    if (!leads_below(ex, h, place, &a, &mount))
        return h->value.p;
    bool done = is_name(h->name.p, "Location") ? mount_location(&mount, h->value.p, &out)
                                               : mount_cookie(&mount, h->value.p, &out);
    const char *text = done ? bytes_text(&out) : NULL;
    const char *copy = text ? arena_copy(exchange_arena(ex), text, out.len) : NULL;
    return copy ? copy : h->value.p;
}

void proxy_reply_headers(struct exchange *ex, const struct response_head *head,
                         const struct proxy_place *place)
{
    struct arena *arena = exchange_arena(ex);
    bool upgrade = head->status == 101;
    const char *connection = response_header(head, "Connection");
    for (size_t i = 0; i < head->header_count; i++) {
        const struct header *h = &head->headers[i];
        bool wanted = upgrade && is_name(h->name.p, "Upgrade");
        if (!wanted && (header_is_hop(h->name.p, connection) ||
                        is_name(h->name.p, "Content-Length") || sets_our_cookie(h)))
            continue;
        const char *name = arena_copy(arena, h->name.p, h->name.n);
        if (name)
            exchange_add_header(ex, name, moved(ex, h, place));
    }
}
