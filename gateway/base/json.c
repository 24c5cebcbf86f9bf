#include "base/json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/json_scan.h"

struct decoder {
    struct arena *arena;
    char *out;
    struct err *err;
};

static void delete_tree(void *tree)
{
    cJSON_Delete(tree);
}

static int wrong_type(struct decoder *d, const struct field *f, const char *wanted)
{
    return err_field(d->err, f->name, "field '%s' must be %s", f->name, wanted);
}

static int check_text(struct decoder *d, const struct field *f, const char *p, size_t n)
{
    if (f->min > 0 && n < (size_t)f->min)
        return err_field(d->err, f->name, "field '%s' must not be empty", f->name);
    if (f->max > 0 && n > (size_t)f->max)
        return err_field(d->err, f->name, "field '%s' is longer than %lld bytes", f->name,
                         (long long)f->max);
    if (f->type != FIELD_PATH)
        return 0;
    if (n == 0 || p[0] != '/')
        return err_field(d->err, f->name, "field '%s' must be an absolute path", f->name);
    if (n >= PATH_MAX)
        return err_field(d->err, f->name, "field '%s' is longer than %d bytes", f->name,
                         PATH_MAX - 1);
    return 0;
}

static int set_text(struct decoder *d, const struct field *f, const char *p, size_t n)
{
    if (check_text(d, f, p, n) < 0)
        return -1;
    *(struct text *)(void *)(d->out + f->offset) = (struct text){p, n};
    return 0;
}

static int set_number(struct decoder *d, const struct field *f, double value)
{
    bool whole = f->type == FIELD_INT;
    if (!isfinite(value) || (whole && (value != floor(value) || fabs(value) > 9007199254740992.0)))
        return wrong_type(d, f, whole ? "a whole number" : "a finite number");
    if ((f->min != 0 || f->max != 0) && (value < (double)f->min || value > (double)f->max))
        return err_field(d->err, f->name, "field '%s' must be between %lld and %lld", f->name,
                         (long long)f->min, (long long)f->max);
    if (whole)
        *(int64_t *)(void *)(d->out + f->offset) = (int64_t)value;
    else
        *(double *)(void *)(d->out + f->offset) = value;
    return 0;
}

static int set_choice(struct decoder *d, const struct field *f, const char *value)
{
    char known[256] = "";
    size_t used = 0;
    for (int i = 0; f->choices[i]; i++) {
        if (strcmp(f->choices[i], value) == 0) {
            *(int *)(void *)(d->out + f->offset) = i;
            return 0;
        }
        int n = snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", f->choices[i]);
        if (n > 0 && (size_t)n < sizeof known - used)
            used += (size_t)n;
    }
    return err_field(d->err, f->name, "field '%s' must be one of: %s", f->name, known);
}

/* The default of an absent field; the row's own text, so it is trusted. */
static void set_fallback(struct decoder *d, const struct field *f)
{
    char *at = d->out + f->offset;
    const char *text = f->fallback;
    switch (f->type) {
    case FIELD_BOOL:
        *(bool *)(void *)at = text && strcmp(text, "true") == 0;
        break;
    case FIELD_SWITCH:
        *(int *)(void *)at = SWITCH_ABSENT;
        break;
    case FIELD_INT:
        *(int64_t *)(void *)at = text ? strtoll(text, NULL, 10) : INT_ABSENT;
        break;
    case FIELD_NUMBER:
        *(double *)(void *)at = text ? strtod(text, NULL) : NUMBER_ABSENT;
        break;
    case FIELD_CHOICE:
        *(int *)(void *)at = CHOICE_ABSENT;
        for (int i = 0; text && f->choices[i]; i++)
            if (strlen(text) == strlen(f->choices[i]) + 2 &&
                strncmp(f->choices[i], text + 1, strlen(text) - 2) == 0)
                *(int *)(void *)at = i;
        break;
    case FIELD_TEXT:
    case FIELD_PATH:
        if (text && text[0] == '"') {
            size_t n = strlen(text) - 2;
            *(struct text *)(void *)at = (struct text){arena_copy(d->arena, text + 1, n), n};
        }
        break;
    case FIELD_TEXT_LIST:
    case FIELD_INT_LIST:
    case FIELD_TEXT_MAP:
    case FIELD_FILE:
        break;
    }
}

