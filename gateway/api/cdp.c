#include "api/cdp.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_walk.h"
#include "base/jsonw.h"
#include "base/mem.h"

/* Chromium answers with whole pictures in base64. */
#define MESSAGE_MAX (64 * MIB)
#define ID          "1"

struct cdp_call {
    struct ws *ws;
    struct timer *deadline;
    struct bytes question;
    void (*done)(void *arg, const char *result, size_t n, const struct err *err);
    void *arg;
};

static void call_free(struct cdp_call *c)
{
    ws_abandon(c->ws);
    timer_close(c->deadline);
    bytes_done(&c->question);
    free(c);
}

static void fail(struct cdp_call *c, enum err_kind kind, const char *text)
{
    struct err err;
    (void)err_set(&err, kind, "%s", text);
    c->done(c->arg, NULL, 0, &err);
    call_free(c);
}

static void on_opened(void *arg, struct ws *ws)
{
    (void)arg;
    ws_want_write(ws);
}

static void on_writable(void *arg)
{
    struct cdp_call *c = arg;
    if (!c->question.len)
        return;
    if (ws_send(c->ws, c->question.data, c->question.len) < 0)
        return; /* closed follows */
    bytes_done(&c->question);
}

/* {"code":-32000,"message":"…"} */
static void refuse(struct cdp_call *c, struct text error)
{
    cleanup_bytes struct bytes text = BYTES_INIT(1 * KIB);
    struct text message;
    (void)bytes_adds(&text, "the browser refused: ");
    if (json_member(error.p, error.n, "message", &message) != 1 || message.p[0] != '"' ||
        json_unescape(message, &text) < 0) {
        bytes_clear(&text);
        (void)bytes_adds(&text, "the browser refused");
    }
    const char *said = bytes_text(&text);
    fail(c, ERR_UNAVAILABLE, said ? said : "the browser refused");
}

static void on_message(void *arg, const char *data, size_t n, bool binary)
{
    struct cdp_call *c = arg;
    struct text id, result;
    (void)binary;
    /* Events have no id. */
    int found = json_member(data, n, "id", &id);
    if (found < 0) {
        fail(c, ERR_UNAVAILABLE, "the browser sent what is not JSON");
        return;
    }
    if (found == 0 || id.n != strlen(ID) || memcmp(id.p, ID, id.n) != 0)
        return;
    if (json_member(data, n, "error", &result) == 1) {
        refuse(c, result);
    } else if (json_member(data, n, "result", &result) == 1) {
        c->done(c->arg, result.p, result.n, NULL);
        call_free(c);
    } else {
        fail(c, ERR_UNAVAILABLE, "the browser gave neither a result nor an error");
    }
}

static void on_closed(void *arg)
{
    struct cdp_call *c = arg;
    c->ws = NULL;
    fail(c, ERR_UNAVAILABLE, "the browser closed the connection without an answer");
}

static void on_deadline(void *arg)
{
    fail(arg, ERR_TIMEOUT, "the browser did not answer in time");
}

static void write_question(struct cdp_call *c, const struct cdp_spec *spec)
{
    struct jsonw w = jsonw_on(&c->question);
    jsonw_object(&w);
    jsonw_key(&w, "id");
    jsonw_raw(&w, ID);
    jsonw_kstr(&w, "method", spec->method);
    jsonw_key(&w, "params");
    jsonw_raw(&w, spec->params ? spec->params : "{}");
    jsonw_object_end(&w);
}

static int begin(struct cdp_call *c, const struct cdp_spec *spec, struct err *err)
{
    static const struct ws_hooks hooks = {on_opened, on_message, on_writable, on_closed};
    const struct ws_target target = {.address = spec->address,
                                     .path = spec->path,
                                     .max_message = MESSAGE_MAX,
                                     .deadline_ms = spec->deadline_ms};
    write_question(c, spec);
    if (!bytes_text(&c->question))
        return err_set(err, ERR_TOO_LARGE, "the question to the browser is too long");
    if (timer_open(ws_loop(spec->ws), on_deadline, c, &c->deadline, err) < 0)
        return -1;
    timer_set(c->deadline, spec->deadline_ms);
    return ws_connect(spec->ws, &target, &hooks, c, &c->ws, err);
}

int cdp_call(const struct cdp_spec *spec, struct cdp_call **ret_call, struct err *err)
{
    struct cdp_call *c = calloc(1, sizeof *c);
    if (!c)
        return err_memory(err);
    c->question = bytes_with_limit(1 * MIB);
    c->done = spec->done;
    c->arg = spec->arg;
    if (begin(c, spec, err) < 0) {
        call_free(c);
        return -1;
    }
    *ret_call = c;
    return 0;
}

void cdp_cancel(struct cdp_call *c)
{
    if (c)
        call_free(c);
}
