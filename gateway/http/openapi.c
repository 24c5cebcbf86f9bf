#include "http/openapi.h"

#include <ctype.h>
#include <string.h>

#include "base/jsonw.h"
#include "http/exchange_internal.h"
#include "http/openapi_schema.h"

/* ---- names ---- */

/* "/v1/file/{path...}" → "/v1/file/{path}" */
static void write_path(struct jsonw *w, const char *path)
{
    char text[256];
    size_t n = 0;
    for (const char *p = path; *p && n < sizeof text - 1; p++) {
        if (strncmp(p, "...}", 4) == 0)
            p += 3;
        text[n++] = *p;
    }
    text[n] = '\0';
    jsonw_key(w, text);
}

/* "POST /v1/shell/exec" → "post_v1_shell_exec" */
static void write_operation_id(struct jsonw *w, const struct route *row)
{
    char text[256];
    size_t n = 0;
    for (const char *p = route_takes_any(row) ? "any" : row->method; *p && n < sizeof text - 1; p++)
        text[n++] = (char)tolower((unsigned char)*p);
    bool gap = true;
    for (const char *p = row->path; *p && n < sizeof text - 2; p++) {
        if (!isalnum((unsigned char)*p)) {
            gap = true;
            continue;
        }
        if (gap)
            text[n++] = '_';
        gap = false;
        text[n++] = *p;
    }
    /* "/json/" is another path than "/json". */
    if (gap && n < sizeof text - 1 && row->path[strlen(row->path) - 1] == '/')
        text[n++] = '_';
    jsonw_ktext(w, "operationId", text, n);
}

static void write_method(struct jsonw *w, const char *method)
{
    char text[16];
    size_t n = 0;
    for (; n < sizeof text - 1 && method[n]; n++)
        text[n] = (char)tolower((unsigned char)method[n]);
    text[n] = '\0';
    jsonw_key(w, text);
}

/* ---- parameters ---- */

static void write_path_parameters(struct jsonw *w, const char *path)
{
    for (const char *p = strchr(path, '{'); p; p = strchr(p + 1, '{')) {
        size_t n = strcspn(p + 1, "}");
        bool rest = n > 3 && strncmp(p + 1 + n - 3, "...", 3) == 0;
        jsonw_object(w);
        jsonw_ktext(w, "name", p + 1, rest ? n - 3 : n);
        jsonw_kstr(w, "in", "path");
        jsonw_kbool(w, "required", true);
        if (rest)
            jsonw_kstr(w, "description", "All that follows, slashes included.");
        jsonw_key(w, "schema");
        jsonw_raw(w, "{\"type\":\"string\"}");
        jsonw_object_end(w);
    }
}

static void write_query_parameters(struct jsonw *w, const struct field *fields)
{
    for (const struct field *f = fields; f && f->name; f++) {
        jsonw_object(w);
        jsonw_kstr(w, "name", f->name);
        jsonw_kstr(w, "in", "query");
        jsonw_kbool(w, "required", f->required);
        if (f->doc)
            jsonw_kstr(w, "description", f->doc);
        jsonw_key(w, "schema");
        schema_field(w, f, false);
        jsonw_object_end(w);
    }
}

static bool has_file(const struct route *row)
{
    for (const struct field *f = row->input; f && f->name; f++)
        if (f->type == FIELD_FILE)
            return true;
    return false;
}

static bool input_is_query(const struct route *row)
{
    return row->body == BODY_NONE || (row->body == BODY_STREAM && !has_file(row));
}

static void write_parameters(struct jsonw *w, const struct route *row)
{
    const struct field *query = input_is_query(row) ? row->input : NULL;
    if (!strchr(row->path, '{') && !(query && query->name))
        return;
    jsonw_key(w, "parameters");
    jsonw_array(w);
    write_path_parameters(w, row->path);
    write_query_parameters(w, query);
    jsonw_array_end(w);
}

/* ---- bodies ---- */

static bool any_required(const struct field *fields)
{
    for (const struct field *f = fields; f && f->name; f++)
        if (f->required)
            return true;
    return false;
}

