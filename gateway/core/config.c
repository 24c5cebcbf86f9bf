#include "core/config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "core/display_claim.h"

enum kind { KIND_TEXT, KIND_COUNT, KIND_SWITCH };

struct setting {
    const char *flag, *variable, *fallback;
    enum kind kind;
    size_t offset;
    int64_t min, max;
    bool secret;
    const char *doc;
};

#define WAIT_PORTS_MAX 64
/* Less would not let a shell start. */
#define MEMORY_MAX_MIN (16 * MIB)
#define PIDS_MAX_MIN   8

#define AT(member) offsetof(struct config, member)

static const struct setting settings[] = {
    {"listen", "SANDGATE_LISTEN", "127.0.0.1:8080", KIND_TEXT, AT(listen), 0, 0, false,
     "ADDRESS:PORT to serve on; port 0 picks a free one"},
    {"home", "HOME", NULL, KIND_TEXT, AT(home), 0, 0, false, "home directory of the sandbox"},
    {"workspace", "WORKSPACE", NULL, KIND_TEXT, AT(workspace), 0, 0, false,
     "where shells and commands start (default: the home)"},
    {"state", "SANDGATE_STATE", NULL, KIND_TEXT, AT(state), 0, 0, false,
     "where the gateway keeps its database and logs (default: HOME/.sandgate)"},
    {"web", "SANDGATE_WEB", NULL, KIND_TEXT, AT(web), 0, 0, false,
     "built web assets (default: web beside the program, or ../share/sandgate/web)"},
    {"services", "SANDGATE_SERVICES", "all", KIND_TEXT, AT(services), 0, 0, false,
     "none, all, or a comma-separated list of services (with what they need)"},
    {"services-dir", "SANDGATE_SERVICES_DIR", NULL, KIND_TEXT, AT(services_dir), 0, 0, false,
     "folder of the services (default: services beside the program, or ../lib/sandgate/services)"},
    {"display", "SANDGATE_DISPLAY", "auto", KIND_TEXT, AT(display_setting), 0, 0, false,
     "number of the X display the desktop has, or auto: the first free one from 99"},
    {"allowed-hosts", "ALLOWED_HOSTS", "", KIND_TEXT, AT(allowed_hosts), 0, 0, false,
     "further Host names to answer to; .example.org takes every name below, * takes all"},
    {"api-key", "SANDBOX_API_KEY", "", KIND_TEXT, AT(api_key), 0, 0, true,
     "the key every request must carry (better given by the environment)"},
    {"wait-ports", "WAIT_PORTS", "", KIND_TEXT, AT(wait_ports), 0, 0, false,
     "ports, separated by commas, that must listen before /readyz says ready"},
    {"timezone", "TZ", "", KIND_TEXT, AT(timezone), 0, 0, false, "time zone of the sandbox"},
    {"log-level", "SANDGATE_LOG_LEVEL", "info", KIND_TEXT, AT(log_level), 0, 0, false,
     "error, warn, info or debug"},
    {"proxy-server", "PROXY_SERVER", "", KIND_TEXT, AT(proxy.server), 0, 0, false,
     "[http|https|socks4|socks5://]HOST[:PORT] by which the browser reaches the network"},
    {"proxy-include", "PROXY_INCLUDE", "", KIND_TEXT, AT(proxy.include), 0, 0, false,
     "hosts the browser reaches by the proxy; default: all"},
    {"proxy-exclude", "PROXY_EXCLUDE", "", KIND_TEXT, AT(proxy.exclude), 0, 0, false,
     "hosts the browser never reaches by the proxy"},
    {"max-connections", "SANDGATE_MAX_CONNECTIONS", "4096", KIND_COUNT, AT(max_connections), 16,
     100000, false, "client connections at once; idle ones make room, more are refused with 503"},
    {"stall-seconds", "SANDGATE_STALL_SECONDS", "30", KIND_COUNT, AT(stall_seconds), 1, 3600, false,
     "a request that comes, or an answer that is taken, too slowly for this long is ended"},
    {"min-rate", "SANDGATE_MIN_RATE", "1024", KIND_COUNT, AT(min_rate), 0, 1073741824, false,
     "bytes a second that are not too slow; 0: only the request's head is timed"},
    {"memory-max", "SANDBOX_MEMORY_MAX", "", KIND_TEXT, AT(memory_max_text), 0, 0, false,
     "memory of all children together, in bytes or with K, M, G or T; needs a control group"},
    {"pids-max", "SANDBOX_PIDS_MAX", "", KIND_TEXT, AT(pids_max_text), 0, 0, false,
     "processes and threads of all children together; needs a control group"},
    {"max-shell-sessions", "MAX_SHELL_SESSIONS", "256", KIND_COUNT, AT(max_shell_sessions), 1,
     10000, false, "shell sessions at once; nameless idle ones make room"},
    {"max-bash-sessions", "MAX_BASH_SESSIONS", "256", KIND_COUNT, AT(max_bash_sessions), 1, 100000,
     false, "bash sessions at once; nameless idle ones make room"},
    {"max-commands", "SANDGATE_MAX_COMMANDS", "512", KIND_COUNT, AT(max_commands), 1, 10000, false,
     "bash commands running at once; more are refused"},
    {"max-jupyter-sessions", "MAX_JUPYTER_SESSIONS", "32", KIND_COUNT, AT(max_jupyter_sessions), 1,
     1000, false, "Jupyter sessions at once; nameless idle ones make room"},
    {"jupyter-idle-seconds", "JUPYTER_SESSION_TIMEOUT", "1800", KIND_COUNT,
     AT(jupyter_idle_seconds), 1, 31536000, false, "an idle Jupyter session ends after this"},
    {"nodejs-idle-seconds", "NODEJS_SESSION_TIMEOUT", "86400", KIND_COUNT, AT(nodejs_idle_seconds),
     1, 86400, false, "an idle Node.js session ends after this at the latest"},
    {"session-idle-seconds", "SHELL_SESSION_TIMEOUT", "86400", KIND_COUNT, AT(session_idle_seconds),
     10, 31536000, false, "an idle shell session without viewers ends after this"},
    {"history-days", "SANDGATE_HISTORY_DAYS", "30", KIND_COUNT, AT(history_days), 1, 3650, false,
     "how long ended sessions and commands are remembered"},
    {"history-entries", "SANDGATE_HISTORY_ENTRIES", "20000", KIND_COUNT, AT(history_entries), 100,
     10000000, false, "how many commands, and ended sessions, are remembered at most"},
    {"max-output-bytes", "SANDGATE_MAX_OUTPUT_BYTES", "268435456", KIND_COUNT, AT(max_output_bytes),
     65536, INT64_C(1) << 40, false, "output kept per command and stream; the middle is dropped"},
    {"check-config", NULL, NULL, KIND_SWITCH, AT(check_only), 0, 0, false,
     "check the settings, print them and exit"},
    {"version", NULL, NULL, KIND_SWITCH, AT(version), 0, 0, false, "print the version and exit"},
    {"help", NULL, NULL, KIND_SWITCH, AT(help), 0, 0, false, "print this and exit"},
};

