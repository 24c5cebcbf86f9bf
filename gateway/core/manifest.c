#include "core/manifest.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/bytes.h"
#include "core/probe.h"

#define MAX_BYTES     (64 * KIB)
#define MAX_EXPANDED  (64 * KIB)
#define MAX_NEIGHBORS 16
#define MAX_SECONDS   86400

static const char *const probe_names[] = {
    [PROBE_TCP] = "tcp", [PROBE_UNIX] = "unix", [PROBE_HTTP] = "http", NULL};
static const char *const start_names[] = {"lazy", "boot", NULL};

#define AT(member) offsetof(struct manifest, member)

static const char *const signal_names[] = {"TERM", "INT", "HUP", "QUIT", NULL};
static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};

int manifest_signal(const struct manifest *manifest)
{
    return signals[manifest->stop_signal];
}

static const struct field manifest_fields[] = {
    {"title", FIELD_TEXT, AT(title), .max = 100},
    {"description", FIELD_TEXT, AT(description), .max = 1000},
    {"command", FIELD_TEXT_LIST, AT(command), .required = true, .max = 128},
    {"environment", FIELD_TEXT_MAP, AT(environment), .max = 128},
    {"needs", FIELD_TEXT_LIST, AT(needs), .max = MAX_NEIGHBORS},
    {"wants", FIELD_TEXT_LIST, AT(wants), .max = MAX_NEIGHBORS},
    {"listen.tcp", FIELD_INT, AT(port), .min = 1, .max = 65535},
    {"listen.socket", FIELD_BOOL, AT(socket), .fallback = "false"},
    {"listen.port_from", FIELD_TEXT, AT(port_from), .min = 1, .max = 100},
    {"disabled_by", FIELD_TEXT, AT(disabled_by), .min = 1, .max = 100},
    {"ready.probe", FIELD_CHOICE, AT(probe), .choices = probe_names},
    {"ready.path", FIELD_TEXT, AT(probe_path), .min = 1, .max = 1000},
    {"ready.timeout_seconds", FIELD_NUMBER, AT(ready_seconds), .max = 3600, .fallback = "20"},
    {"start", FIELD_CHOICE, AT(boot), .choices = start_names, .fallback = "\"lazy\""},
    {"idle_stop_seconds", FIELD_NUMBER, AT(idle_stop_seconds), .max = MAX_SECONDS, .fallback = "0"},
    {"stop_signal", FIELD_CHOICE, AT(stop_signal), .choices = signal_names, .fallback = "\"TERM\""},
    {"idle_path", FIELD_TEXT, AT(idle_path), .min = 1, .max = 1000},
    {"stop_seconds", FIELD_NUMBER, AT(stop_seconds), .max = 600, .fallback = "5"},
    {"memory_mb", FIELD_INT, AT(memory_mb), .max = INT64_C(1) << 30, .fallback = "0"},
    FIELDS_END,
};

bool service_name_valid(const char *name, size_t n)
{
    if (n == 0 || n > SERVICE_NAME_MAX || !islower((unsigned char)name[0]))
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") >= n;
}

/* ---- ${NAME} ---- */