static void write_body(struct jsonw *w, const struct route *row)
{
    if (row->body == BODY_NONE || route_takes_any(row))
        return;
    bool json = row->body == BODY_JSON, form = has_file(row);
    jsonw_key(w, "requestBody");
    jsonw_object(w);
    jsonw_kbool(w, "required", json ? any_required(row->input) : true);
    jsonw_key(w, "content");
    jsonw_object(w);
    jsonw_key(w, json   ? "application/json"
                 : form ? "multipart/form-data"
                        : "application/octet-stream");
    jsonw_object(w);
    jsonw_key(w, "schema");
    if ((json || form) && row->input)
        schema_object(w, row->input, json);
    else
        jsonw_raw(w, json ? "{\"type\":\"object\"}" : "{}");
    jsonw_object_end(w);
    jsonw_object_end(w);
    jsonw_object_end(w);
    jsonw_kint(w, "x-max-body-bytes", (int64_t)row->body_limit);
}

/* ---- answers ---- */

static void write_answer(struct jsonw *w, const char *status, const char *description,
                         const char *type, const char *schema)
{
    jsonw_key(w, status);
    jsonw_object(w);
    jsonw_kstr(w, "description", description);
    if (type) {
        jsonw_key(w, "content");
        jsonw_object(w);
        jsonw_key(w, type);
        jsonw_object(w);
        if (schema) {
            jsonw_key(w, "schema");
            jsonw_object(w);
            jsonw_kstr(w, "$ref", schema);
            jsonw_object_end(w);
        }
        jsonw_object_end(w);
        jsonw_object_end(w);
    }
    jsonw_object_end(w);
}

static void write_answers(struct jsonw *w, const struct route *row)
{
    static const char answer[] = "#/components/schemas/Answer", json[] = "application/json";
    jsonw_key(w, "responses");
    jsonw_object(w);
    if (row->kind == ROUTE_SOCKET)
        write_answer(w, "101", "The connection is a WebSocket now.", NULL, NULL);
    else if (row->page && !row->answers)
        write_answer(w, "200", "A page.", "text/html", NULL);
    else if (row->answers)
        write_answer(w, "200", "The content.", row->answers, NULL);
    else
        write_answer(w, "200", "Done, or failed as success tells.", json, answer);
    if (row->input)
        write_answer(w, "422", "A field is missing or wrong.", json,
                     "#/components/schemas/ValidationFailure");
    write_answer(w, "default", "Refused or failed.", json, answer);
    jsonw_object_end(w);
}

/* ---- operations ---- */

static void write_scope(struct jsonw *w, unsigned scope)
{
    static const struct {
        enum scope bit;
        const char *name;
    } names[] = {{SCOPE_READ, "read"},
                 {SCOPE_EXEC, "exec"},
                 {SCOPE_DESKTOP, "desktop"},
                 {SCOPE_ADMIN, "admin"}};
    jsonw_key(w, "x-scopes");
    jsonw_array(w);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (scope & names[i].bit)
            jsonw_str(w, names[i].name);
    jsonw_array_end(w);
}

static void write_operation(struct jsonw *w, const struct route *row)
{
    /* Path items have no word for every method. */
    write_method(w, route_takes_any(row) ? "GET" : row->method);
    jsonw_object(w);
    if (route_takes_any(row))
        jsonw_kbool(w, "x-any-method", true);
    if (row->tag) {
        jsonw_key(w, "tags");
        jsonw_array(w);
        jsonw_str(w, row->tag);
        jsonw_array_end(w);
    }
    jsonw_kstr(w, "summary", row->summary ? row->summary : "");
    write_operation_id(w, row);
    write_scope(w, row->scope);
    if (row->service)
        jsonw_kstr(w, "x-service", row->service);
    write_parameters(w, row);
    write_body(w, row);
    write_answers(w, row);
    jsonw_object_end(w);
}