static int check_count(struct decoder *d, const struct field *f, const cJSON *value, size_t *ret_n)
{
    size_t n = (size_t)cJSON_GetArraySize(value);
    if (f->max > 0 && n > (size_t)f->max)
        return err_field(d->err, f->name, "field '%s' holds more than %lld items", f->name,
                         (long long)f->max);
    *ret_n = n;
    return 0;
}

static int set_text_list(struct decoder *d, const struct field *f, const cJSON *value)
{
    struct text_list *list = (void *)(d->out + f->offset);
    size_t n = 0, i = 0;
    if (!cJSON_IsArray(value))
        return wrong_type(d, f, "a list of strings");
    if (check_count(d, f, value, &n) < 0)
        return -1;
    list->items = arena_alloc(d->arena, (n + 1) * sizeof *list->items);
    if (!list->items)
        return err_memory(d->err);
    for (const cJSON *item = value->child; item; item = item->next) {
        if (!cJSON_IsString(item))
            return wrong_type(d, f, "a list of strings");
        list->items[i++] = (struct text){item->valuestring, strlen(item->valuestring)};
    }
    list->n = n;
    list->given = true;
    return 0;
}

static int set_int_list(struct decoder *d, const struct field *f, const cJSON *value)
{
    struct int_list *list = (void *)(d->out + f->offset);
    size_t n = 0, i = 0;
    if (!cJSON_IsArray(value))
        return wrong_type(d, f, "a list of whole numbers");
    if (check_count(d, f, value, &n) < 0)
        return -1;
    list->items = arena_alloc(d->arena, (n + 1) * sizeof *list->items);
    if (!list->items)
        return err_memory(d->err);
    for (const cJSON *item = value->child; item; item = item->next) {
        double v = item->valuedouble;
        if (!cJSON_IsNumber(item) || v != floor(v) || fabs(v) > 9007199254740992.0)
            return wrong_type(d, f, "a list of whole numbers");
        list->items[i++] = (int64_t)v;
    }
    list->n = n;
    list->given = true;
    return 0;
}

static int set_text_map(struct decoder *d, const struct field *f, const cJSON *value)
{
    struct text_map *map = (void *)(d->out + f->offset);
    size_t n = 0, i = 0;
    if (!cJSON_IsObject(value))
        return wrong_type(d, f, "an object of strings");
    if (check_count(d, f, value, &n) < 0)
        return -1;
    map->items = arena_alloc(d->arena, (n + 1) * sizeof *map->items);
    if (!map->items)
        return err_memory(d->err);
    for (const cJSON *item = value->child; item; item = item->next) {
        struct text text = {0};
        if (cJSON_IsString(item))
            text = (struct text){item->valuestring, strlen(item->valuestring)};
        else if (!cJSON_IsNull(item))
            return wrong_type(d, f, "an object of strings");
        map->items[i++] = (struct text_pair){{item->string, strlen(item->string)}, text};
    }
    map->n = n;
    return 0;
}

static int set_value(struct decoder *d, const struct field *f, const cJSON *value)
{
    if (cJSON_IsNull(value))
        return f->required ? wrong_type(d, f, "given, not null") : 0;
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_PATH:
        if (!cJSON_IsString(value))
            return wrong_type(d, f, "a string");
        return set_text(d, f, value->valuestring, strlen(value->valuestring));
    case FIELD_BOOL:
        if (!cJSON_IsBool(value))
            return wrong_type(d, f, "true or false");
        *(bool *)(void *)(d->out + f->offset) = cJSON_IsTrue(value);
        return 0;
    case FIELD_SWITCH:
        if (!cJSON_IsBool(value))
            return wrong_type(d, f, "true or false");
        *(int *)(void *)(d->out + f->offset) = cJSON_IsTrue(value);
        return 0;
    case FIELD_INT:
    case FIELD_NUMBER:
        if (!cJSON_IsNumber(value))
            return wrong_type(d, f, f->type == FIELD_INT ? "a whole number" : "a number");
        return set_number(d, f, value->valuedouble);
    case FIELD_CHOICE:
        if (!cJSON_IsString(value))
            return wrong_type(d, f, "a string");
        return set_choice(d, f, value->valuestring);
    case FIELD_TEXT_LIST:
        return set_text_list(d, f, value);
    case FIELD_INT_LIST:
        return set_int_list(d, f, value);
    case FIELD_TEXT_MAP:
        return set_text_map(d, f, value);
    case FIELD_FILE:
        break;
    }
    return wrong_type(d, f, "sent as a multipart file part");
}