static void *member(struct config *c, const struct setting *s)
{
    return (char *)c + s->offset;
}

static int set_value(struct config *c, const struct setting *s, const char *value,
                     const char *where, struct err *err)
{
    if (s->kind == KIND_TEXT) {
        *(const char **)member(c, s) = value;
        return 0;
    }
    int64_t number;
    if (parse_i64(value, strlen(value), &number) < 0 || number < s->min || number > s->max)
        return err_set(err, ERR_INVALID, "%s%s: must be a whole number from %lld to %lld", where,
                       where[0] == '-' ? s->flag : "", (long long)s->min, (long long)s->max);
    *(int64_t *)member(c, s) = number;
    return 0;
}

static const char *lookup(char **environment, const char *name)
{
    size_t n = strlen(name);
    for (; *environment; environment++)
        if (strncmp(*environment, name, n) == 0 && (*environment)[n] == '=')
            return *environment + n + 1;
    return NULL;
}

static int from_environment(struct config *c, char **environment, struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        const struct setting *s = &settings[i];
        const char *value = s->variable ? lookup(environment, s->variable) : NULL;
        const char *where = s->variable ? s->variable : s->flag;
        if (!value || !value[0])
            value = s->fallback;
        if (value && set_value(c, s, value, where, err) < 0)
            return -1;
    }
    return 0;
}

