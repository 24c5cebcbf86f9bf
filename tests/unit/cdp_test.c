/* Questions to a stand-in for Chromium; run from the repository's root. */
#include "api/cdp.h"

#include "base/json_walk.h"
#include "check.h"
#include "fake.h"

static struct loop *loop;
static struct ws_context *ws;
static struct address port, path, nobody;

struct outcome {
    bool done;
    char result[512];
    size_t n;
    struct err err;
};

static void on_done(void *arg, const char *result, size_t n, const struct err *err)
{
    struct outcome *o = arg;
    CHECK(!o->done);
    o->done = true;
    o->n = n;
    if (err)
        o->err = *err;
    else
        (void)snprintf(o->result, sizeof o->result, "%.*s", (int)n, result);
}

static int is_done(void *arg)
{
    return ((struct outcome *)arg)->done;
}

static int never(void *arg)
{
    (void)arg;
    return 0;
}

static struct outcome ask(const struct address *address, const char *method, const char *params,
                          uint64_t deadline_ms)
{
    static struct outcome o;
    struct cdp_call *call;
    struct err err = ERR_INIT;
    const struct cdp_spec spec = {.ws = ws,
                                  .address = address,
                                  .path = "/devtools/cdp/1",
                                  .method = method,
                                  .params = params,
                                  .deadline_ms = deadline_ms,
                                  .done = on_done,
                                  .arg = &o};
    o = (struct outcome){.err = ERR_INIT};
    if (cdp_call(&spec, &call, &err) < 0) {
        CHECK(!o.done);
        o.done = true;
        o.err = err;
        return o;
    }
    CHECK(!o.done);
    loop_drain(loop, is_done, &o, 10000);
    CHECK(o.done);
    return o;
}

static void one_question_one_answer(void)
{
    struct outcome o = ask(&port, "Page.get", "{\"a\":[1,\"}\"]}", 5000);
    CHECK(o.err.kind == ERR_NONE);
    CHECK_TEXT(o.result, "{\"asked\": {\"id\": 1, \"method\": \"Page.get\", \"params\": {\"a\": "
                         "[1, \"}\"]}}}");
    o = ask(&port, "Page.none", NULL, 5000);
    CHECK_TEXT(o.result, "{\"asked\": {\"id\": 1, \"method\": \"Page.none\", \"params\": {}}}");
}

static void over_a_unix_socket(void)
{
    struct outcome o = ask(&path, "Page.get", NULL, 5000);
    CHECK(o.err.kind == ERR_NONE && strstr(o.result, "Page.get"));
}

static void great_answers(void)
{
    size_t n = 4 << 20;
    char *params = malloc(n + 16);
    memcpy(params, "{\"a\":\"", 6);
    memset(params + 6, 'x', n);
    memcpy(params + 6 + n, "\"}", 3);
    struct outcome o = ask(&port, "Page.get", params, 10000);
    CHECK(o.err.kind == ERR_TOO_LARGE); /* of the question */
    params[6 + 900000] = '"';
    params[6 + 900001] = '}';
    params[6 + 900002] = '\0';
    o = ask(&port, "Page.get", params, 10000);
    CHECK(o.err.kind == ERR_NONE && o.n > 900000);
    free(params);
}

static void a_refusal_says_why(void)
{
    struct outcome o = ask(&port, "refuse", NULL, 5000);
    CHECK(o.err.kind == ERR_UNAVAILABLE);
    CHECK_TEXT(o.err.text, "the browser refused: No such \"target\"");
}

static void a_page_that_hangs(void)
{
    uint64_t before = loop_clock();
    struct outcome o = ask(&port, "hang", NULL, 300);
    CHECK(o.err.kind == ERR_TIMEOUT);
    CHECK(loop_clock() - before >= 290 && loop_clock() - before < 2000);
}

static void a_browser_that_crashes(void)
{
    struct outcome o = ask(&port, "crash", NULL, 5000);
    CHECK(o.err.kind == ERR_UNAVAILABLE && o.err.text[0]);
}

static void nobody_listens(void)
{
    CHECK(ask(&nobody, "Page.get", NULL, 3000).err.kind == ERR_UNAVAILABLE);
    struct address gone = {.path = "/nonexistent/socket"};
    CHECK(ask(&gone, "Page.get", NULL, 3000).err.kind == ERR_UNAVAILABLE);
}

static void begin_and_cancel(uint64_t run_ms)
{
    struct outcome o = {.err = ERR_INIT};
    struct cdp_call *call;
    struct err err = ERR_INIT;
    const struct cdp_spec spec = {.ws = ws,
                                  .address = &port,
                                  .path = "/devtools/cdp/1",
                                  .method = "hang",
                                  .deadline_ms = 200,
                                  .done = on_done,
                                  .arg = &o};
    CHECK(cdp_call(&spec, &call, &err) == 0);
    loop_drain(loop, never, NULL, run_ms);
    if (!o.done)
        cdp_cancel(call);
    loop_drain(loop, never, NULL, 300);
    CHECK(!o.done);
}

static void a_cancelled_one_is_silent(void)
{
    begin_and_cancel(0);
    begin_and_cancel(100);
    cdp_cancel(NULL);
}

int main(void)
{
    struct err err = ERR_INIT;
    char socket[] = "/tmp/sandgate-cdp-XXXXXX";
    (void)signal(SIGPIPE, SIG_IGN);
    if (!mkdtemp(socket) || loop_open(&loop, &err) < 0 || ws_context_open(loop, &ws, &err) < 0)
        return 1;
    port.port = fake_free_port();
    nobody.port = fake_free_port();
    (void)snprintf(path.path, sizeof path.path, "%s/socket", socket);
    pid_t browser = fake_start("browser", &port), desktop = fake_start("desktop", &path);
    if (browser <= 0 || desktop <= 0)
        return 1;
    RUN(one_question_one_answer);
    RUN(over_a_unix_socket);
    RUN(great_answers);
    RUN(a_refusal_says_why);
    RUN(a_page_that_hangs);
    RUN(a_browser_that_crashes);
    RUN(nobody_listens);
    RUN(a_cancelled_one_is_silent);
    fake_stop(browser);
    fake_stop(desktop);
    (void)unlink(path.path);
    (void)rmdir(socket);
    ws_context_close(ws);
    loop_close(loop);
    return CHECK_DONE();
}