static bool is_name(const char *text, size_t n)
{
    if (n == 0 || isdigit((unsigned char)text[0]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '_')
            return false;
    return true;
}

static int check_variables(const char *field, struct text text, struct err *err)
{
    for (const char *p = text.p ? strstr(text.p, "${") : NULL; p; p = strstr(p + 2, "${")) {
        const char *end = strchr(p, '}');
        if (!end || !is_name(p + 2, (size_t)(end - p) - 2))
            return err_field(err, field, "field '%s': '%.60s' does not begin with a ${NAME}", field,
                             p);
    }
    return 0;
}

static const char *value_of(const char *const *envp, const char *name, size_t n)
{
    for (; *envp; envp++)
        if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=')
            return *envp + n + 1;
    return "";
}

const char *manifest_expand(struct arena *arena, const char *text, const char *const *envp)
{
    cleanup_bytes struct bytes out = BYTES_INIT(MAX_EXPANDED);
    const char *variable;
    while ((variable = strstr(text, "${"))) {
        size_t n = strcspn(variable + 2, "}");
        (void)bytes_add(&out, text, (size_t)(variable - text));
        (void)bytes_adds(&out, value_of(envp, variable + 2, n));
        text = variable + 2 + n + 1;
    }
    (void)bytes_adds(&out, text);
    return out.failed ? NULL : arena_copy(arena, out.data ? out.data : "", out.len);
}

/* ---- what the field table cannot say ---- */

static int check_command(const struct manifest *m, struct err *err)
{
    if (m->command.n == 0)
        return err_field(err, "command", "field 'command' names no program");
    const char *program = m->command.items[0].p;
    if (!program[0] ||
        (strchr(program, '/') && program[0] != '/' && strncmp(program, "./", 2) != 0))
        return err_field(err, "command",
                         "field 'command': '%.100s' is not ./FILE, an absolute path or a bare name",
                         program);
    for (size_t i = 0; i < m->command.n; i++)
        if (check_variables("command", m->command.items[i], err) < 0)
            return -1;
    return 0;
}

/* The gateway finds a service's processes by these. */
static bool is_reserved(const char *name)
{
    return strncmp(name, "SERVICE_", 8) == 0 || strncmp(name, "SANDGATE_", 9) == 0;
}

static int check_environment(const struct manifest *m, struct err *err)
{
    for (size_t i = 0; i < m->environment.n; i++) {
        const struct text_pair *pair = &m->environment.items[i];
        if (!is_name(pair->name.p, pair->name.n) || is_reserved(pair->name.p))
            return err_field(err, "environment",
                             "field 'environment': '%.60s' cannot be set by a service",
                             pair->name.p);
        if (check_variables("environment", pair->value, err) < 0)
            return -1;
    }
    return 0;
}

static bool lists(const struct text_list *list, size_t before, const char *name)
{
    for (size_t i = 0; i < before; i++)
        if (strcmp(list->items[i].p, name) == 0)
            return true;
    return false;
}

static int check_neighbors(const struct manifest *m, const char *field,
                           const struct text_list *list, struct err *err)
{
    for (size_t i = 0; i < list->n; i++) {
        struct text name = list->items[i];
        if (!service_name_valid(name.p, name.n))
            return err_field(err, field, "field '%s': '%.60s' is not a service's name", field,
                             name.p);
        if (strcmp(name.p, m->name) == 0)
            return err_field(err, field, "field '%s' names the service itself", field);
        if (lists(list, i, name.p) || (list == &m->wants && lists(&m->needs, m->needs.n, name.p)))
            return err_field(err, field, "field '%s': '%s' is named twice", field, name.p);
    }
    return 0;
}

/* A probe needs something to ask. */
static int check_probe(struct manifest *m, struct err *err)
{
    bool tcp = m->port != INT_ABSENT, given = m->probe != CHOICE_ABSENT;
    if (tcp && m->socket)
        return err_field(err, "listen", "field 'listen' names both a port and a socket");
    if (!given && m->probe_path.p)
        return err_field(err, "ready.path", "field 'ready.path' goes with ready.probe");
    if (!given && (tcp || m->socket))
        m->probe = tcp ? PROBE_TCP : PROBE_UNIX;
    if (m->probe == CHOICE_ABSENT)
        return 0;
    bool elsewhere = m->probe == PROBE_UNIX && m->probe_path.p;
    bool fits = m->probe == PROBE_TCP    ? tcp
                : m->probe == PROBE_HTTP ? tcp || m->socket
                                         : m->socket || elsewhere;
    if (!fits)
        return err_field(err, "ready.probe",
                         "field 'ready.probe' asks for %s, but the service does not listen so",
                         probe_names[m->probe]);
    if (m->probe == PROBE_TCP && m->probe_path.p)
        return err_field(err, "ready.path", "field 'ready.path' means nothing to a tcp probe");
    if (m->probe_path.p && m->probe_path.p[0] != '/' &&
        (m->probe != PROBE_UNIX || strncmp(m->probe_path.p, "${", 2) != 0))
        return err_field(err, "ready.path", "field 'ready.path' must begin with a slash");
    if (m->probe_path.p && strpbrk(m->probe_path.p, " \t\r\n"))
        return err_field(err, "ready.path", "field 'ready.path' must hold no spaces");
    return check_variables("ready.path", m->probe_path, err);
}

static int check_switches(const struct manifest *m, struct err *err)
{
    if (m->port_from.p && !is_name(m->port_from.p, m->port_from.n))
        return err_field(err, "listen.port_from",
                         "field 'listen.port_from': '%.60s' is not a variable's name",
                         m->port_from.p);
    if (m->port_from.p && !m->socket && m->port == INT_ABSENT)
        return err_field(err, "listen.port_from",
                         "field 'listen.port_from' goes with listen.socket or listen.tcp");
    if (m->disabled_by.p && !is_name(m->disabled_by.p, m->disabled_by.n))
        return err_field(err, "disabled_by",
                         "field 'disabled_by': '%.60s' is not a variable's name", m->disabled_by.p);
    return 0;
}

static int check(struct manifest *m, struct err *err)
{
    if (check_switches(m, err) < 0 || check_command(m, err) < 0 || check_environment(m, err) < 0 ||
        check_neighbors(m, "needs", &m->needs, err) < 0 ||
        check_neighbors(m, "wants", &m->wants, err) < 0)
        return -1;
    if (m->idle_path.p && !m->socket && m->port == INT_ABSENT)
        return err_field(err, "idle_path",
                         "field 'idle_path' is asked for where the service listens, and it does "
                         "not");
    if (m->idle_path.p && (m->idle_path.p[0] != '/' || strpbrk(m->idle_path.p, " \t\r\n")))
        return err_field(err, "idle_path",
                         "field 'idle_path' must begin with a slash and hold no "
                         "spaces");
    return check_probe(m, err);
}

/* ---- reading ---- */

static int tell_where(struct err *err, const char *name)
{
    char text[sizeof err->text];
    (void)snprintf(text, sizeof text, "service '%.40s': manifest.json: %.400s", name, err->text);
    memcpy(err->text, text, sizeof text);
    return -1;
}

int manifest_parse(struct arena *arena, const char *dir, const char *name, const char *text,
                   size_t n, struct manifest *ret_manifest, struct err *err)
{
    cleanup_bytes struct bytes unknown = BYTES_INIT(4 * KIB);
    struct manifest m;
    if (json_decode(arena, text, n, manifest_fields, &m, sizeof m, &unknown, err) < 0)
        return tell_where(err, name);
    m.dir = arena_copy(arena, dir, strlen(dir));
    m.name = arena_copy(arena, name, strlen(name));
    if (!m.dir || !m.name)
        return err_memory(err);
    if (unknown.len) {
        const char *which = bytes_text(&unknown);
        (void)err_field(err, which ? which : "", "unknown member '%.100s'", which ? which : "");
        return tell_where(err, name);
    }
    if (check(&m, err) < 0)
        return tell_where(err, name);
    *ret_manifest = m;
    return 0;
}

static bool is_on(const char *value)
{
    static const char *const off[] = {"", "false", "0", "no", "off"};
    for (size_t i = 0; i < COUNT_OF(off); i++)
        if (strcasecmp(value, off[i]) == 0)
            return false;
    return true;
}

int manifest_apply(struct manifest *m, const char *const *envp, bool *ret_disabled, struct err *err)
{
    int64_t port;
    *ret_disabled = m->disabled_by.p && is_on(value_of(envp, m->disabled_by.p, m->disabled_by.n));
    const char *given = m->port_from.p ? value_of(envp, m->port_from.p, m->port_from.n) : "";
    if (!given[0] || *ret_disabled)
        return 0;
    if (parse_i64(given, strlen(given), &port) < 0 || port < 1 || port > UINT16_MAX)
        return err_field(err, m->port_from.p, "%s: must be a port, a number from 1 to 65535",
                         m->port_from.p);
    m->port = port;
    m->socket = false;
    if (m->probe == PROBE_UNIX && !m->probe_path.p)
        m->probe = PROBE_TCP;
    return 0;
}

static int read_whole(const char *path, struct bytes *out, struct err *err)
{
    char chunk[4096];
    ssize_t n;
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, "cannot read %s", path);
    while ((n = read(fd, chunk, sizeof chunk)) > 0)
        if (bytes_add(out, chunk, (size_t)n) < 0)
            return err_set(err, ERR_TOO_LARGE, "%s is larger than %zu bytes", path, MAX_BYTES);
    return n < 0 ? err_errno(err, errno, "cannot read %s", path) : 0;
}