/* The incumbent's way to say only the port. */
static int port_from_environment(struct arena *arena, struct config *c, char **environment,
                                 struct err *err)
{
    const char *port = lookup(environment, "SANDBOX_SRV_PORT");
    if (!port || !port[0] || lookup(environment, "SANDGATE_LISTEN"))
        return 0;
    c->listen = arena_printf(arena, "127.0.0.1:%s", port);
    return c->listen ? 0 : err_memory(err);
}

/* The short name that container tools use. */
static void pids_from_environment(struct config *c, char **environment)
{
    const char *max = lookup(environment, "PIDS_MAX");
    if (max && !c->pids_max_text[0])
        c->pids_max_text = max;
}

static const struct setting *find(const char *flag, size_t n)
{
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        if (strlen(settings[i].flag) == n && strncmp(settings[i].flag, flag, n) == 0)
            return &settings[i];
    return NULL;
}

static int from_arguments(struct config *c, int argc, char **argv, struct err *err)
{
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (strncmp(arg, "--", 2) != 0)
            return err_set(err, ERR_INVALID, "unexpected argument '%s' (see --help)", arg);
        size_t n = strcspn(arg + 2, "=");
        const struct setting *s = find(arg + 2, n);
        if (!s)
            return err_set(err, ERR_INVALID, "unknown option '%s' (see --help)", arg);
        if (s->kind == KIND_SWITCH) {
            *(bool *)member(c, s) = true;
            continue;
        }
        const char *value = arg[2 + n] == '=' ? arg + 3 + n : i + 1 < argc ? argv[++i] : NULL;
        if (!value)
            return err_set(err, ERR_INVALID, "option '%s' needs a value", arg);
        if (set_value(c, s, value, "--", err) < 0)
            return -1;
    }
    return 0;
}

static int check_listen(struct config *c, struct err *err)
{
    const char *colon = strrchr(c->listen, ':');
    size_t n = colon ? (size_t)(colon - c->listen) : 0;
    const char *host = c->listen;
    uint64_t port;
    if (n > 1 && host[0] == '[' && host[n - 1] == ']') {
        host++;
        n -= 2;
    }
    if (!colon || n == 0 || n >= sizeof c->listen_host ||
        parse_u64(colon + 1, strlen(colon + 1), &port) < 0 || port > 65535)
        return err_set(err, ERR_INVALID, "--listen: '%s' is not ADDRESS:PORT", c->listen);
    memcpy(c->listen_host, host, n);
    c->listen_host[n] = '\0';
    c->listen_port = (uint16_t)port;
    return 0;
}

static int check_path(const char *flag, const char *path, struct err *err)
{
    if (!path || path[0] != '/' || strlen(path) >= PATH_MAX - 64)
        return err_set(err, ERR_INVALID, "--%s: '%s' is not an absolute path", flag,
                       path ? path : "");
    return 0;
}

/* Each name has a folder with a manifest. */
static int check_services(const struct config *c, struct err *err)
{
    const char *list = c->services;
    char path[PATH_MAX];
    if (strcmp(list, "none") == 0 || strcmp(list, "all") == 0)
        return 0;
    for (const char *name = list; *name; name += strcspn(name, ",")) {
        name += *name == ',';
        int n = (int)strcspn(name, ",");
        int all = snprintf(path, sizeof path, "%s/%.*s/manifest.json",
                           c->services_dir ? c->services_dir : "", n, name);
        if (n == 0 || n > 64 || memchr(name, '/', (size_t)n) || all >= (int)sizeof path ||
            access(path, R_OK) < 0)
            return err_set(err, ERR_INVALID, "--services: there is no service '%.*s'", n, name);
    }
    return 0;
}

