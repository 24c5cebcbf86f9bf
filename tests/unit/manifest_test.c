/* What a service may say about itself, and what it is told when it is wrong. */
#include "core/manifest.h"
#include "core/probe.h"

#include "check.h"

static struct arena *arena;

static int parse(const char *text, struct manifest *ret, struct err *err)
{
    *err = ERR_INIT;
    return manifest_parse(arena, "/services/web", "web", text, strlen(text), ret, err);
}

static void reads_everything(void)
{
    struct manifest m;
    struct err err;
    int r = parse("{\"title\":\"Web\",\"description\":\"A page\",\"command\":[\"./serve\",\"-v\"],"
                  "\"environment\":{\"A\":\"${HOME}/a\",\"B\":null},\"needs\":[\"display\"],"
                  "\"wants\":[\"windows\"],\"listen\":{\"tcp\":9222},"
                  "\"ready\":{\"probe\":\"http\",\"path\":\"/json/version\","
                  "\"timeout_seconds\":2.5},\"start\":\"boot\",\"idle_stop_seconds\":60,"
                  "\"stop_seconds\":3,\"memory_mb\":300}",
                  &m, &err);
    CHECK(r == 0);
    CHECK_TEXT(m.name, "web");
    CHECK_TEXT(m.dir, "/services/web");
    CHECK_TEXT(m.title.p, "Web");
    CHECK(m.command.n == 2 && strcmp(m.command.items[1].p, "-v") == 0);
    CHECK(m.environment.n == 2 && m.environment.items[1].value.p == NULL);
    CHECK(m.needs.n == 1 && m.wants.n == 1);
    CHECK(m.port == 9222 && !m.socket && m.probe == PROBE_HTTP);
    CHECK(m.ready_seconds > 2.4 && m.ready_seconds < 2.6);
    CHECK(m.boot == 1 && m.idle_stop_seconds > 59 && m.stop_seconds < 3.1 && m.memory_mb == 300);
}

static void fills_in_defaults(void)
{
    struct manifest m;
    struct err err;
    CHECK(parse("{\"command\":[\"openbox\"]}", &m, &err) == 0);
    CHECK(m.probe == CHOICE_ABSENT && m.port == INT_ABSENT && !m.socket && m.boot == 0);
    CHECK(m.ready_seconds > 19.9 && m.ready_seconds < 20.1 && m.stop_seconds > 4.9);
    CHECK(m.idle_stop_seconds < 0.1 && m.needs.n == 0 && m.memory_mb == 0);
    CHECK(parse("{\"command\":[\"x\"],\"listen\":{\"socket\":true}}", &m, &err) == 0);
    CHECK(m.probe == PROBE_UNIX);
    CHECK(parse("{\"command\":[\"x\"],\"listen\":{\"tcp\":80}}", &m, &err) == 0);
    CHECK(m.probe == PROBE_TCP);
    CHECK(parse("{\"command\":[\"x\"],\"ready\":{\"probe\":\"unix\","
                "\"path\":\"${SANDGATE_RUN}/x\"}}",
                &m, &err) == 0);
}

