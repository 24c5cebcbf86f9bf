#include "core/kernel_spec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/ident.h"

#define SPEC_MAX (64 * KIB)
#define VENV     "jupyter/installed"

#define AT(member) offsetof(struct kernel_spec, member)

static const struct field spec_fields[] = {
    {"argv", FIELD_TEXT_LIST, AT(argv), .required = true, .max = 64},
    {"display_name", FIELD_TEXT, AT(display_name), .max = 200},
    {"language", FIELD_TEXT, AT(language), .max = 100},
    {"interrupt_mode", FIELD_TEXT, AT(interrupt), .max = 20},
    {"env", FIELD_TEXT_MAP, AT(env), .max = 128},
    FIELDS_END};

static int read_file(const char *path, struct bytes *out)
{
    char chunk[4096];
    ssize_t n;
    cleanup_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -1;
    while ((n = read(fd, chunk, sizeof chunk)) > 0)
        if (bytes_add(out, chunk, (size_t)n) < 0)
            return -1;
    return n < 0 ? -1 : 0;
}

static bool is_ipykernel(const struct text_list *argv)
{
    for (size_t i = 0; i < argv->n; i++)
        if (strncmp(argv->items[i].p, "ipykernel", strlen("ipykernel")) == 0)
            return true;
    return false;
}

/* jupyter_client means the Python it runs in by a bare "python"; here it is the environment's. */
static int settle_python(struct kernel_spec *s, const char *bin, struct arena *arena)
{
    char real[PATH_MAX];
    struct text *program = &s->argv.items[0];
    s->python = is_ipykernel(&s->argv);
    if (bin && s->python && !strchr(program->p, '/') &&
        strncmp(program->p, "python", strlen("python")) == 0) {
        program->p = arena_printf(arena, "%s/python", bin);
        if (!program->p)
            return -1;
        program->n = strlen(program->p);
        s->bin = bin;
    }
    if (!s->python || !realpath(program->p, real))
        return 0;
    const char *base = strrchr(real, '/') + 1;
    s->alias = arena_copy(arena, base, strlen(base));
    return s->alias ? 0 : -1;
}

static bool has(const struct kernel_specs *specs, const char *name)
{
    for (size_t i = 0; i < specs->n; i++)
        if (strcmp(specs->items[i].name, name) == 0)
            return true;
    return false;
}

/* One that cannot be read is not there. */
static int add_spec(struct kernel_specs *specs, const char *dir, const char *name, const char *bin,
                    struct arena *arena)
{
    cleanup_bytes struct bytes text = BYTES_INIT(SPEC_MAX), unknown = BYTES_INIT(SPEC_MAX);
    struct kernel_spec s;
    struct err err;
    const char *path = arena_printf(arena, "%s/%s/kernel.json", dir, name);
    if (!path)
        return -1;
    if (specs->n == KERNEL_MAX || has(specs, name) || read_file(path, &text) < 0 ||
        json_decode(arena, text.data ? text.data : "", text.len, spec_fields, &s, sizeof s,
                    &unknown, &err) < 0 ||
        s.argv.n == 0)
        return 0;
    s.name = arena_copy(arena, name, strlen(name));
    if (!s.name || settle_python(&s, bin, arena) < 0)
        return -1;
    specs->items[specs->n++] = s;
    return 0;
}

static int read_dir(struct kernel_specs *specs, const char *path, const char *bin,
                    struct arena *arena)
{
    const struct dirent *entry;
    int r = 0;
    DIR *dir = opendir(path);
    while (dir && r == 0 && (entry = readdir(dir)))
        if (entry->d_name[0] != '.' && ident_valid(entry->d_name, strlen(entry->d_name)))
            r = add_spec(specs, path, entry->d_name, bin, arena);
    if (dir)
        (void)closedir(dir);
    return r;
}

int kernel_specs_read(const struct config *config, struct arena *arena,
                      struct kernel_specs *ret_specs, struct err *err)
{
    const char *bin = arena_printf(arena, "%s/" VENV "/bin", config->services_dir);
    const char *venv =
        arena_printf(arena, "%s/" VENV "/share/jupyter/kernels", config->services_dir);
    const char *own = arena_printf(arena, "%s/.local/share/jupyter/kernels", config->home);
    ret_specs->n = 0;
    if (!bin || !venv || !own || read_dir(ret_specs, venv, bin, arena) < 0 ||
        read_dir(ret_specs, own, NULL, arena) < 0 ||
        read_dir(ret_specs, "/usr/local/share/jupyter/kernels", NULL, arena) < 0 ||
        read_dir(ret_specs, "/usr/share/jupyter/kernels", NULL, arena) < 0)
        return err_memory(err);
    return 0;
}

static int none_of_that_name(const struct kernel_specs *specs, const char *name, struct err *err)
{
    cleanup_bytes struct bytes names = BYTES_INIT(300);
    for (size_t i = 0; i < specs->n; i++)
        (void)bytes_printf(&names, "%s%s", i ? ", " : "", specs->items[i].name);
    const char *list = bytes_text(&names);
    return err_field(err, "kernel_name",
                     "field 'kernel_name': there is no kernel '%.60s'; there "
                     "is: %s",
                     name, list ? list : "more than fit here");
}

int kernel_spec_find(const struct kernel_specs *specs, struct text name,
                     const struct kernel_spec **ret_spec, struct err *err)
{
    const char *wanted = name.n ? name.p : KERNEL_DEFAULT;
    if (specs->n == 0)
        return err_set(err, ERR_UNAVAILABLE,
                       "no Jupyter kernel is installed: services/jupyter/install does that");
    for (size_t i = 0; i < specs->n; i++) {
        const struct kernel_spec *s = &specs->items[i];
        if (strcmp(s->name, wanted) == 0 || (s->alias && strcmp(s->alias, wanted) == 0)) {
            *ret_spec = s;
            return 0;
        }
    }
    if (!name.n) {
        *ret_spec = &specs->items[0];
        return 0;
    }
    return none_of_that_name(specs, wanted, err);
}
