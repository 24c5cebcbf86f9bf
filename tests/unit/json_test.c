#include "base/json.h"

#include "check.h"

struct sample {
    struct text text, needed, path;
    bool flag, yes;
    int64_t small, any, fallback;
    double number;
    int choice;
    struct text_list texts;
    struct int_list ints;
    struct text_map map;
};

static const char *const choices[] = {"read", "write", NULL};

#define AT(member) .offset = offsetof(struct sample, member)
static const struct field fields[] = {
    {"text", FIELD_TEXT, AT(text), .max = 8, .fallback = "\"none\""},
    {"needed", FIELD_TEXT, AT(needed), .required = true, .min = 1},
    {"path", FIELD_PATH, AT(path)},
    {"flag", FIELD_BOOL, AT(flag)},
    {"yes", FIELD_BOOL, AT(yes), .fallback = "true"},
    {"small", FIELD_INT, AT(small), .min = -5, .max = 100},
    {"any", FIELD_INT, AT(any)},
    {"fallback", FIELD_INT, AT(fallback), .fallback = "30"},
    {"number", FIELD_NUMBER, AT(number)},
    {"choice", FIELD_CHOICE, AT(choice), .choices = choices, .fallback = "\"write\""},
    {"texts", FIELD_TEXT_LIST, AT(texts), .max = 2},
    {"ints", FIELD_INT_LIST, AT(ints), .max = 2},
    {"map", FIELD_TEXT_MAP, AT(map), .max = 2},
    FIELDS_END,
};

static struct arena *arena;
static struct sample s;
static struct err err;
static struct bytes unknown;

static int decode_n(const char *json, size_t n)
{
    arena_clear(arena);
    bytes_clear(&unknown);
    err = ERR_INIT;
    return json_decode(arena, json, n, fields, &s, sizeof s, &unknown, &err);
}

static int decode(const char *json)
{
    return decode_n(json, strlen(json));
}

static int with(const char *member)
{
    char json[512];
    (void)snprintf(json, sizeof json, "{\"needed\":\"x\",%s}", member);
    return decode(json);
}

/* Refused as a value of a field, which is named. */
static bool refused(const char *member, const char *field)
{
    return with(member) == -1 && err.kind == ERR_INVALID && strcmp(err.field, field) == 0 &&
           strstr(err.text, field) != NULL;
}

static void fills_defaults(void)
{
    CHECK(decode("{\"needed\":\"x\"}") == 0);
    CHECK_TEXT(s.text.p, "none");
    CHECK(s.text.n == 4 && s.path.p == NULL && !s.flag && s.yes);
    CHECK(s.small == INT_ABSENT && s.any == INT_ABSENT && s.fallback == 30);
    CHECK(isnan(s.number) && s.choice == 1 && !s.texts.given && s.texts.n == 0 && s.map.n == 0);
    CHECK(unknown.len == 0);
}

static void reads_every_type(void)
{
    CHECK(decode("{\"text\":\"a\",\"needed\":\"b\",\"path\":\"/x\",\"flag\":true,\"yes\":false,"
                 "\"small\":-5,\"any\":9007199254740992,\"number\":-1.5e3,\"choice\":\"read\","
                 "\"texts\":[\"a\",\"\"],\"ints\":[1,-2],\"map\":{\"A\":\"1\",\"B\":null}}") == 0);
    CHECK_TEXT(s.path.p, "/x");
    CHECK(s.flag && !s.yes && s.small == -5 && s.any == 9007199254740992 && s.number == -1500);
    CHECK(s.choice == 0 && s.texts.given && s.texts.n == 2 && s.ints.items[1] == -2);
    CHECK(s.map.n == 2 && strcmp(s.map.items[0].name.p, "A") == 0 && !s.map.items[1].value.p);
}

static void takes_null_for_absent(void)
{
    CHECK(with("\"text\":null,\"small\":null,\"texts\":null,\"choice\":null") == 0);
    CHECK_TEXT(s.text.p, "none");
    CHECK(s.small == INT_ABSENT && !s.texts.given && s.choice == 1);
    CHECK(decode("{\"needed\":null}") == -1 && strcmp(err.field, "needed") == 0);
}

static void demands_what_is_required(void)
{
    CHECK(decode("") == -1 && err.kind == ERR_INVALID && strcmp(err.field, "needed") == 0);
    CHECK(decode("{}") == -1 && strcmp(err.field, "needed") == 0);
    CHECK(decode("{\"needed\":\"\"}") == -1 && strcmp(err.field, "needed") == 0);
}

