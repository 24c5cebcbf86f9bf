/* base/multipart: the same body must come apart the same way however it is cut into pieces. */
#include "check.h"

#include "base/bytes.h"
#include "base/multipart.h"

#define TYPE "multipart/form-data; boundary=frontier"

/* What came out, as text: name|filename|content; … */
static int on_begin(void *arg, const struct multipart_part *part, struct err *err)
{
    (void)err;
    return bytes_printf(arg, "%s|%s|", part->name, part->filename ? part->filename : "-");
}

static int on_data(void *arg, const char *data, size_t n, struct err *err)
{
    (void)err;
    return bytes_add(arg, data, n);
}

static int on_end(void *arg, struct err *err)
{
    (void)err;
    return bytes_adds(arg, ";");
}

/* Feed `n` bytes in pieces of `step`; the result text, or NULL when it was refused. */
static const char *parse_as(const char *type, const char *body, size_t n, size_t step,
                            struct bytes *out, struct err *err)
{
    struct multipart mp;
    const struct multipart_events events = {on_begin, on_data, on_end, out};
    bytes_clear(out);
    if (multipart_init(&mp, type, err) < 0)
        return NULL;
    for (size_t at = 0; at < n; at += step)
        if (multipart_feed(&mp, body + at, n - at < step ? n - at : step, &events, err) < 0)
            return NULL;
    return multipart_finish(&mp, err) < 0 ? NULL : bytes_text(out);
}

static void check_body(const char *body, size_t n, const char *expected)
{
    struct bytes out = BYTES_INIT(64 * KIB);
    for (size_t step = 1; step <= n + 1; step++) {
        struct err err = ERR_INIT;
        const char *got = parse_as(TYPE, body, n, step, &out, &err);
        if (!got || strcmp(got, expected) != 0) {
            CHECK_TEXT(got ? got : err.text, expected);
            break;
        }
    }
    bytes_done(&out);
}

static void check_refused(const char *type, const char *body, enum err_kind kind)
{
    struct bytes out = BYTES_INIT(64 * KIB);
    for (size_t step = 1; step <= strlen(body) + 1; step++) {
        struct err err = ERR_INIT;
        CHECK(parse_as(type, body, strlen(body), step, &out, &err) == NULL);
        CHECK(err.kind == kind);
        CHECK(err.text[0] != '\0');
    }
    bytes_done(&out);
}

#define HEAD(params)         "Content-Disposition: form-data; " params "\r\n\r\n"
#define BODY(text, expected) check_body(text, sizeof(text) - 1, expected)

static void comes_apart_wherever_it_is_cut(void)
{
    BODY("--frontier\r\n" HEAD("name=\"path\"") "/tmp/x\r\n--frontier\r\n" HEAD(
             "name=\"file\"; filename=\"a.txt\"") "content\r\n--frontier--\r\n",
         "path|-|/tmp/x;file|a.txt|content;");
    BODY("--frontier\r\n" HEAD("name=a") "\r\n--frontier--", "a|-|;");
    BODY("--frontier--", "");
}

static void takes_preamble_epilogue_and_padding(void)
{
    BODY("to be ignored --frontier\r\n\r\n--frontier \t\r\n" HEAD(
             "name=a") "1\r\n--frontier--\r\nto be ignored\r\n--frontier\r\n",
         "a|-|1;");
}

static void content_may_look_like_a_delimiter(void)
{
    BODY("--frontier\r\n" HEAD("name=a") "\r\n--frontie\r\n--\r\r\n\r\n--frontieR\r\n--frontier--",
         "a|-|\r\n--frontie\r\n--\r\r\n\r\n--frontieR;");
    BODY("--frontier\r\n" HEAD("name=a") "\r\r\n\r\r\n--frontier--", "a|-|\r\r\n\r;");
    BODY("--frontier\r\n" HEAD("name=a") "--frontier x\r\n--frontier--", "a|-|--frontier x;");
}

static void content_may_hold_any_byte(void)
{
    static const char body[] = "--frontier\r\n" HEAD("name=a") "\xff\0\x01z\r\n--frontier--";
    struct bytes out = BYTES_INIT(4 * KIB);
    struct err err = ERR_INIT;
    (void)parse_as(TYPE, body, sizeof body - 1, 3, &out, &err);
    CHECK(out.len == 4 + 4 + 1 && memcmp(out.data, "a|-|\xff\0\x01z;", 9) == 0);
    bytes_done(&out);
}

