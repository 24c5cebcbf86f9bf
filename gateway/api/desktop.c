#include "api/desktop.h"

#include "api/app.h"
#include "core/supervisor.h"
#include "http/envelope.h"

static void go_on(struct desktop_talk *t)
{
    if (exchange_replied(t->ex))
        exchange_wake(t->ex);
}

static void on_answer(void *arg, const struct display_status *status, struct bytes *answer,
                      const struct err *err)
{
    struct desktop_talk *t = arg;
    struct err why;
    t->call = NULL;
    if (!err) {
        t->answered(t, status, answer);
    } else if (t->failed) {
        why = *err;
        t->failed(t, &why);
    } else {
        reply_error(t->ex, err);
    }
    go_on(t);
}

static void on_park_end(void *arg, enum park_end why)
{
    struct desktop_talk *t = arg;
    (void)why;
    display_cancel(t->call);
    t->call = NULL;
}

static const char *control_socket(const struct exchange *ex)
{
    const struct service *service = supervisor_find(app_of(ex)->supervisor, DESKTOP_SERVICE);
    if (!service)
        return NULL;
    return arena_printf(exchange_arena((struct exchange *)(uintptr_t)ex), "%s/%s",
                        service_run_dir(service), DISPLAY_CONTROL);
}

int desktop_ask(struct desktop_talk *t, enum display_op op, int a, int b, struct bytes *payload,
                uint64_t ms, struct err *err)
{
    struct display_question question = {
        .socket = control_socket(t->ex),
        .op = op,
        .a = a,
        .b = b,
        .deadline_ms = ms,
        .done = on_answer,
        .arg = t,
    };
    if (payload) {
        question.payload = *payload;
        *payload = BYTES_INIT(0);
    }
    if (!question.socket) {
        bytes_done(&question.payload);
        return err_set(err, ERR_UNAVAILABLE, "there is no desktop: it is not among --services");
    }
    if (display_ask(exchange_loop(t->ex), &question, &t->call, err) < 0)
        return -1;
    exchange_park(t->ex, ms + 1000, on_park_end, t);
    return 0;
}
