#include "core/kernel_message.h"

#include "check.h"

static struct err err;

#define TEXT(literal) ((struct text){(literal), sizeof(literal) - 1})

/* Made with Python's hmac module over the four dictionaries below. */
#define SIGNATURE "99394d4b4ebd31f8823818db5a7ad9f80e8203f859de9b579c5b5c4139b8c5ef"

static void what_is_made_can_be_read(void)
{
    struct kernel_outgoing out;
    struct kernel_message in;
    CHECK(kernel_message_make("key", "me", "execute_request", TEXT("{\"code\":\"1\"}"), &out,
                              &err) == 0);
    CHECK(kernel_message_parse("key", out.parts, KERNEL_PARTS, &in, &err) == 0);
    CHECK(kernel_text_is(in.type, "execute_request") && in.parent.n == 0);
    CHECK(kernel_text_is(in.content, "{\"code\":\"1\"}"));
    CHECK(kernel_message_parse("other", out.parts, KERNEL_PARTS, &in, &err) < 0);
    CHECK(err.kind == ERR_SYNTAX);
    kernel_message_done(&out);
}

static struct text kernels[] = {
    {"kernel.x.status", 15},
    {"<IDS|MSG>", 9},
    {SIGNATURE, 64},
    {"{\"msg_id\":\"b\",\"msg_type\":\"status\"}", 34},
    {"{\"msg_id\":\"a\"}", 14},
    {"{}", 2},
    {"{\"execution_state\":\"idle\",\"n\":7}", 32},
    {"a buffer", 8},
};

static void reads_what_a_kernel_sends(void)
{
    struct kernel_message m;
    struct bytes text = BYTES_INIT(100);
    CHECK(kernel_message_parse("secret", kernels, 8, &m, &err) == 0);
    CHECK(kernel_text_is(m.type, "status") && kernel_text_is(m.parent, "a"));
    CHECK(kernel_string(m.content, "execution_state", &text));
    CHECK_TEXT(bytes_text(&text), "idle");
    CHECK(kernel_int(m.content, "n") == 7 &&
          kernel_int(m.content, "execution_state") == INT_ABSENT);
    CHECK(!kernel_string(m.content, "n", &text) && !kernel_string(m.content, "none", &text));
    bytes_done(&text);
}

static void refuses_what_is_no_message(void)
{
    struct kernel_message m;
    for (size_t n = 0; n < 7; n++)
        CHECK(kernel_message_parse("secret", kernels, n, &m, &err) < 0);
    struct text saved = kernels[6];
    kernels[6] = TEXT("{\"execution_state\":\"busy\",\"n\":7}");
    CHECK(kernel_message_parse("secret", kernels, 8, &m, &err) < 0);
    kernels[6] = saved;
}

int main(void)
{
    RUN(what_is_made_can_be_read);
    RUN(reads_what_a_kernel_sends);
    RUN(refuses_what_is_no_message);
    return CHECK_DONE();
}
