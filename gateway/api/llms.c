/* /llms.txt: a manual for agents, short enough to be read whole. The endpoints are written from the
 * rows that are enforced, and a place is named only where a row serves it. */
#include <string.h>

#include "api/app.h"
#include "core/config.h"
#include "http/public.h"

#define CEILING (1 * MIB)

/* What is not one endpoint but a place to go to. */
static const struct {
    const char *path, *scheme, *text; /* the scheme as public_url() takes it */
} places[] = {
    {"/cdp/json/version", "http",
     "Chromium's DevTools protocol: give this server to Playwright (connect_over_cdp) or Puppeteer "
     "without /json/version. The browser starts at the first request."},
    {"/websockify", "ws", "The desktop as VNC (RFB) in a WebSocket."},
    {"/vnc/index.html", "http",
     "The desktop, to watch and use; ?autoconnect=true connects at once."},
    {"/terminal", "http", "A terminal; ?session_id=ID shows that session of /v1/shell."},
    {"/code-server/", "http", "VS Code on the workspace."},
    {"/jupyter/", "http", "JupyterLab."},
    {"/proxy/", "http",
     "A web server of yours on PORT: /proxy/PORT/ takes that prefix off the path, /absproxy/PORT/ "
     "keeps it."},
    {"/mcp", "http", "The Model Context Protocol, streamable HTTP."},
    {"/v1/docs", "http", "The API, to read and try."},
    {"/v1/openapi.json", "http", "The API as an OpenAPI document, with every range and ceiling."},
    {"/", "http", "The dashboard: everything above on one page, for people."},
};

static const char about[] =
    "# Sandgate\n\n"
    "A computer for an agent and a person: files, shells, code that keeps its state, and a browser "
    "on a desktop, all on one port. This is its manual; everything below can be called now.\n\n"
    "## How to talk to it\n\n";

static const char manners[] =
    "- Bodies are JSON objects (`Content-Type: application/json`) unless a route says otherwise; "
    "`GET` takes its fields from the query. Only fields marked required must be given.\n"
    "- Every answer is `{\"success\", \"message\", \"data\", \"hint\"}`. When success is false, "
    "message says why; a hint tells what was ignored. Wrong fields are answered with 422 and "
    "named.\n"
    "- A command that fails is a successful call: look at its `exit_code`.\n"
    "- Paths of files are absolute.\n";

static const char advice[] =
    "\n## Where to begin\n\n"
    "- What is installed here: `GET /v1/sandbox`. What is busy: `GET /v1/sandbox/resources`.\n"
    "- One command, its output and exit code: `POST /v1/bash/exec`. With `async_mode` it goes on "
    "alone; read on with `POST /v1/bash/output`.\n"
    "- Commands that share a directory, variables and a terminal: `POST /v1/shell/exec` with the "
    "same `id` each time.\n"
    "- Code that keeps its variables: `POST /v1/jupyter/execute` or `/v1/nodejs/execute` with the "
    "same `session_id` each time.\n"
    "- Files: `/v1/file/read`, `/v1/file/write`, `/v1/file/str_replace_editor`, `/v1/file/grep`.\n"
    "- See the screen: `GET /v1/browser/screenshot`. Drive it: `POST /v1/browser/actions`, or "
    "better the DevTools protocol.\n";

/* Calls to paste into a shell as they are; their order matters. */
static const struct {
    const char *path, *body;
} examples[] = {
    {"/v1/bash/exec", "{\"command\": \"uname -a\"}"},
    {"/v1/shell/exec", "{\"id\": \"build\", \"command\": \"cd /tmp && export WHO=agent\"}"},
    {"/v1/shell/exec", "{\"id\": \"build\", \"command\": \"echo $WHO in $PWD\"}"},
    {"/v1/file/write", "{\"file\": \"/tmp/hello.py\", \"content\": \"print(6 * 7)\\n\"}"},
    {"/v1/bash/exec", "{\"command\": \"python3 /tmp/hello.py\"}"},
    {"/v1/jupyter/execute", "{\"session_id\": \"notes\", \"code\": \"x = 6 * 7\\nx\"}"},
    {"/v1/nodejs/execute", "{\"session_id\": \"js\", \"code\": \"const x = await 42; x\"}"},
};

/* ---- rows ---- */

static const char *type_of(const struct field *f)
{
    static const char *const names[] = {
        [FIELD_TEXT] = "text",          [FIELD_PATH] = "path",
        [FIELD_BOOL] = "true or false", [FIELD_SWITCH] = "true or false",
        [FIELD_INT] = "integer",        [FIELD_NUMBER] = "number",
        [FIELD_CHOICE] = "one of",      [FIELD_TEXT_LIST] = "texts",
        [FIELD_INT_LIST] = "integers",  [FIELD_TEXT_MAP] = "map of texts",
        [FIELD_FILE] = "file",
    };
    return names[f->type];
}

static void write_field(struct bytes *out, const struct field *f)
{
    (void)bytes_printf(out, "  - `%s` %s", f->name, type_of(f));
    for (size_t i = 0; f->type == FIELD_CHOICE && f->choices[i]; i++)
        (void)bytes_printf(out, "%s%s", i ? "|" : " ", f->choices[i]);
    if (f->required)
        (void)bytes_adds(out, ", required");
    else if (f->fallback)
        (void)bytes_printf(out, ", default %s", f->fallback);
    (void)bytes_printf(out, "%s%s\n", f->doc ? ": " : "", f->doc ? f->doc : "");
}