static int check_hosts(const char *list, struct err *err)
{
    size_t n =
        strspn(list, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_*:[], ");
    if (list[n])
        return err_set(err, ERR_INVALID, "--allowed-hosts: '%s' is not a list of host names", list);
    return strchr(list, ':') && !strchr(list, '[')
               ? err_set(err, ERR_INVALID, "--allowed-hosts: names stand without a port: '%s'",
                         list)
               : 0;
}

int config_next_port(const char **list)
{
    uint64_t port;
    const char *at = *list + strspn(*list, ", ");
    size_t n = strcspn(at, ", ");
    *list = at + n;
    if (n == 0)
        return 0;
    return parse_u64(at, n, &port) < 0 || port < 1 || port > UINT16_MAX ? -1 : (int)port;
}

static int check_ports(const char *list, struct err *err)
{
    int port, count = 0;
    for (const char *at = list; (port = config_next_port(&at)) != 0;)
        if (port < 0 || ++count > WAIT_PORTS_MAX)
            return err_set(err, ERR_INVALID,
                           "--wait-ports: '%.200s' is not a list of up to %d ports", list,
                           WAIT_PORTS_MAX);
    return 0;
}

/* 0 stands for auto until config_prepare() has claimed one. */
static int check_display(struct config *c, struct err *err)
{
    uint64_t number = 0;
    const char *text = c->display_setting;
    if (strcmp(text, "auto") != 0 &&
        (parse_u64(text, strlen(text), &number) < 0 || number < 1 || number > 65535))
        return err_set(err, ERR_INVALID, "--display: '%s' is not auto or a number from 1 to 65535",
                       text);
    c->display = (int)number;
    return 0;
}

/* "512M" is 512 MiB. */
static int check_amount(const char *flag, const char *text, uint64_t min, uint64_t *ret_value,
                        struct err *err)
{
    static const char units[] = "KMGT";
    size_t n = strlen(text);
    uint64_t value = 0;
    unsigned shift = 0;
    const char *unit = n > 1 ? strchr(units, text[n - 1] & ~0x20) : NULL;
    if (n == 0)
        return 0;
    if (unit) {
        shift = 10 * (unsigned)(unit - units + 1);
        n--;
    }
    if (parse_u64(text, n, &value) < 0 || value > (uint64_t)INT64_MAX >> shift ||
        value << shift < min)
        return err_set(err, ERR_INVALID, "--%s: '%s' is not an amount of at least %llu", flag, text,
                       (unsigned long long)min);
    *ret_value = value << shift;
    return 0;
}

static int check(struct arena *arena, struct config *c, struct err *err)
{
    if (check_listen(c, err) < 0 || check_path("home", c->home, err) < 0)
        return -1;
    if (!c->workspace)
        c->workspace = c->home;
    if (!c->state)
        c->state = arena_printf(arena, "%s/.sandgate", c->home);
    if (check_path("workspace", c->workspace, err) < 0 || check_path("state", c->state, err) < 0 ||
        check_hosts(c->allowed_hosts, err) < 0 || check_display(c, err) < 0 ||
        check_ports(c->wait_ports, err) < 0 ||
        check_amount("memory-max", c->memory_max_text, MEMORY_MAX_MIN, &c->memory_max, err) < 0 ||
        check_amount("pids-max", c->pids_max_text, PIDS_MAX_MIN, &c->pids_max, err) < 0)
        return -1;
    if ((c->web && check_path("web", c->web, err) < 0) ||
        (c->services_dir && check_path("services-dir", c->services_dir, err) < 0))
        return -1;
    if (log_level_parse(c->log_level) < 0)
        return err_set(err, ERR_INVALID, "--log-level: '%s' is not error, warn, info or debug",
                       c->log_level);
    if (c->api_key[0] && strlen(c->api_key) < 8)
        return err_set(err, ERR_INVALID, "SANDBOX_API_KEY: must be at least 8 characters long");
    return 0;
}

int config_load(struct arena *arena, int argc, char **argv, char **environment,
                struct config *ret_config, struct err *err)
{
    struct config c = {0};
    if (from_environment(&c, environment, err) < 0)
        return -1;
    pids_from_environment(&c, environment);
    if (port_from_environment(arena, &c, environment, err) < 0 ||
        from_arguments(&c, argc, argv, err) < 0)
        return -1;
    if (!c.help && !c.version && check(arena, &c, err) < 0)
        return -1;
    *ret_config = c;
    return 0;
}

/* mkdir -p */
static int make_directory(const char *flag, const char *path, struct err *err)
{
    char copy[PATH_MAX];
    struct stat st;
    (void)snprintf(copy, sizeof copy, "%s", path);
    for (char *p = copy + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        (void)mkdir(copy, 0755);
        *p = '/';
    }
    if (mkdir(copy, 0755) < 0 && errno != EEXIST)
        return err_errno(err, errno, "--%s: cannot make %s", flag, path);
    if (stat(copy, &st) < 0 || !S_ISDIR(st.st_mode))
        return err_set(err, ERR_INVALID, "--%s: %s is not a directory", flag, path);
    if (access(copy, W_OK | X_OK) < 0)
        return err_errno(err, errno, "--%s: cannot write to %s", flag, path);
    return 0;
}

/* A folder that was installed with the program; the last of the places where it is nowhere. */
static int find_beside(struct arena *arena, const char *const *places, const char **ret_path,
                       struct err *err)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    for (; *places; places++) {
        *ret_path = arena_printf(arena, "%s/%s", self, *places);
        if (!*ret_path)
            return err_memory(err);
        if (access(*ret_path, R_OK | X_OK) == 0)
            return 0;
    }
    return 0;
}