int manifest_read(struct arena *arena, const char *services_dir, const char *name,
                  struct manifest *ret_manifest, struct err *err)
{
    cleanup_bytes struct bytes text = BYTES_INIT(MAX_BYTES);
    const char *dir = arena_printf(arena, "%s/%s", services_dir, name);
    const char *path = arena_printf(arena, "%s/%s/manifest.json", services_dir, name);
    if (!dir || !path)
        return err_memory(err);
    if (!service_name_valid(name, strlen(name)) || access(path, F_OK) < 0)
        return err_set(err, ERR_NOT_FOUND, "there is no service '%.60s'", name);
    if (read_whole(path, &text, err) < 0)
        return tell_where(err, name);
    /* The decoded text lives as long as the arena, not as this buffer: cJSON copies. */
    return manifest_parse(arena, dir, name, text.data ? text.data : "", text.len, ret_manifest,
                          err);
}

/* ---- order ---- */

static const struct manifest *find(const struct manifest *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

/* The first neighbour that is not settled yet: one in a circle, or one that leads to it. */
static const struct manifest *unsettled(const struct manifest *list, size_t n, const bool *settled,
                                        const struct text_list *names)
{
    for (size_t i = 0; i < names->n; i++) {
        const struct manifest *m = find(list, n, names->items[i].p);
        if (m && !settled[m - list])
            return m;
    }
    return NULL;
}

/* From any service that could not be settled, as many steps as there are services end in a circle.
 */
static int tell_circle(const struct manifest *list, size_t n, const bool *settled, struct err *err)
{
    const struct manifest *m = list;
    while (settled[m - list])
        m++;
    const char *field = "needs";
    const struct manifest *next = NULL;
    for (size_t i = 0; i <= n; i++) {
        field = "needs";
        next = unsettled(list, n, settled, &m->needs);
        if (!next) {
            field = "wants";
            next = unsettled(list, n, settled, &m->wants);
        }
        if (i < n)
            m = next;
    }
    (void)err_field(err, field, "field '%s': it comes after '%s', which comes after it", field,
                    next->name);
    return tell_where(err, m->name);
}

/* Settle whoever waits for nobody unsettled, until all are or none can be. */
int manifest_check_order(const struct manifest *list, size_t n, struct err *err)
{
    cleanup_free bool *settled = calloc(n + 1, sizeof *settled);
    if (!settled)
        return err_memory(err);
    size_t count = 0;
    bool moved = true;
    while (moved) {
        moved = false;
        for (size_t i = 0; i < n; i++) {
            if (settled[i] || unsettled(list, n, settled, &list[i].needs) ||
                unsettled(list, n, settled, &list[i].wants))
                continue;
            settled[i] = true;
            moved = true;
            count++;
        }
    }
    return count == n ? 0 : tell_circle(list, n, settled, err);
}