static void begin(struct decoder *d, const struct field *fields, size_t size)
{
    memset(d->out, 0, size);
    for (const struct field *f = fields; f->name; f++)
        set_fallback(d, f);
}

static const struct field *find(const struct field *fields, const char *name, size_t *ret_index)
{
    for (size_t i = 0; fields[i].name; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            *ret_index = i;
            return &fields[i];
        }
    }
    return NULL;
}

static void note_unknown(struct bytes *unknown, const char *name)
{
    if (unknown->len)
        (void)bytes_adds(unknown, ", ");
    (void)bytes_printf(unknown, "%.64s", name);
}

/* Which rows were given, as one bit each: no table is longer than this. */
#define MAX_FIELDS 64

static int note_given(struct decoder *d, uint64_t *given, size_t index, const char *name)
{
    if (*given & UINT64_C(1) << index)
        return err_field(d->err, name, "field '%s' is given twice", name);
    *given |= UINT64_C(1) << index;
    return 0;
}

static int check_required(struct decoder *d, const struct field *fields, uint64_t given)
{
    for (size_t i = 0; i < MAX_FIELDS && fields[i].name; i++)
        if (fields[i].required && !(given & UINT64_C(1) << i))
            return err_field(d->err, fields[i].name, "field '%s' is required", fields[i].name);
    return 0;
}

/* Rows named "outer.inner" describe the members of an object member. */
static bool has_inner_rows(const struct field *fields, const char *outer)
{
    size_t n = strlen(outer);
    for (; fields->name; fields++)
        if (strncmp(fields->name, outer, n) == 0 && fields->name[n] == '.')
            return true;
    return false;
}

static int decode_object(struct decoder *d, const cJSON *tree, const struct field *fields,
                         const char *outer, uint64_t *given, struct bytes *unknown)
{
    size_t index;
    for (const cJSON *item = tree->child; item; item = item->next) {
        const char *name = item->string;
        if (outer)
            name = arena_printf(d->arena, "%s.%s", outer, item->string);
        if (!name)
            return err_memory(d->err);
        if (!outer && cJSON_IsObject(item) && has_inner_rows(fields, name)) {
            if (decode_object(d, item, fields, name, given, unknown) < 0)
                return -1;
            continue;
        }
        if (!outer && !cJSON_IsNull(item) && has_inner_rows(fields, name))
            return err_field(d->err, name, "field '%s' must be an object", name);
        const struct field *f = find(fields, name, &index);
        if (!f) {
            note_unknown(unknown, name);
            continue;
        }
        if (note_given(d, given, index, f->name) < 0 || set_value(d, f, item) < 0)
            return -1;
    }
    return 0;
}

static int parse(struct decoder *d, const char *text, size_t n, cJSON **ret_tree)
{
    const char *end = NULL;
    if (json_scan(text, n, d->err) < 0)
        return -1;
    errno = 0; /* cJSON does not tell why it gave up */
    cJSON *tree = cJSON_ParseWithLengthOpts(text, n, &end, 0);
    if (!tree && errno == ENOMEM)
        return err_memory(d->err);
    if (!tree)
        return err_set(d->err, ERR_SYNTAX, "malformed JSON near byte %zu",
                       end && end >= text ? (size_t)(end - text) : 0);
    if (arena_defer(d->arena, delete_tree, tree) < 0) {
        cJSON_Delete(tree);
        return err_memory(d->err);
    }
    for (; end < text + n; end++)
        if (!strchr(" \t\r\n", *end))
            return err_set(d->err, ERR_SYNTAX, "malformed JSON: text after the value at byte %zu",
                           (size_t)(end - text));
    *ret_tree = tree;
    return 0;
}

