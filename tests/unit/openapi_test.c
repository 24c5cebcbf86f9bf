/* The document is read back as JSON, and looked at as text. */
#include "http/openapi.h"

#include "base/json_scan.h"
#include "check.h"

struct input {
    struct text path, mode;
    int64_t count;
    int kind;
    struct text_map env;
};

static const char *const kinds[] = {"read", "write", NULL};

#define AT(member) .offset = offsetof(struct input, member)
static const struct field body[] = {
    {"path", FIELD_PATH, AT(path), .required = true, .doc = "Where \"it\" is."},
    {"mode", FIELD_TEXT, AT(mode), .max = 9, .fallback = "\"x\""},
    {"count", FIELD_INT, AT(count), .min = -1, .max = 7, .fallback = "3"},
    {"kind", FIELD_CHOICE, AT(kind), .choices = kinds},
    {"env", FIELD_TEXT_MAP, AT(env), .max = 5},
    FIELDS_END,
};
static const struct field query[] = {
    {"count", FIELD_INT, AT(count), .min = 1, .max = 7},
    FIELDS_END,
};
static const struct field form[] = {
    {"file", FIELD_FILE, .required = true},
    {"path", FIELD_TEXT, AT(path)},
    FIELDS_END,
};

static const struct route rows[] = {
    {.method = "POST",
     .path = "/v1/a/{id}/run",
     .scope = SCOPE_EXEC,
     INPUT(body, struct input),
     .body = BODY_JSON,
     .body_limit = 4096,
     .tag = "a",
     .summary = "Runs."},
    {.method = "GET", .path = "/v1/a", .scope = SCOPE_READ, INPUT(query, struct input), .tag = "a"},
    {.method = "POST",
     .path = "/v1/a",
     .scope = SCOPE_READ | SCOPE_EXEC,
     INPUT(form, struct input),
     .body = BODY_STREAM,
     .body_limit = 1,
     .tag = "b"},
    {.method = "GET", .path = "/p/{rest...}", .page = true, .tag = "a"},
    {.method = "GET", .path = "/m", .answers = "text/plain", .tag = "b"},
    {.method = "GET", .path = "/ws", .kind = ROUTE_SOCKET, .tag = "b"},
    ROUTES_END,
};
static const struct route *const tables[] = {rows, NULL};

static struct bytes out;

static bool has(const char *text)
{
    return strstr(bytes_text(&out), text) != NULL;
}

static int count(const char *text)
{
    int n = 0;
    for (const char *p = bytes_text(&out); (p = strstr(p, text)); p++)
        n++;
    return n;
}

struct top {
    struct text openapi;
};
static const struct field top[] = {
    {"openapi", FIELD_TEXT, .offset = offsetof(struct top, openapi), .required = true},
    FIELDS_END,
};

static void is_json(void)
{
    struct arena *arena = arena_new();
    struct bytes unknown = BYTES_INIT(KIB);
    struct top document;
    struct err err;
    CHECK(json_scan(out.data, out.len, &err) == 0);
    CHECK(json_decode(arena, out.data, out.len, top, &document, sizeof document, &unknown, &err) ==
          0);
    CHECK_TEXT(document.openapi.p, "3.1.0");
    CHECK_TEXT(bytes_text(&unknown), "info, servers, x-limits, security, tags, paths, components");
    bytes_done(&unknown);
    arena_free(arena);
}

static void names_paths_once(void)
{
    CHECK(count("\"/v1/a\":{") == 1 && has("\"/v1/a/{id}/run\":{\"post\""));
    CHECK(has("\"/p/{rest}\":{\"get\"") && count("\"name\":\"rest\"") == 1);
    CHECK(has("\"operationId\":\"post_v1_a_id_run\"") && has("\"operationId\":\"get_v1_a\""));
    CHECK(count("{\"name\":\"a\"}") == 1 && count("{\"name\":\"b\"}") == 1);
}

static void tells_fields(void)
{
    CHECK(has("\"required\":[\"path\"]") && has("\"description\":\"Where \\\"it\\\" is.\""));
    CHECK(has("\"mode\":{\"type\":[\"string\",\"null\"],\"maxLength\":9,\"default\":\"x\"}"));
    CHECK(has(
        "\"count\":{\"type\":[\"integer\",\"null\"],\"minimum\":-1,\"maximum\":7,\"default\":3}"));
    CHECK(has("\"enum\":[\"read\",\"write\",null]"));
    CHECK(has("\"additionalProperties\":{\"type\":[\"string\",\"null\"]},\"maxProperties\":5"));
    CHECK(
        has("\"in\":\"query\",\"required\":false,\"schema\":{\"type\":\"integer\",\"minimum\":1,"));
}

static void tells_bodies_and_answers(void)
{
    CHECK(has("\"x-max-body-bytes\":4096") && count("\"x-max-body-bytes\"") == 2);
    CHECK(has("\"multipart/form-data\":{\"schema\":{") && has("\"format\":\"binary\""));
    CHECK(has("\"101\":{") && has("\"text/html\":{}") && has("\"text/plain\":{}"));
    CHECK(count("ValidationFailure\"}") == 3);
    CHECK(has("\"x-scopes\":[\"exec\"]") && has("\"x-scopes\":[\"read\",\"exec\"]"));
}

int main(void)
{
    struct router *router = NULL;
    struct openapi_about about = {"T", "1", "D", .key_required = true};
    struct err err;
    out = bytes_with_limit(MIB);
    CHECK(router_open(tables, &router, &err) == 0);
    openapi_write(router, &about, &out);
    CHECK(!out.failed);
    RUN(is_json);
    RUN(names_paths_once);
    RUN(tells_fields);
    RUN(tells_bodies_and_answers);
    bytes_done(&out);
    router_close(router);
    return CHECK_DONE();
}
