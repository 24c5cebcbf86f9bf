/* The computer itself: what it is, and what is installed. */
#include "api/app.h"
#include "core/packages.h"
#include "core/sandbox_info.h"
#include "http/envelope.h"

#define SUMMARY (64 * KIB)

static void write_system(struct jsonw *w, const struct sandbox_info *info)
{
    char port[8];
    jsonw_key(w, "system");
    jsonw_object(w);
    jsonw_kstr(w, "os", info->os);
    jsonw_kstr(w, "os_version", info->os_version);
    jsonw_kstr(w, "arch", info->arch);
    jsonw_kstr(w, "user", info->user);
    jsonw_kstr(w, "home_dir", info->home);
    jsonw_kstr(w, "workspace", info->workspace);
    jsonw_kstr(w, "timezone", info->timezone);
    jsonw_key(w, "occupied_ports");
    jsonw_array(w);
    for (size_t i = 0; i < info->port_count; i++) {
        (void)snprintf(port, sizeof port, "%u", info->ports[i]);
        jsonw_str(w, port);
    }
    jsonw_array_end(w);
    jsonw_object_end(w);
}

static void write_runtimes(struct jsonw *w, const char *name, const struct runtime_list *list)
{
    jsonw_key(w, name);
    jsonw_array(w);
    for (size_t i = 0; i < list->n; i++) {
        const struct runtime *r = &list->items[i];
        jsonw_object(w);
        jsonw_kstr(w, "ver", r->version);
        jsonw_kstr(w, "bin", r->path);
        jsonw_key(w, "alias");
        jsonw_array(w);
        for (size_t j = 0; j < r->alias_count; j++)
            jsonw_str(w, r->aliases[j]);
        jsonw_array_end(w);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void write_tools(struct jsonw *w, const struct sandbox_info *info)
{
    jsonw_key(w, "utils");
    jsonw_array(w);
    for (size_t i = 0; i < info->category_count; i++) {
        const struct tool_category *c = &info->categories[i];
        jsonw_object(w);
        jsonw_kstr(w, "category", c->name);
        jsonw_key(w, "tools");
        jsonw_array(w);
        for (size_t j = 0; j < c->n; j++) {
            jsonw_object(w);
            jsonw_kstr(w, "name", c->tools[j].name);
            jsonw_kstr(w, "description", c->tools[j].description);
            jsonw_object_end(w);
        }
        jsonw_array_end(w);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static int sandbox(struct exchange *ex, struct err *err)
{
    const struct app *app = app_of(ex);
    struct sandbox_info info;
    cleanup_bytes struct bytes text = BYTES_INIT(SUMMARY);
    if (sandbox_info_read(app->config, app->toolbox, exchange_arena(ex), &info, err) < 0)
        return -1;
    sandbox_info_describe(&info, &text);
    struct jsonw *w = reply_begin(ex, "the sandbox");
    jsonw_text(w, text.data, text.len);
    jsonw_kstr(w, "home_dir", info.home);
    jsonw_kstr(w, "workspace", info.workspace);
    jsonw_kstr(w, "version", info.version);
    jsonw_key(w, "detail");
    jsonw_object(w);
    write_system(w, &info);
    jsonw_key(w, "runtime");
    jsonw_object(w);
    write_runtimes(w, "python", &info.python);
    write_runtimes(w, "nodejs", &info.nodejs);
    jsonw_object_end(w);
    write_tools(w, &info);
    jsonw_object_end(w);
    reply_end(ex);
    return 0;
}

static int reply_packages(struct exchange *ex, const struct package_list *list)
{
    struct jsonw *w = reply_begin(ex, "installed packages");
    jsonw_array(w);
    for (size_t i = 0; i < list->n; i++) {
        jsonw_object(w);
        jsonw_kstr(w, "name", list->items[i].name);
        jsonw_kstr(w, "version", list->items[i].version);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    reply_end(ex);
    return 0;
}

/* An interpreter that is not there is an answer, not a fault of the gateway. */
static int without_list(struct exchange *ex, const struct err *err)
{
    if (err->kind != ERR_UNAVAILABLE)
        return -1;
    jsonw_null(reply_begin_failure(ex, err->text));
    reply_end(ex);
    return 0;
}

static int python_packages(struct exchange *ex, struct err *err)
{
    struct package_list list;
    if (packages_python(app_of(ex)->toolbox, exchange_arena(ex), &list, err) < 0)
        return without_list(ex, err);
    return reply_packages(ex, &list);
}

static int nodejs_packages(struct exchange *ex, struct err *err)
{
    struct package_list list;
    if (packages_nodejs(app_of(ex)->toolbox, exchange_arena(ex), &list, err) < 0)
        return without_list(ex, err);
    return reply_packages(ex, &list);
}

const struct route sandbox_routes[] = {
    {"GET", "/v1/sandbox", SCOPE_READ, ROUTE_BLOCKING, sandbox, .tag = "sandbox",
     .summary = "What this computer is: system, ports in use, languages and programs."},
    {"GET", "/v1/sandbox/packages/python", SCOPE_READ, ROUTE_BLOCKING, python_packages,
     .tag = "sandbox", .summary = "Packages of the python3 that commands find."},
    {"GET", "/v1/sandbox/packages/nodejs", SCOPE_READ, ROUTE_BLOCKING, nodejs_packages,
     .tag = "sandbox", .summary = "Global packages of the node that commands find."},
    ROUTES_END,
};
