/* What a terminal's client says, and what its programs write as plain text. Input: a line with a
 * message, then output. */
#include "fuzz.h"

#include "base/json_walk.h"
#include "base/utf8.h"
#include "core/shell_sessions.h"
#include "core/terminal_text.h"
#include "http/ws.h"

/* Nobody is at the other end. */
#define ws_want_write(ws)             ((void)(ws))
#define ws_close(ws, status, reason)  ((void)(ws), (void)(status), (void)(reason))
#define shell_session_find(table, id) ((void)(table), (void)(id), (struct shell_session *)NULL)

#include "api/terminal.c"

static void check_answers(struct terminal *t)
{
    while (t->control.len) {
        uint32_t n;
        struct text type;
        HOLDS(t->control.len >= sizeof n);
        memcpy(&n, t->control.data, sizeof n);
        HOLDS(t->control.len >= sizeof n + n);
        HOLDS(json_member(t->control.data + sizeof n, n, "type", &type) == 1);
        HOLDS(utf8_valid(t->control.data + sizeof n, n));
        bytes_consume(&t->control, sizeof n + n);
    }
}

static void check_text(const char *raw, size_t n)
{
    struct bytes out = BYTES_INIT(1 * MIB), again = BYTES_INIT(1 * MIB);
    terminal_text(raw, n, &out);
    HOLDS(!out.failed && out.len <= n);
    for (size_t i = 0; i < out.len; i++)
        HOLDS(out.data[i] != 0x1b &&
              (out.data[i] != '\r' ||
               (i + 1 < out.len && out.data[i + 1] != 0x0d && out.data[i + 1] != 0x0a)));
    terminal_text(out.data, out.len, &again);
    HOLDS(again.len == out.len && (!out.len || memcmp(again.data, out.data, out.len) == 0));
    bytes_done(&out);
    bytes_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct app app;
    struct terminal t = {.app = &app};
    struct arena *arena = arena_new();
    if (!arena)
        abort();
    t.control = bytes_with_limit(CONTROL_CEILING);
    t.held = bytes_with_limit(16);
    t.json = bytes_with_limit(MESSAGE_CEILING);
    struct text message = take_until(arena, &data, &size, '\n');
    on_message(&t, message.p, message.n, false);
    check_answers(&t);
    check_text((const char *)data, size);
    bytes_done(&t.control);
    bytes_done(&t.held);
    bytes_done(&t.json);
    arena_free(arena);
    return 0;
}
