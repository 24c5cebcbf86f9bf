/* Field tables. Input: a JSON body, or a query string when it begins with '?'. */
#include "fuzz.h"

#include "base/jsonw.h"
#include "base/utf8.h"

struct sample {
    struct text text, required, path;
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
    {"text", FIELD_TEXT, AT(text), .max = 32},
    {"required", FIELD_TEXT, AT(required), .required = true, .min = 1},
    {"path", FIELD_PATH, AT(path)},
    {"flag", FIELD_BOOL, AT(flag)},
    {"yes", FIELD_BOOL, AT(yes), .fallback = "true"},
    {"small", FIELD_INT, AT(small), .min = -5, .max = 100},
    {"any", FIELD_INT, AT(any)},
    {"fallback", FIELD_INT, AT(fallback), .fallback = "30"},
    {"number", FIELD_NUMBER, AT(number)},
    {"choice", FIELD_CHOICE, AT(choice), .choices = choices, .fallback = "\"write\""},
    {"texts", FIELD_TEXT_LIST, AT(texts), .max = 8},
    {"ints", FIELD_INT_LIST, AT(ints), .max = 8},
    {"map", FIELD_TEXT_MAP, AT(map), .max = 8},
    FIELDS_END,
};

static void check_text(struct text t)
{
    if (t.p)
        HOLDS(strlen(t.p) == t.n && utf8_valid(t.p, t.n));
    else
        HOLDS(t.n == 0);
}

static void check(const struct sample *s)
{
    check_text(s->text);
    check_text(s->required);
    check_text(s->path);
    HOLDS(s->text.n <= 32);
    HOLDS(s->required.p && s->required.n >= 1);
    HOLDS(!s->path.p || (s->path.p[0] == '/' && s->path.n < 4096));
    HOLDS(s->small == INT_ABSENT || (s->small >= -5 && s->small <= 100));
    HOLDS(s->any == INT_ABSENT || (s->any <= 9007199254740992 && s->any >= -9007199254740992));
    HOLDS(s->fallback != INT_ABSENT);
    HOLDS(isnan(s->number) || isfinite(s->number));
    HOLDS(s->choice == 0 || s->choice == 1);
    HOLDS(s->texts.n <= 8 && s->ints.n <= 8 && s->map.n <= 8);
    for (size_t i = 0; i < s->texts.n; i++)
        check_text(s->texts.items[i]);
    for (size_t i = 0; i < s->map.n; i++) {
        HOLDS(s->map.items[i].name.p);
        check_text(s->map.items[i].name);
        check_text(s->map.items[i].value);
    }
}

/* What was read is written, read again, and the same. */
static void check_round_trip(struct arena *arena, const struct sample *s)
{
    struct bytes out = BYTES_INIT(16 * MIB), unknown = BYTES_INIT(KIB);
    struct jsonw w = jsonw_on(&out);
    struct sample again;
    struct err err;
    jsonw_object(&w);
    jsonw_ktext(&w, "required", s->required.p, s->required.n);
    if (s->text.p)
        jsonw_ktext(&w, "text", s->text.p, s->text.n);
    if (s->any != INT_ABSENT)
        jsonw_kint(&w, "any", s->any);
    jsonw_knumber(&w, "number", s->number);
    jsonw_kbool(&w, "flag", s->flag);
    jsonw_key(&w, "texts");
    jsonw_array(&w);
    for (size_t i = 0; i < s->texts.n; i++)
        jsonw_text(&w, s->texts.items[i].p, s->texts.items[i].n);
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    HOLDS(!out.failed);
    HOLDS(json_decode(arena, out.data, out.len, fields, &again, sizeof again, &unknown, &err) == 0);
    HOLDS(strcmp(again.required.p, s->required.p) == 0);
    HOLDS(!s->text.p || strcmp(again.text.p, s->text.p) == 0);
    HOLDS(again.any == s->any && again.flag == s->flag && again.texts.n == s->texts.n);
    HOLDS(isnan(s->number) ? isnan(again.number)
                           : fabs(again.number - s->number) <= fabs(s->number) * 1e-14);
    for (size_t i = 0; i < s->texts.n; i++)
        HOLDS(strcmp(again.texts.items[i].p, s->texts.items[i].p) == 0);
    HOLDS(unknown.len == 0);
    bytes_done(&out);
    bytes_done(&unknown);
}

/* As http/request.c hands them over: valid UTF-8 without NUL. */
static size_t split_pairs(struct arena *arena, const uint8_t *data, size_t size,
                          struct text_pair *pairs, size_t room)
{
    size_t n = 0;
    while (size && n < room) {
        struct text part = take_until(arena, &data, &size, '&');
        const uint8_t *at = (const uint8_t *)part.p;
        size_t left = strlen(part.p);
        struct text name = take_until(arena, &at, &left, '=');
        struct text value = {arena_copy(arena, (const char *)at, left), left};
        if (utf8_valid(name.p, name.n) && utf8_valid(value.p, value.n))
            pairs[n++] = (struct text_pair){name, value};
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct bytes unknown = BYTES_INIT(4 * KIB);
    struct text_pair pairs[64];
    struct sample s;
    struct err err = ERR_INIT;
    int r;
    if (!arena)
        return 0;
    if (size && data[0] == '?') {
        size_t n = split_pairs(arena, data + 1, size - 1, pairs, COUNT_OF(pairs));
        r = fields_decode_pairs(arena, pairs, n, fields, &s, sizeof s, &unknown, &err);
    } else {
        r = json_decode(arena, (const char *)data, size, fields, &s, sizeof s, &unknown, &err);
    }
    if (r == 0) {
        check(&s);
        check_round_trip(arena, &s);
    } else {
        HOLDS(err.kind == ERR_SYNTAX || err.kind == ERR_INVALID || err.kind == ERR_TOO_LARGE);
        HOLDS(err.text[0]);
    }
    bytes_done(&unknown);
    arena_free(arena);
    return 0;
}