static void names_the_field_at_fault(void)
{
    CHECK(refused("\"text\":5", "text") && refused("\"text\":\"123456789\"", "text"));
    CHECK(refused("\"path\":\"relative\"", "path") && refused("\"path\":\"\"", "path"));
    CHECK(refused("\"flag\":\"true\"", "flag") && refused("\"flag\":1", "flag"));
    CHECK(refused("\"small\":101", "small") && refused("\"small\":-6", "small"));
    CHECK(refused("\"any\":1.5", "any") && refused("\"any\":\"1\"", "any"));
    CHECK(refused("\"any\":1e300", "any") && refused("\"number\":1e999", "number"));
    CHECK(refused("\"choice\":\"delete\"", "choice") && strstr(err.text, "read, write"));
    CHECK(refused("\"texts\":\"a\"", "texts") && refused("\"texts\":[1]", "texts"));
    CHECK(refused("\"texts\":[\"a\",\"b\",\"c\"]", "texts"));
    CHECK(refused("\"ints\":[1.5]", "ints") && refused("\"map\":{\"a\":1}", "map"));
    CHECK(refused("\"text\":\"a\\u0000b\"", "text"));
    CHECK(refused("\"text\":\"a\",\"text\":\"b\"", "text"));
}

static void collects_unknown_names(void)
{
    CHECK(with("\"foo\":1,\"bar\":{\"needed\":[1,{}]}") == 0);
    CHECK_TEXT(bytes_text(&unknown), "foo, bar");
}

static void refuses_malformed(void)
{
    static const char *const bad[] = {"{",
                                      "{\"needed\":\"x\"",
                                      "{\"needed\":\"x\",}",
                                      "{\"needed\":\"x\"}x",
                                      "{needed:1}",
                                      "{'needed':'x'}",
                                      "{\"needed\":\"\x01\"}",
                                      "{\"needed\":\"\xff\"}",
                                      "{\"needed\":\"x}",
                                      "{\"needed\" \"x\"}",
                                      "{\"needed\":\"\\x\"}",

                                      "{\"needed\":\"x\"}/**/"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (decode(bad[i]) != -1 || err.kind != ERR_SYNTAX)
            CHECK_TEXT("accepted or of another kind", bad[i]);
    CHECK(decode_n("{\"needed\":\"x\"}\0", 15) == -1 && err.kind == ERR_SYNTAX);
    CHECK(decode("\xef\xbb\xbf{\"needed\":\"x\"}") == 0); /* a byte order mark may be passed over */
    CHECK(decode("[]") == -1 && err.kind == ERR_INVALID);
    CHECK(decode("null") == -1 && decode("\"x\"") == -1);
}

static void bounds_depth_and_count(void)
{
    struct bytes json = BYTES_INIT(MIB);
    (void)bytes_adds(&json, "{\"needed\":\"x\",\"x\":");
    for (int i = 0; i < JSON_MAX_DEPTH; i++)
        (void)bytes_addc(&json, '[');
    CHECK(decode_n(json.data, json.len) == -1 && err.kind == ERR_TOO_LARGE);
    bytes_clear(&json);
    (void)bytes_adds(&json, "{\"needed\":\"x\",\"x\":[1");
    for (int i = 0; i < JSON_MAX_VALUES; i++)
        (void)bytes_adds(&json, ",1");
    (void)bytes_adds(&json, "]}");
    CHECK(decode_n(json.data, json.len) == -1 && err.kind == ERR_TOO_LARGE);
    bytes_done(&json);
}

static int query(const char *name, const char *value)
{
    struct text_pair pairs[] = {{{"needed", 6}, {"x", 1}},
                                {{name, strlen(name)}, {value, strlen(value)}}};
    arena_clear(arena);
    bytes_clear(&unknown);
    err = ERR_INIT;
    return fields_decode_pairs(arena, pairs, 2, fields, &s, sizeof s, &unknown, &err);
}

static void reads_query_pairs(void)
{
    CHECK(query("flag", "1") == 0 && s.flag);
    CHECK(query("flag", "false") == 0 && !s.flag);
    CHECK(query("small", "-5") == 0 && s.small == -5);
    CHECK(query("number", "1e3") == 0 && s.number == 1000);
    CHECK(query("choice", "read") == 0 && s.choice == 0);
    CHECK(query("path", "/p") == 0 && strcmp(s.path.p, "/p") == 0);
    CHECK(query("foo", "bar") == 0 && unknown.len == 3);
}

static void refuses_wrong_query_pairs(void)
{
    CHECK(query("flag", "yes") == -1 && query("flag", "") == -1);
    CHECK(query("small", "101") == -1 && query("small", "1x") == -1 && query("small", "") == -1);
    CHECK(query("number", "x") == -1 && query("number", "") == -1 && query("number", "inf") == -1);
    CHECK(query("number", "nan") == -1 && query("number", "0x10") == -1 &&
          query("number", " 1") == -1);
    CHECK(query("choice", "delete") == -1 && query("texts", "a") == -1);
    CHECK(query("needed", "again") == -1 && strcmp(err.field, "needed") == 0);
}

int main(void)
{
    arena = arena_new();
    unknown = bytes_with_limit(KIB);
    RUN(fills_defaults);
    RUN(reads_every_type);
    RUN(takes_null_for_absent);
    RUN(demands_what_is_required);
    RUN(names_the_field_at_fault);
    RUN(collects_unknown_names);
    RUN(refuses_malformed);
    RUN(bounds_depth_and_count);
    RUN(reads_query_pairs);
    RUN(refuses_wrong_query_pairs);
    bytes_done(&unknown);
    arena_free(arena);
    return CHECK_DONE();
}