static const char *manner_of(const struct route *row)
{
    return route_takes_any(row)                     ? " (and every other method)"
           : row->kind == ROUTE_SOCKET              ? " (WebSocket)"
           : row->page                              ? " (page)"
           : row->body == BODY_STREAM && row->input ? " (multipart/form-data)"
                                                    : "";
}

static void write_row(struct bytes *out, const struct route *row)
{
    (void)bytes_printf(out, "- `%s %s`%s", route_takes_any(row) ? "GET" : row->method, row->path,
                       manner_of(row));
    if (row->summary)
        (void)bytes_printf(out, ": %s", row->summary);
    if (row->answers)
        (void)bytes_printf(out, " Answers %s.", row->answers);
    (void)bytes_addc(out, '\n');
    for (const struct field *f = row->input; f && f->name; f++)
        write_field(out, f);
}

/* Pages and what belongs to them, and protocols of others: a place says all there is to say. */
static bool is_place(const struct route *row)
{
    static const char *const tags[] = {"pages", "devtools", "previews"};
    for (size_t i = 0; i < COUNT_OF(tags); i++)
        if (row->tag && strcmp(row->tag, tags[i]) == 0)
            return true;
    return false;
}

static const char *tag_of(const struct route *row)
{
    return row->tag ? row->tag : "other";
}

/* The rows of a tag together, tags in the order in which they first appear. */
static void write_rows(struct bytes *out, const struct router *router)
{
    const struct route *row, *other;
    for (size_t i = 0; (row = router_row(router, i)); i++) {
        size_t first = 0;
        while (strcmp(tag_of(router_row(router, first)), tag_of(row)) != 0)
            first++;
        if (first < i || is_place(row))
            continue;
        (void)bytes_printf(out, "\n### %s\n\n", tag_of(row));
        for (size_t j = i; (other = router_row(router, j)); j++)
            if (strcmp(tag_of(other), tag_of(row)) == 0)
                write_row(out, other);
    }
}

/* ---- places ---- */

static bool served(const struct router *router, const char *place)
{
    const struct route *row;
    bool folder = place[1] && place[strlen(place) - 1] == '/';
    for (size_t i = 0; (row = router_row(router, i)); i++)
        if (folder ? strncmp(row->path, place, strlen(place)) == 0 : strcmp(row->path, place) == 0)
            return true;
    return false;
}

static void write_places(struct exchange *ex, struct bytes *out)
{
    (void)bytes_adds(out, "\n## Places\n\n");
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        if (!served(app_of(ex)->router, places[i].path))
            continue;
        (void)bytes_adds(out, "- ");
        public_url(ex, places[i].scheme, places[i].path, out);
        (void)bytes_printf(out, " – %s\n", places[i].text);
    }
}

static void write_access(struct exchange *ex, struct bytes *out)
{
    const struct app *app = app_of(ex);
    (void)bytes_adds(out, "- Address: ");
    public_url(ex, "http", "/", out);
    (void)bytes_printf(out, " (version " SANDGATE_VERSION "). The workspace is `%s`.\n",
                       app->config->workspace);
    (void)bytes_adds(
        out, auth_required(app->auth)
                 ? "- Key: every request needs it, as the header `X-AIO-API-Key: KEY` or "
                   "`Authorization: Bearer KEY`; where headers cannot be set (WebSockets, CDP and "
                   "VNC addresses) as the query parameter `api_key=KEY`.\n"
                 : "- Key: none is needed here.\n");
}

static void write_examples(struct exchange *ex, struct bytes *out)
{
    const char *key =
        auth_required(app_of(ex)->auth) ? " -H \"X-AIO-API-Key: $SANDBOX_API_KEY\"" : "";
    (void)bytes_adds(out, "\n```sh\n");
    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        (void)bytes_adds(out, "curl -s ");
        public_url(ex, "http", examples[i].path, out);
        (void)bytes_printf(out, "%s -H 'Content-Type: application/json' -d '%s'\n", key,
                           examples[i].body);
    }
    (void)bytes_adds(out, "```\n");
}

static int llms(struct exchange *ex, struct err *err)
{
    struct bytes out = bytes_with_limit(CEILING);
    (void)bytes_adds(&out, about);
    write_access(ex, &out);
    (void)bytes_adds(&out, manners);
    (void)bytes_adds(&out, advice);
    write_examples(ex, &out);
    write_places(ex, &out);
    (void)bytes_adds(&out, "\n## Endpoints\n");
    write_rows(&out, app_of(ex)->router);
    if (out.failed) {
        bytes_done(&out);
        return err_memory(err);
    }
    /* It names the address the client used. */
    exchange_add_header(ex, "Cache-Control", "no-cache");
    exchange_reply(ex, 200, "text/plain; charset=utf-8", &out);
    return 0;
}

const struct route llms_routes[] = {
    {"GET", "/llms.txt", SCOPE_NONE, ROUTE_INLINE, llms, .tag = "docs", .answers = "text/plain",
     .summary = "This computer and its endpoints, told to an agent."},
    ROUTES_END,
};