static void reads_names_as_they_are_sent(void)
{
    BODY("--frontier\r\nX-Other: 1\r\ncontent-disposition:form-data;name=\"a\\\"b\\\\c%22\" ; "
         "filename=\"C:\\dir\\f;x.txt\"\r\nContent-Type: text/plain\r\n\r\n1\r\n--frontier--",
         "a\"b\\c\"|C:\\dir\\f;x.txt|1;");
    BODY("--frontier\r\n" HEAD(
             "name=file; filename=\"x\"; filename*=UTF-8''gr%C3%BC%20n") "\r\n--frontier--",
         "file|gr\xc3\xbc n|;");
    BODY("--frontier\r\n" HEAD("name=file; filename=\"\"") "\r\n--frontier--", "file||;");
}

static void refuses_what_is_not_multipart(void)
{
    check_refused("application/json", "--frontier--", ERR_UNSUPPORTED);
    check_refused("multipart/form-datax; boundary=frontier", "--frontier--", ERR_UNSUPPORTED);
    check_refused("multipart/form-data", "--frontier--", ERR_SYNTAX);
    check_refused("multipart/form-data; boundary=\"\"", "--frontier--", ERR_SYNTAX);
    check_refused("multipart/form-data; boundary=\"a\r\nb\"", "--frontier--", ERR_SYNTAX);
    check_refused("multipart/form-data; boundary="
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                  "--frontier--", ERR_SYNTAX);
}

static void a_quoted_boundary_may_hold_spaces(void)
{
    struct bytes out = BYTES_INIT(4 * KIB);
    struct err err = ERR_INIT;
    const char body[] = "--a b\r\n" HEAD("name=x") "1\r\n--a b--";
    const char *type = "Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"";
    CHECK_TEXT(parse_as(type, body, sizeof body - 1, 4, &out, &err), "x|-|1;");
    bytes_done(&out);
}

static void refuses_broken_bodies(void)
{
    check_refused(TYPE, "", ERR_SYNTAX);
    check_refused(TYPE, "no boundary at all", ERR_SYNTAX);
    check_refused(TYPE, "--frontier\r\n" HEAD("name=a") "never ends", ERR_SYNTAX);
    check_refused(TYPE, "--frontier\r\n" HEAD("name=a") "1\r\n--frontier", ERR_SYNTAX);
    check_refused(TYPE, "--frontier\r\n\r\nno headers\r\n--frontier--", ERR_SYNTAX);
    check_refused(TYPE, "--frontierX\r\n", ERR_SYNTAX);
    check_refused(TYPE, "--frontier-\r\n", ERR_SYNTAX);
    check_refused(TYPE, "--frontier\r\n" HEAD("filename=a") "1\r\n--frontier--", ERR_SYNTAX);
    check_refused(TYPE, "--frontier\r\nno colon\r\n\r\n1\r\n--frontier--", ERR_SYNTAX);
    check_refused(TYPE, "--frontier\r\nA: 1\nB: 2\r\n\r\n1\r\n--frontier--", ERR_SYNTAX);
    check_refused(TYPE, "--frontier\r\n" HEAD("name=\"\xff\"") "1\r\n--frontier--", ERR_SYNTAX);
    check_refused(TYPE, "--frontier\r\n" HEAD("name=\"open") "1\r\n--frontier--", ERR_SYNTAX);
    check_refused(TYPE, "--frontier\r\n" HEAD("name=a; filename*=UTF-8''%00") "1\r\n--frontier--",
                  ERR_SYNTAX);
}

static void headers_have_a_ceiling(void)
{
    struct bytes out = BYTES_INIT(64 * KIB), body = BYTES_INIT(64 * KIB);
    struct err err = ERR_INIT;
    (void)bytes_adds(&body, "--frontier\r\nX: ");
    for (int i = 0; i < MULTIPART_HEAD_MAX; i++)
        (void)bytes_addc(&body, 'x');
    CHECK(parse_as(TYPE, body.data, body.len, 1000, &out, &err) == NULL);
    CHECK(err.kind == ERR_TOO_LARGE);
    bytes_done(&body);
    bytes_done(&out);
}

int main(void)
{
    RUN(comes_apart_wherever_it_is_cut);
    RUN(takes_preamble_epilogue_and_padding);
    RUN(content_may_look_like_a_delimiter);
    RUN(content_may_hold_any_byte);
    RUN(reads_names_as_they_are_sent);
    RUN(refuses_what_is_not_multipart);
    RUN(a_quoted_boundary_may_hold_spaces);
    RUN(refuses_broken_bodies);
    RUN(headers_have_a_ceiling);
    return CHECK_DONE();
}
