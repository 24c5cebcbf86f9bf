#include "base/json_walk.h"

#include "check.h"

static struct err err;

static bool is_json(const char *text)
{
    struct json_walk w;
    struct text raw;
    enum json_token token;
    json_walk_begin(&w, text, strlen(text));
    do
        token = json_walk_next(&w, &raw);
    while (token != JSON_BAD && token != JSON_END);
    return token == JSON_END;
}

static void knows_the_grammar(void)
{
    static const char *const good[] = {"{}",
                                       "[]",
                                       " [ ] ",
                                       "0",
                                       "-0",
                                       "1.5e+9",
                                       "-12E3",
                                       "\"\"",
                                       "\"\\u00e4\\n\\\"\"",
                                       "null",
                                       "true",
                                       "false",
                                       "[1,2,[3,{}]]",
                                       "{\"a\":{\"b\":[null]},\"c\":\"d\"}",
                                       "\t\r\n1\n"};
    static const char *const bad[] = {
        "",     " ",     "{",       "[",         "]",      "{]",       "[}",
        "[1,]", "[,1]",  "{,}",     "{\"a\"}",   "{1:2}",  "{\"a\":}", "{\"a\":1,}",
        "1 2",  "[1 2]", "01",      "1.",        ".5",     "+1",       "1e",
        "-",    "\"",    "\"\\x\"", "\"\\u12\"", "\"\n\"", "nul",      "truex",
        "{}{}", "[1]]",  "\"a\" :", "{\"a\" 1}", "NaN",    "'a'",      "{\"a\":1 \"b\":2}",
        "[[]"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        CHECK(is_json(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (is_json(bad[i]))
            (void)printf("taken: %s\n", bad[i]);
        CHECK(!is_json(bad[i]));
    }
}

static void bounds_the_depth(void)
{
    char text[2 * JSON_WALK_DEPTH + 3];
    for (size_t n = JSON_WALK_DEPTH; n <= JSON_WALK_DEPTH + 1; n++) {
        memset(text, '[', n);
        memset(text + n, ']', n);
        text[2 * n] = '\0';
        CHECK(is_json(text) == (n == JSON_WALK_DEPTH));
    }
}

/* The member as written, or what was wrong. */
static const char *member(const char *text, const char *name)
{
    static char out[256];
    struct text raw = {0};
    int r = json_member(text, strlen(text), name, &raw);
    (void)snprintf(out, sizeof out, "%.*s", (int)raw.n, raw.p ? raw.p : "");
    return r < 0 ? "bad" : r == 0 ? "none" : out;
}

static void finds_members(void)
{
    static const char text[] =
        "{\"id\" : 7 ,\"result\":{\"a\":[1,{\"id\":8}], \"b\":\"}\"} , \"e\":null}";
    CHECK_TEXT(member(text, "id"), "7");
    CHECK_TEXT(member(text, "result"), "{\"a\":[1,{\"id\":8}], \"b\":\"}\"}");
    CHECK_TEXT(member(text, "e"), "null");
    CHECK_TEXT(member(text, "a"), "none");
    CHECK_TEXT(member("{\"a\":\"id\",\"id\":\"x\"}", "id"), "\"x\"");
    CHECK_TEXT(member("{\"a\":1,\"a\":[2]}", "a"), "[2]");
    CHECK_TEXT(member("{}", "a"), "none");
    CHECK_TEXT(member("[{\"a\":1}]", "a"), "bad");
    CHECK_TEXT(member("{\"a\":1", "a"), "bad");
    CHECK_TEXT(member("{\"a\":1}x", "a"), "bad");
}

static const char *unescaped(const char *raw)
{
    static struct bytes out = BYTES_INIT(64);
    bytes_clear(&out);
    return json_unescape((struct text){raw, strlen(raw)}, &out) < 0 ? NULL : bytes_text(&out);
}

static void unescapes(void)
{
    CHECK_TEXT(unescaped("\"a\\n\\t\\/\\\\\\\"\\b\\f\\r\""), "a\n\t/\\\"\b\f\r");
    CHECK_TEXT(unescaped("\"\\u0041\\u00e4\\u20ac\\ud83d\\ude00\""),
               "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    CHECK(unescaped("\"\\ud83d\"") == NULL);
    CHECK(unescaped("\"\\ud83dxxxxxx\"") == NULL);
    CHECK(unescaped("\"\\ude00\"") == NULL);
    CHECK(unescaped("\"\\ud83d\\u0041\"") == NULL);
}

static bool change_u(void *arg, struct text name, struct text old, struct bytes *value)
{
    int *seen = arg;
    (*seen)++;
    if (name.n != 1 || name.p[0] != 'u')
        return false;
    (void)bytes_printf(value, "<%s>", old.p);
    return true;
}

static const char *edited(const char *text, int *ret_seen)
{
    static struct bytes out = BYTES_INIT(256);
    bytes_clear(&out);
    *ret_seen = 0;
    return json_edit(text, strlen(text), change_u, ret_seen, &out, &err) < 0 ? NULL
                                                                             : bytes_text(&out);
}

static void edits_and_leaves_the_rest(void)
{
    int seen;
    CHECK_TEXT(
        edited("[ {\"u\" :\"a\\\"b\", \"v\":\"u\",\"n\": 1.50} ,{\"w\":{\"u\":\"\"}}]\n", &seen),
        "[ {\"u\" :\"<a\\\"b>\", \"v\":\"u\",\"n\": 1.50} ,{\"w\":{\"u\":\"<>\"}}]\n");
    CHECK(seen == 3);
    CHECK_TEXT(edited("[\"u\",\"x\"]", &seen), "[\"u\",\"x\"]");
    CHECK(seen == 0);
    CHECK_TEXT(edited("{\"u\":[\"x\"],\"u\":1}", &seen), "{\"u\":[\"x\"],\"u\":1}");
    CHECK(seen == 0);
    CHECK(edited("Target activated", &seen) == NULL && err.kind == ERR_SYNTAX);
}

int main(void)
{
    RUN(knows_the_grammar);
    RUN(bounds_the_depth);
    RUN(finds_members);
    RUN(unescapes);
    RUN(edits_and_leaves_the_rest);
    return CHECK_DONE();
}
