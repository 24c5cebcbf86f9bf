#include "http/envelope.h"

#include <errno.h>
#include <string.h>

#include "http/exchange_internal.h"

#define JSON_TYPE "application/json"

/* What failed for want of room, and may work again when there is some. */
static unsigned status_of_errno(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return 507;
    case EMFILE:
    case ENFILE:
    case EAGAIN:
    case ENOMEM:
    case ENOBUFS:
        return 503;
    default:
        return 500;
    }
}

unsigned status_of(const struct err *err)
{
    static const unsigned statuses[] = {
        [ERR_NONE] = 500,         [ERR_SYNTAX] = 400,    [ERR_INVALID] = 422,
        [ERR_UNAUTHORIZED] = 401, [ERR_FORBIDDEN] = 403, [ERR_NOT_FOUND] = 404,
        [ERR_METHOD] = 405,       [ERR_CONFLICT] = 409,  [ERR_TOO_LARGE] = 413,
        [ERR_UNSUPPORTED] = 415,  [ERR_LIMIT] = 429,     [ERR_TIMEOUT] = 504,
        [ERR_UNAVAILABLE] = 503,  [ERR_MEMORY] = 503,    [ERR_INTERNAL] = 500,
        [ERR_UPSTREAM] = 502,
    };
    if (err->kind == ERR_SYSTEM)
        return status_of_errno(err->sys);
    return (size_t)err->kind < COUNT_OF(statuses) ? statuses[err->kind] : 500;
}

static struct jsonw *begin(struct exchange *ex, bool success, const char *message)
{
    struct jsonw *w = &ex->writer;
    bytes_clear(&ex->out);
    *w = jsonw_on(&ex->out);
    ex->record.failed = !success;
    jsonw_object(w);
    jsonw_kbool(w, "success", success);
    jsonw_kstr(w, "message", message);
    jsonw_key(w, "data");
    return w;
}

struct jsonw *reply_begin(struct exchange *ex, const char *message)
{
    return begin(ex, true, message);
}

struct jsonw *reply_begin_failure(struct exchange *ex, const char *message)
{
    return begin(ex, false, message);
}

void reply_write_hint(struct exchange *ex, struct jsonw *w)
{
    jsonw_key(w, "hint");
    if (!ex->hint && !ex->unknown.len) {
        jsonw_null(w);
        return;
    }
    jsonw_string_begin(w);
    if (ex->hint)
        jsonw_piece(w, ex->hint, strlen(ex->hint));
    if (ex->hint && ex->unknown.len)
        jsonw_piece(w, "; ", 2);
    if (ex->unknown.len) {
        static const char lead[] = "unknown fields ignored: ";
        jsonw_piece(w, lead, sizeof lead - 1);
        jsonw_piece(w, ex->unknown.data, ex->unknown.len);
    }
    jsonw_string_end(w);
}

static void finish(struct exchange *ex, unsigned status)
{
    static const char too_large[] =
        "{\"success\":false,\"message\":\"the answer is larger than the "
        "gateway sends in one piece\",\"data\":null,\"hint\":null}";
    static const char no_memory[] = "{\"success\":false,\"message\":\"out of memory\","
                                    "\"data\":null,\"hint\":null}";
    struct jsonw *w = &ex->writer;
    reply_write_hint(ex, w);
    jsonw_object_end(w);
    if (ex->out.no_memory)
        exchange_reply_static(ex, 503, JSON_TYPE, no_memory, sizeof no_memory - 1);
    else if (ex->out.failed)
        exchange_reply_static(ex, 500, JSON_TYPE, too_large, sizeof too_large - 1);
    else
        exchange_reply(ex, status, JSON_TYPE, &ex->out);
}

void reply_end(struct exchange *ex)
{
    finish(ex, 200);
}

void reply_message(struct exchange *ex, const char *message)
{
    jsonw_null(reply_begin(ex, message));
    reply_end(ex);
}

void reply_hint(struct exchange *ex, const char *hint)
{
    ex->hint = arena_copy(ex->arena, hint, strlen(hint));
}

/* FastAPI's shape, which the SDKs of the incumbent parse for status 422. */
static void write_detail(struct jsonw *w, const struct err *err)
{
    jsonw_key(w, "detail");
    jsonw_array(w);
    jsonw_object(w);
    jsonw_key(w, "loc");
    jsonw_array(w);
    jsonw_str(w, "body");
    /* "resolution.width" is two steps down. */
    for (const char *at = err->field; *at; at += *at == '.') {
        size_t n = strcspn(at, ".");
        jsonw_text(w, at, n);
        at += n;
    }
    jsonw_array_end(w);
    jsonw_kstr(w, "msg", err->text);
    jsonw_kstr(w, "type", "value_error");
    jsonw_object_end(w);
    jsonw_array_end(w);
}

void reply_error(struct exchange *ex, const struct err *err)
{
    struct jsonw *w = begin(ex, false, err->text);
    jsonw_null(w);
    if (err->kind == ERR_INVALID)
        write_detail(w, err);
    finish(ex, status_of(err));
}

void reply_json(struct exchange *ex, unsigned status, struct bytes *json)
{
    exchange_reply(ex, status, JSON_TYPE, json);
}