static int decode_tree(struct decoder *d, const cJSON *tree, const struct field *fields,
                       struct bytes *unknown)
{
    uint64_t given = 0;
    if (decode_object(d, tree, fields, NULL, &given, unknown) < 0)
        return -1;
    return check_required(d, fields, given);
}

int json_decode(struct arena *arena, const char *text, size_t n, const struct field *fields,
                void *out, size_t size, struct bytes *unknown, struct err *err)
{
    struct decoder d = {arena, out, err};
    cJSON *tree = NULL;
    begin(&d, fields, size);
    if (n == 0)
        return check_required(&d, fields, 0);
    if (parse(&d, text, n, &tree) < 0)
        return -1;
    if (!cJSON_IsObject(tree))
        return err_set(err, ERR_INVALID, "the body must be a JSON object");
    return decode_tree(&d, tree, fields, unknown);
}

int json_decode_each(struct arena *arena, const char *text, size_t n, const struct field *fields,
                     void *out, size_t size, int (*take)(void *arg, const void *out), void *arg,
                     struct err *err)
{
    struct decoder d = {arena, out, err};
    struct bytes unknown = BYTES_INIT(0);
    cJSON *tree = NULL;
    if (parse(&d, text, n, &tree) < 0)
        return -1;
    if (!cJSON_IsArray(tree))
        return err_set(err, ERR_INVALID, "the text must be a JSON array");
    for (const cJSON *item = tree->child; item; item = item->next) {
        begin(&d, fields, size);
        if (!cJSON_IsObject(item))
            return err_set(err, ERR_INVALID, "the array must hold objects");
        if (decode_tree(&d, item, fields, &unknown) < 0)
            return -1;
        if (take(arg, out) != 0)
            return 0;
    }
    return 0;
}

static int set_from_text(struct decoder *d, const struct field *f, struct text value)
{
    int64_t whole;
    char *end = NULL;
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_PATH:
        return set_text(d, f, value.p, value.n);
    case FIELD_BOOL:
        if (strcmp(value.p, "true") != 0 && strcmp(value.p, "false") != 0 &&
            strcmp(value.p, "1") != 0 && strcmp(value.p, "0") != 0)
            return wrong_type(d, f, "true or false");
        *(bool *)(void *)(d->out + f->offset) = value.p[0] == 't' || value.p[0] == '1';
        return 0;
    case FIELD_INT:
        if (parse_i64(value.p, value.n, &whole) < 0)
            return wrong_type(d, f, "a whole number");
        return set_number(d, f, (double)whole);
    case FIELD_NUMBER: {
        /* strtod() also takes spaces, hexadecimal and names. */
        bool plain = value.n > 0 && strspn(value.p, "0123456789+-.eE") == value.n;
        double number = strtod(value.p, &end);
        if (!plain || end != value.p + value.n)
            return wrong_type(d, f, "a number");
        return set_number(d, f, number);
    }
    case FIELD_CHOICE:
        return set_choice(d, f, value.p);
    case FIELD_SWITCH:
    case FIELD_TEXT_LIST:
    case FIELD_INT_LIST:
    case FIELD_TEXT_MAP:
    case FIELD_FILE:
        break;
    }
    return wrong_type(d, f, "sent in a JSON body");
}

int fields_decode_pairs(struct arena *arena, const struct text_pair *pairs, size_t n,
                        const struct field *fields, void *out, size_t size, struct bytes *unknown,
                        struct err *err)
{
    struct decoder d = {arena, out, err};
    uint64_t given = 0;
    size_t index;
    begin(&d, fields, size);
    for (size_t i = 0; i < n; i++) {
        const struct field *f = find(fields, pairs[i].name.p, &index);
        if (!f) {
            note_unknown(unknown, pairs[i].name.p);
            continue;
        }
        if (note_given(&d, &given, index, f->name) < 0 || set_from_text(&d, f, pairs[i].value) < 0)
            return -1;
    }
    return check_required(&d, fields, given);
}