/* Pages that are not there say so themselves; the API does not need them. */
static int find_folders(struct arena *arena, struct config *c, struct err *err)
{
    static const char *const web[] = {"web", "../web", "../share/sandgate/web", NULL};
    static const char *const services[] = {"services", "../lib/sandgate/services", NULL};
    if (!c->web && find_beside(arena, web, &c->web, err) < 0)
        return -1;
    return c->services_dir ? 0 : find_beside(arena, services, &c->services_dir, err);
}

int config_prepare(struct arena *arena, struct config *c, struct err *err)
{
    if (make_directory("home", c->home, err) < 0 ||
        make_directory("workspace", c->workspace, err) < 0 ||
        make_directory("state", c->state, err) < 0)
        return -1;
    (void)chmod(c->state, 0700);
    if (find_folders(arena, c, err) < 0 || check_services(c, err) < 0)
        return -1;
    return c->display ? 0 : display_claim(&c->display, err);
}

void config_print_help(void)
{
    printf("sandgate: a computer for AI agents and people, behind one port\n\n"
           "usage: sandgate [--OPTION VALUE | --OPTION=VALUE]...\n\n");
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        const struct setting *s = &settings[i];
        printf("  --%-22s %s\n", s->flag, s->doc);
        if (s->variable)
            printf("    %-22s environment: %s%s%s\n", "", s->variable,
                   s->fallback && s->fallback[0] ? ", default: " : "",
                   s->fallback ? s->fallback : "");
    }
}

void config_print(const struct config *c)
{
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        const struct setting *s = &settings[i];
        const void *at = (const char *)c + s->offset;
        if (s->kind == KIND_COUNT)
            printf("%s=%lld\n", s->flag, (long long)*(const int64_t *)at);
        else if (s->kind == KIND_TEXT && s->secret)
            printf("%s=%s\n", s->flag, (*(const char *const *)at)[0] ? "(set)" : "");
        else if (s->kind == KIND_TEXT)
            printf("%s=%s\n", s->flag, *(const char *const *)at ? *(const char *const *)at : "");
    }
}