static bool first_of_path(const struct router *router, size_t index)
{
    const struct route *row = router_row(router, index);
    for (size_t i = 0; i < index; i++)
        if (strcmp(router_row(router, i)->path, row->path) == 0)
            return false;
    return true;
}

static void write_paths(struct jsonw *w, const struct router *router)
{
    const struct route *row, *other;
    jsonw_key(w, "paths");
    jsonw_object(w);
    for (size_t i = 0; (row = router_row(router, i)); i++) {
        if (!first_of_path(router, i))
            continue;
        write_path(w, row->path);
        jsonw_object(w);
        for (size_t j = i; (other = router_row(router, j)); j++)
            if (strcmp(other->path, row->path) == 0)
                write_operation(w, other);
        jsonw_object_end(w);
    }
    jsonw_object_end(w);
}

/* ---- the rest ---- */

static bool first_of_tag(const struct router *router, size_t index)
{
    const char *tag = router_row(router, index)->tag;
    for (size_t i = 0; i < index; i++)
        if (router_row(router, i)->tag && strcmp(router_row(router, i)->tag, tag) == 0)
            return false;
    return true;
}

static void write_tags(struct jsonw *w, const struct router *router)
{
    const struct route *row;
    jsonw_key(w, "tags");
    jsonw_array(w);
    for (size_t i = 0; (row = router_row(router, i)); i++) {
        if (!row->tag || !first_of_tag(router, i))
            continue;
        jsonw_object(w);
        jsonw_kstr(w, "name", row->tag);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void write_info(struct jsonw *w, const struct openapi_about *about)
{
    jsonw_kstr(w, "openapi", "3.1.0");
    jsonw_key(w, "info");
    jsonw_object(w);
    jsonw_kstr(w, "title", about->title);
    jsonw_kstr(w, "version", about->version);
    jsonw_kstr(w, "description", about->description);
    jsonw_object_end(w);
    /* Relative to this document, so that it holds behind any proxy prefix. */
    jsonw_key(w, "servers");
    jsonw_raw(w, "[{\"url\":\"..\"}]");
    jsonw_key(w, "x-limits");
    jsonw_object(w);
    jsonw_kint(w, "json_depth", JSON_MAX_DEPTH);
    jsonw_kint(w, "json_values", JSON_MAX_VALUES);
    jsonw_kint(w, "headers", MAX_HEADERS);
    jsonw_kint(w, "query_parameters", MAX_QUERY_PAIRS);
    jsonw_object_end(w);
}

/* Any one of them will do; an empty requirement says that none is needed. */
static void write_security(struct jsonw *w, bool required)
{
    jsonw_key(w, "security");
    jsonw_raw(
        w,
        required
            ? "[{\"key\":[]},{\"bearer\":[]},{\"query\":[]},{\"ticket\":[]},{\"cookie\":[]}]"
            : "[{},{\"key\":[]},{\"bearer\":[]},{\"query\":[]},{\"ticket\":[]},{\"cookie\":[]}]");
}

static void write_components(struct jsonw *w)
{
    jsonw_key(w, "components");
    jsonw_object(w);
    jsonw_key(w, "schemas");
    jsonw_object(w);
    schema_answers(w);
    jsonw_object_end(w);
    jsonw_key(w, "securitySchemes");
    jsonw_raw(w,
              "{\"key\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-AIO-API-Key\"},"
              "\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
              "\"query\":{\"type\":\"apiKey\",\"in\":\"query\",\"name\":\"api_key\"},"
              "\"ticket\":{\"type\":\"apiKey\",\"in\":\"query\",\"name\":\"ticket\"},"
              "\"cookie\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"" AUTH_COOKIE "\"}}");
    jsonw_object_end(w);
}

void openapi_write(const struct router *router, const struct openapi_about *about,
                   struct bytes *out)
{
    struct jsonw w = jsonw_on(out);
    jsonw_object(&w);
    write_info(&w, about);
    write_security(&w, about->key_required);
    write_tags(&w, router);
    write_paths(&w, router);
    write_components(&w);
    jsonw_object_end(&w);
}
