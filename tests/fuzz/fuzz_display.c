/* What the desktop answers. Input: the bytes of its answer. */
#include "fuzz.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/display.h"

static struct loop *loop;
static char path[100];
static int listener;
static int answers;

static void on_done(void *arg, const struct display_status *status, struct bytes *answer,
                    const struct err *err)
{
    (void)arg;
    (void)status;
    HOLDS(answer->len <= DISPLAY_MAX_REPLY);
    HOLDS(!err || err->text[0]);
    answers++;
}

static int is_over(void *arg)
{
    (void)arg;
    return answers;
}

static void forget(void)
{
    (void)unlink(path);
}

static void prepare(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct err err;
    (void)snprintf(path, sizeof path, "/tmp/sandgate-fuzz-display-%d", getpid());
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    (void)unlink(path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) < 0 ||
        listen(listener, 8) < 0 || loop_open(&loop, &err) < 0)
        abort();
    (void)atexit(forget);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct display_call *call;
    struct err err;
    if (!loop)
        prepare();
    struct display_question q = {
        .socket = path, .op = DISPLAY_STATUS, .deadline_ms = 5000, .done = on_done};
    answers = 0;
    if (display_ask(loop, &q, &call, &err) < 0)
        abort();
    int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    (void)send(peer, data, size, MSG_NOSIGNAL);
    (void)shutdown(peer, SHUT_WR);
    loop_drain(loop, is_over, NULL, 10000);
    HOLDS(answers == 1);
    (void)close(peer);
    return 0;
}