/* Text of the manifest, and what the error must name. */
static const char *const wrong[][2] = {
    {"", "'command' is required"},
    {"[]", "JSON object"},
    {"{\"command\":[\"x\"]", "malformed JSON"},
    {"{\"title\":\"t\"}", "'command' is required"},
    {"{\"command\":[\"x\"],\"disabled_by\":\"A B\"}", "'A B' is not a variable's name"},
    {"{\"command\":[\"x\"],\"listen\":{\"port_from\":\"P\"}}", "goes with listen.socket"},
    {"{\"command\":[\"x\"],\"listen\":{\"tcp\":1,\"port_from\":\"1P\"}}", "'1P' is not a"},
    {"{\"command\":[]}", "'command'"},
    {"{\"command\":\"x\"}", "'command' must be a list"},
    {"{\"command\":[\"\"]}", "'command'"},
    {"{\"command\":[\"../x\"]}", "'command': '../x'"},
    {"{\"command\":[\"x\",\"${1}\"]}", "'command': '${1}'"},
    {"{\"command\":[\"x\",\"${A\"]}", "'command': '${A'"},
    {"{\"command\":[\"x\",\"${A:-b}\"]}", "'command': '${A:-b}'"},
    {"{\"command\":[\"x\"],\"colour\":1}", "unknown member 'colour'"},
    {"{\"command\":[\"x\"],\"ready\":{\"prob\":\"tcp\"}}", "unknown member 'ready.prob'"},
    {"{\"command\":[\"x\"],\"command\":[\"y\"]}", "'command' is given twice"},
    {"{\"command\":[\"x\"],\"environment\":{\"A B\":\"\"}}", "'environment': 'A B'"},
    {"{\"command\":[\"x\"],\"environment\":{\"SERVICE_RUN\":\"/\"}}", "'SERVICE_RUN'"},
    {"{\"command\":[\"x\"],\"environment\":{\"SANDGATE_INSTANCE\":null}}", "'SANDGATE_INSTANCE'"},
    {"{\"command\":[\"x\"],\"environment\":{\"A\":\"${}\"}}", "'environment': '${}'"},
    {"{\"command\":[\"x\"],\"needs\":[\"Big\"]}", "'needs': 'Big'"},
    {"{\"command\":[\"x\"],\"needs\":[\"../etc\"]}", "'needs': '../etc'"},
    {"{\"command\":[\"x\"],\"needs\":[\"web\"]}", "'needs' names the service itself"},
    {"{\"command\":[\"x\"],\"needs\":[\"a\",\"a\"]}", "'needs': 'a' is named twice"},
    {"{\"command\":[\"x\"],\"needs\":[\"a\"],\"wants\":[\"a\"]}", "'wants': 'a' is named twice"},
    {"{\"command\":[\"x\"],\"listen\":{\"tcp\":0}}", "'listen.tcp'"},
    {"{\"command\":[\"x\"],\"listen\":{\"tcp\":65536}}", "'listen.tcp'"},
    {"{\"command\":[\"x\"],\"listen\":{\"tcp\":80,\"socket\":true}}", "'listen'"},
    {"{\"command\":[\"x\"],\"ready\":{\"probe\":\"icmp\"}}", "'ready.probe' must be one of"},
    {"{\"command\":[\"x\"],\"ready\":{\"probe\":\"tcp\"}}", "'ready.probe' asks for tcp"},
    {"{\"command\":[\"x\"],\"ready\":{\"probe\":\"http\"}}", "'ready.probe' asks for http"},
    {"{\"command\":[\"x\"],\"ready\":{\"probe\":\"unix\"}}", "'ready.probe' asks for unix"},
    {"{\"command\":[\"x\"],\"listen\":{\"tcp\":80},\"ready\":{\"probe\":\"http\",\"path\":\"x\"}}",
     "'ready.path' must begin"},
    {"{\"command\":[\"x\"],\"listen\":{\"tcp\":80},\"ready\":{\"probe\":\"http\","
     "\"path\":\"/a\\r\\nb\"}}",
     "'ready.path' must hold no spaces"},
    {"{\"command\":[\"x\"],\"ready\":{\"path\":\"/x\"}}", "'ready.path' goes with"},
    {"{\"command\":[\"x\"],\"ready\":{\"timeout_seconds\":-1}}", "'ready.timeout_seconds'"},
    {"{\"command\":[\"x\"],\"start\":\"eager\"}", "'start' must be one of"},
    {"{\"command\":[\"x\"],\"stop_seconds\":\"5\"}", "'stop_seconds' must be a number"},
};

static void names_what_is_wrong(void)
{
    struct manifest m = {.name = "untouched"};
    struct err err;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        bool refused = parse(wrong[i][0], &m, &err) < 0;
        if (!refused || !strstr(err.text, wrong[i][1]) || !strstr(err.text, "service 'web'"))
            (void)printf("%s\n  said: %s\n", wrong[i][0], refused ? err.text : "(nothing)");
        CHECK(refused && strstr(err.text, wrong[i][1]) && strstr(err.text, "service 'web'"));
    }
    CHECK_TEXT(m.name, "untouched");
}

static void knows_names(void)
{
    CHECK(service_name_valid("web", 3) && service_name_valid("a-1", 3));
    CHECK(!service_name_valid("", 0) && !service_name_valid("1a", 2) &&
          !service_name_valid("-a", 2) && !service_name_valid("a/b", 3) &&
          !service_name_valid("a.b", 3) &&
          !service_name_valid("abcdefghijklmnopqrstuvwxyzabcdefg", 33));
}

static void reads_from_disk(void)
{
    struct manifest m;
    struct err err = ERR_INIT;
    CHECK(manifest_read(arena, "/nowhere", "web", &m, &err) < 0 && err.kind == ERR_NOT_FOUND);
    CHECK(manifest_read(arena, "/nowhere", "../web", &m, &err) < 0 && err.kind == ERR_NOT_FOUND);
}

