#include "http/openapi_schema.h"

#include <limits.h>
#include <string.h>

/* "type" is one name, or two where null is allowed. */
static void write_type(struct jsonw *w, const char *type, bool nullable)
{
    jsonw_key(w, "type");
    if (!nullable) {
        jsonw_str(w, type);
        return;
    }
    jsonw_array(w);
    jsonw_str(w, type);
    jsonw_str(w, "null");
    jsonw_array_end(w);
}

static const char *type_of(const struct field *f)
{
    static const char *const names[] = {
        [FIELD_TEXT] = "string",     [FIELD_PATH] = "string",    [FIELD_BOOL] = "boolean",
        [FIELD_INT] = "integer",     [FIELD_NUMBER] = "number",  [FIELD_CHOICE] = "string",
        [FIELD_TEXT_LIST] = "array", [FIELD_INT_LIST] = "array", [FIELD_TEXT_MAP] = "object",
        [FIELD_FILE] = "string",     [FIELD_SWITCH] = "boolean",
    };
    return names[f->type];
}

static void write_limit(struct jsonw *w, const char *name, int64_t value)
{
    if (value > 0)
        jsonw_kint(w, name, value);
}

static void write_choices(struct jsonw *w, const struct field *f, bool nullable)
{
    jsonw_key(w, "enum");
    jsonw_array(w);
    for (size_t i = 0; f->choices[i]; i++)
        jsonw_str(w, f->choices[i]);
    if (nullable)
        jsonw_null(w);
    jsonw_array_end(w);
}

static void write_items(struct jsonw *w, const char *keyword, const char *type, bool nullable)
{
    jsonw_key(w, keyword);
    jsonw_object(w);
    write_type(w, type, nullable);
    jsonw_object_end(w);
}

static void write_constraints(struct jsonw *w, const struct field *f, bool nullable)
{
    switch (f->type) {
    case FIELD_TEXT:
        write_limit(w, "minLength", f->min > 0 ? 1 : 0);
        write_limit(w, "maxLength", f->max);
        break;
    case FIELD_PATH:
        jsonw_kstr(w, "pattern", "^/");
        jsonw_kint(w, "maxLength", f->max > 0 ? f->max : PATH_MAX - 1);
        break;
    case FIELD_INT:
    case FIELD_NUMBER:
        if (f->min != 0 || f->max != 0) {
            jsonw_kint(w, "minimum", f->min);
            jsonw_kint(w, "maximum", f->max);
        }
        break;
    case FIELD_CHOICE:
        write_choices(w, f, nullable);
        break;
    case FIELD_TEXT_LIST:
        write_items(w, "items", "string", false);
        write_limit(w, "maxItems", f->max);
        break;
    case FIELD_INT_LIST:
        write_items(w, "items", "integer", false);
        write_limit(w, "maxItems", f->max);
        break;
    case FIELD_TEXT_MAP:
        write_items(w, "additionalProperties", "string", true);
        write_limit(w, "maxProperties", f->max);
        break;
    case FIELD_FILE:
        jsonw_kstr(w, "format", "binary");
        jsonw_kstr(w, "contentMediaType", "application/octet-stream");
        break;
    case FIELD_BOOL:
    case FIELD_SWITCH:
        break;
    }
}

void schema_field(struct jsonw *w, const struct field *f, bool nullable)
{
    bool may_be_null = nullable && !f->required && f->type != FIELD_FILE;
    jsonw_object(w);
    write_type(w, type_of(f), may_be_null);
    write_constraints(w, f, may_be_null);
    if (f->fallback) {
        jsonw_key(w, "default");
        jsonw_raw(w, f->fallback);
    }
    if (f->doc)
        jsonw_kstr(w, "description", f->doc);
    jsonw_object_end(w);
}

/* Whether no row before `f` begins with the same `n` characters ("outer."). */
static bool first_of(const struct field *fields, const struct field *f, size_t n)
{
    for (; fields != f; fields++)
        if (strncmp(fields->name, f->name, n) == 0)
            return false;
    return true;
}

/* The object that rows named "outer.inner" describe; `f` is the first of them. */
static void write_member(struct jsonw *w, const struct field *f, size_t n, bool nullable)
{
    const char *outer = f->name;
    char name[64];
    (void)snprintf(name, sizeof name, "%.*s", (int)(n - 1), outer);
    jsonw_key(w, name);
    jsonw_object(w);
    write_type(w, "object", nullable);
    jsonw_key(w, "properties");
    jsonw_object(w);
    for (; f->name; f++) {
        if (strncmp(f->name, outer, n) != 0)
            continue;
        jsonw_key(w, f->name + n);
        schema_field(w, f, nullable);
    }
    jsonw_object_end(w);
    jsonw_object_end(w);
}

void schema_object(struct jsonw *w, const struct field *fields, bool nullable)
{
    bool any = false;
    jsonw_object(w);
    jsonw_kstr(w, "type", "object");
    jsonw_key(w, "properties");
    jsonw_object(w);
    for (const struct field *f = fields; f->name; f++) {
        const char *dot = strchr(f->name, '.');
        if (!dot) {
            jsonw_key(w, f->name);
            schema_field(w, f, nullable);
        } else if (first_of(fields, f, (size_t)(dot - f->name) + 1)) {
            write_member(w, f, (size_t)(dot - f->name) + 1, nullable);
        }
        any |= f->required;
    }
    jsonw_object_end(w);
    if (any) {
        jsonw_key(w, "required");
        jsonw_array(w);
        for (const struct field *f = fields; f->name; f++)
            if (f->required)
                jsonw_str(w, f->name);
        jsonw_array_end(w);
    }
    jsonw_object_end(w);
}

void schema_answers(struct jsonw *w)
{
    jsonw_key(w, "Answer");
    jsonw_raw(w, "{\"type\":\"object\",\"description\":\"The shape of every answer.\","
                 "\"required\":[\"success\",\"message\",\"data\",\"hint\"],\"properties\":{"
                 "\"success\":{\"type\":\"boolean\"},\"message\":{\"type\":\"string\"},"
                 "\"data\":{\"description\":\"The result, or null.\"},"
                 "\"hint\":{\"type\":[\"string\",\"null\"],\"description\":\"Something to know "
                 "beside the result, such as fields that were not understood.\"}}}");
    jsonw_key(w, "ValidationFailure");
    jsonw_raw(w, "{\"description\":\"A field is missing or has a wrong type or value.\",\"allOf\":["
                 "{\"$ref\":\"#/components/schemas/Answer\"},{\"type\":\"object\","
                 "\"required\":[\"detail\"],\"properties\":{\"detail\":{\"type\":\"array\","
                 "\"items\":{\"type\":\"object\",\"required\":[\"loc\",\"msg\",\"type\"],"
                 "\"properties\":{\"loc\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
                 "\"msg\":{\"type\":\"string\"},\"type\":{\"type\":\"string\"}}}}}}]}");
}
