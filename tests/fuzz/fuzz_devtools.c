/* Chromium's lists of targets, rewritten to the client's address, and its answers to questions.
 * Input: the answer. */
#include "fuzz.h"

#include "base/utf8.h"
#include "http/public.h"

#include "api/devtools.c"

static bool leave(void *arg, struct text name, struct text old, struct bytes *value)
{
    (void)arg;
    (void)name;
    (void)old;
    (void)value;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct rewriting r = {{.secure = true, .host = "box.example", .prefix = "/p"}, "/cdp"};
    struct bytes out = BYTES_INIT(16 * MIB), same = BYTES_INIT(16 * MIB),
                 again = BYTES_INIT(16 * MIB);
    struct err err = ERR_INIT;
    struct text member;
    if (json_edit(text, size, leave, NULL, &same, &err) == 0) {
        HOLDS(same.len == size && (size == 0 || memcmp(same.data, text, size) == 0));
        HOLDS(json_edit(text, size, edit, &r, &out, &err) == 0);
        /* What was rewritten is JSON, and rewritten again it is the same. */
        HOLDS(json_edit(out.data, out.len, edit, &r, &again, &err) == 0);
    } else {
        HOLDS(err.kind == ERR_SYNTAX);
    }
    if (json_member(text, size, "error", &member) == 1)
        HOLDS(member.n > 0 && member.p >= text && member.p + member.n <= text + size);
    bytes_done(&out);
    bytes_done(&same);
    bytes_done(&again);
    return 0;
}