static void expands_variables(void)
{
    static const char *const envp[] = {"HOME=/home/a", "HOMEPAGE=http://b/", "EMPTY=", NULL};
    CHECK_TEXT(manifest_expand(arena, "${HOME}", envp), "/home/a");
    CHECK_TEXT(manifest_expand(arena, "-${HOMEPAGE}${HOME}-", envp), "-http://b//home/a-");
    CHECK_TEXT(manifest_expand(arena, "${EMPTY}${NONE}${HOM}", envp), "");
    CHECK_TEXT(manifest_expand(arena, "$HOME $ {HOME} }", envp), "$HOME $ {HOME} }");
    CHECK_TEXT(manifest_expand(arena, "", envp), "");
}

static struct manifest service(const char *name, const char *needs, const char *wants)
{
    struct manifest m;
    struct err err;
    char text[200];
    (void)snprintf(text, sizeof text, "{\"command\":[\"x\"],\"needs\":[%s],\"wants\":[%s]}", needs,
                   wants);
    CHECK(manifest_parse(arena, "/", name, text, strlen(text), &m, &err) == 0);
    return m;
}

static void apply(const char *text, const char *variable, struct manifest *ret, bool *ret_disabled)
{
    const char *const envp[] = {"HOME=/root", variable, NULL};
    struct err err;
    CHECK(parse(text, ret, &err) == 0 && manifest_apply(ret, envp, ret_disabled, &err) == 0);
}

static void is_disabled_by_its_variable(void)
{
    static const char text[] = "{\"command\":[\"x\"],\"disabled_by\":\"NO_WEB\"}";
    static const char *const on[] = {"NO_WEB=true", "NO_WEB=1", "NO_WEB=Yes", "NO_WEB=off it goes"};
    static const char *const off[] = {"NO_WEB=",    "NO_WEB=False", "NO_WEB=0", "NO_WEB=no",
                                      "NO_WEB=OFF", "NO_WEBS=1",    "OTHER=1"};
    struct manifest m;
    bool disabled;
    for (size_t i = 0; i < COUNT_OF(on); i++) {
        apply(text, on[i], &m, &disabled);
        CHECK(disabled);
    }
    for (size_t i = 0; i < COUNT_OF(off); i++) {
        apply(text, off[i], &m, &disabled);
        CHECK(!disabled);
    }
}

static void listens_where_its_variable_says(void)
{
    static const char text[] =
        "{\"command\":[\"x\"],\"listen\":{\"socket\":true,\"port_from\":\"WEB_PORT\"}}";
    static const char *const bad[] = {"WEB_PORT=0", "WEB_PORT=65536", "WEB_PORT=80 ", "WEB_PORT=x"};
    struct manifest m;
    struct err err;
    bool disabled;
    apply(text, "WEB_PORT=", &m, &disabled);
    CHECK(m.socket && m.probe == PROBE_UNIX);
    apply(text, "WEB_PORT=8200", &m, &disabled);
    CHECK(!m.socket && m.port == 8200 && m.probe == PROBE_TCP && !disabled);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const char *const envp[] = {bad[i], NULL};
        CHECK(parse(text, &m, &err) == 0 && manifest_apply(&m, envp, &disabled, &err) < 0);
        CHECK(strstr(err.text, "WEB_PORT: must be a port"));
    }
}

static void refuses_circles(void)
{
    struct err err = ERR_INIT;
    struct manifest fine[] = {
        service("browser", "\"display\"", "\"windows\",\"desktop\",\"not-selected\""),
        service("desktop", "\"display\"", "\"windows\""),
        service("display", "", ""),
        service("windows", "\"display\"", ""),
    };
    CHECK(manifest_check_order(fine, 4, &err) == 0);
    CHECK(manifest_check_order(fine, 0, &err) == 0);
    struct manifest circle[] = {
        service("a", "\"b\"", ""),
        service("b", "", "\"c\""),
        service("c", "\"b\"", ""),
    };
    CHECK(manifest_check_order(circle, 3, &err) < 0);
    CHECK(strstr(err.text, "service 'b'") || strstr(err.text, "service 'c'"));
    CHECK(strstr(err.text, "field 'wants'") || strstr(err.text, "field 'needs'"));
    CHECK(!strstr(err.text, "service 'a'"));
    struct manifest pair[] = {service("a", "\"b\"", ""), service("b", "\"a\"", "")};
    CHECK(manifest_check_order(pair, 2, &err) < 0);
}

int main(void)
{
    arena = arena_new();
    RUN(reads_everything);
    RUN(fills_in_defaults);
    RUN(names_what_is_wrong);
    RUN(knows_names);
    RUN(reads_from_disk);
    RUN(expands_variables);
    RUN(is_disabled_by_its_variable);
    RUN(listens_where_its_variable_says);
    RUN(refuses_circles);
    arena_free(arena);
    return CHECK_DONE();
}
