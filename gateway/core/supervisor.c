#include "core/supervisor.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "core/service_internal.h"

#define MAX_SERVICES 64

/* ---- which ones ---- */

struct selection {
    struct supervisor *supervisor;
    struct manifest list[MAX_SERVICES];
    size_t n;
};

static bool is_selected(const struct selection *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->list[i].name, name) == 0)
            return true;
    return false;
}

/* Nothing comes in where a service was disabled by its variable. */
static int select_one(struct selection *c, const char *name, struct err *err)
{
    struct supervisor *v = c->supervisor;
    bool disabled;
    if (is_selected(c, name))
        return 0;
    if (c->n == MAX_SERVICES)
        return err_set(err, ERR_LIMIT, "there are more than %d services", MAX_SERVICES);
    if (manifest_read(v->arena, v->config->services_dir, name, &c->list[c->n], err) < 0)
        return -1;
    struct manifest *m = &c->list[c->n];
    const char *const *envp = environment_with(v->environment, v->arena, NULL);
    if (!envp)
        return err_memory(err);
    if (manifest_apply(m, envp, &disabled, err) < 0)
        return -1;
    if (disabled)
        log_info("service %s: disabled by %s", name, m->disabled_by.p);
    else
        c->n++;
    return 0;
}

/* Every folder with a manifest. */
static int select_all(struct selection *c, struct err *err)
{
    const char *dir = c->supervisor->config->services_dir;
    struct dirent **entries = NULL;
    int r = 0, n = scandir(dir, &entries, NULL, alphasort);
    if (n < 0 && errno != ENOENT)
        return err_errno(err, errno, "--services-dir: cannot read %s", dir);
    if (n < 0)
        log_warn("there are no services: %s is missing", dir);
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        const char *path = arena_printf(c->supervisor->arena, "%s/%s/manifest.json", dir, name);
        if (!path)
            r = r < 0 ? r : err_memory(err);
        else if (r == 0 && name[0] != '.' && access(path, F_OK) == 0)
            r = select_one(c, name, err);
        free(entries[i]);
    }
    free(entries);
    return r;
}

static int select_named(struct selection *c, const char *list, struct err *err)
{
    while (*list) {
        size_t n = strcspn(list, ",");
        const char *name = arena_copy(c->supervisor->arena, list, n);
        if (!name)
            return err_memory(err);
        if (select_one(c, name, err) < 0)
            return -1;
        list += n + (list[n] == ',');
    }
    return 0;
}

/* The list grows while it is walked. */
static int select_needs(struct selection *c, struct err *err)
{
    for (size_t i = 0; i < c->n; i++) {
        for (size_t j = 0; j < c->list[i].needs.n; j++) {
            struct err why;
            if (select_one(c, c->list[i].needs.items[j].p, &why) == 0)
                continue;
            if (why.kind != ERR_NOT_FOUND) {
                *err = why;
                return -1;
            }
            return err_field(err, "needs", "service '%s': manifest.json: field 'needs': %.300s",
                             c->list[i].name, why.text);
        }
    }
    return 0;
}

/* A wish need not be granted, but it must make sense. */
static int check_wants(struct selection *c, struct err *err)
{
    struct supervisor *v = c->supervisor;
    for (size_t i = 0; i < c->n; i++) {
        for (size_t j = 0; j < c->list[i].wants.n; j++) {
            const char *name = c->list[i].wants.items[j].p;
            const char *path =
                arena_printf(v->arena, "%s/%s/manifest.json", v->config->services_dir, name);
            if (!path)
                return err_memory(err);
            if (access(path, F_OK) < 0)
                return err_field(err, "wants",
                                 "service '%s': manifest.json: field 'wants': there is no "
                                 "service '%s'",
                                 c->list[i].name, name);
        }
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct manifest *)a)->name, ((const struct manifest *)b)->name);
}

static int select_services(struct supervisor *v, struct err *err)
{
    const char *list = v->config->services;
    int r = 0;
    if (strcmp(list, "none") == 0)
        return 0;
    struct selection *c = arena_alloc(v->arena, sizeof *c);
    if (!c)
        return err_memory(err);
    c->supervisor = v;
    r = strcmp(list, "all") == 0 ? select_all(c, err) : select_named(c, list, err);
    if (r < 0 || select_needs(c, err) < 0 || check_wants(c, err) < 0 ||
        manifest_check_order(c->list, c->n, err) < 0)
        return -1;
    qsort(c->list, c->n, sizeof *c->list, by_name);
    v->manifests = c->list;
    v->count = c->n;
    return 0;
}

/* ---- making them ---- */

static int join(struct supervisor *v, const struct text_list *names, struct service ***ret_list,
                const char *const **ret_names, struct err *err)
{
    struct service **list = arena_alloc(v->arena, (names->n + 1) * sizeof(struct service *));
    const char **texts = arena_alloc(v->arena, (names->n + 1) * sizeof *texts);
    if (!list || !texts)
        return err_memory(err);
    *ret_list = list;
    *ret_names = texts;
    for (size_t i = 0; i < names->n; i++) {
        struct service *other = supervisor_find(v, names->items[i].p);
        *texts++ = names->items[i].p;
        if (other)
            *list++ = other;
    }
    return 0;
}

static int make_folders(struct supervisor *v, struct err *err)
{
    const char *path = arena_printf(v->arena, "%s/services", v->config->state);
    if (!path)
        return err_memory(err);
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_errno(err, errno, "cannot make %s", path);
    return place_open(v, err);
}

static int make_services(struct supervisor *v, struct err *err)
{
    if (v->count == 0)
        return 0;
    v->services = arena_alloc(v->arena, v->count * sizeof *v->services);
    if (!v->services)
        return err_memory(err);
    for (size_t i = 0; i < v->count; i++) {
        v->services[i].supervisor = v;
        v->services[i].manifest = &v->manifests[i];
        v->services[i].output = v->services[i].port_claim = v->services[i].log.fd = -1;
    }
    if (make_folders(v, err) < 0)
        return -1;
    for (size_t i = 0; i < v->count; i++) {
        struct service *s = &v->services[i];
        if (join(v, &s->manifest->needs, &s->needs, &s->need_names, err) < 0 ||
            join(v, &s->manifest->wants, &s->wants, &s->want_names, err) < 0 ||
            service_init(s, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- together ---- */

static void on_settle(void *arg)
{
    struct supervisor *v = arg;
    for (size_t i = 0; i < v->count; i++)
        service_settle(&v->services[i]);
    for (size_t i = 0; i < v->count; i++) {
        struct service *s = &v->services[i];
        bool news = s->news;
        s->news = false;
        if (news)
            observers_tell(&s->observers);
    }
}

void supervisor_wake(struct supervisor *v)
{
    timer_set(v->settle, 0);
}

static void on_orphan(void *arg)
{
    struct supervisor *v = arg;
    for (size_t i = 0; i < v->count; i++)
        process_look(&v->services[i]);
}

static int open_all(struct supervisor *v, struct err *err)
{
    v->arena = arena_new();
    if (!v->arena)
        return err_memory(err);
    if (timer_open(v->loop, on_settle, v, &v->settle, err) < 0 || select_services(v, err) < 0 ||
        make_services(v, err) < 0)
        return -1;
    v->orphans = (struct observer){.fn = on_orphan, .arg = v};
    observers_add(children_orphans(v->children), &v->orphans);
    for (size_t i = 0; i < v->count; i++)
        if (v->manifests[i].boot)
            service_start(&v->services[i]);
    return 0;
}

int supervisor_open(struct loop *loop, struct children *children, const struct config *config,
                    const struct environment *environment, struct supervisor **ret_supervisor,
                    struct err *err)
{
    struct supervisor *v = calloc(1, sizeof *v);
    if (!v)
        return err_memory(err);
    *v = (struct supervisor){
        .loop = loop, .children = children, .config = config, .environment = environment};
    if (open_all(v, err) < 0) {
        supervisor_close(v);
        return -1;
    }
    *ret_supervisor = v;
    return 0;
}

void supervisor_stop(struct supervisor *v)
{
    v->stopping = true;
    for (size_t i = 0; i < v->count; i++)
        service_stop(&v->services[i], "the gateway is stopping");
}

int supervisor_stopped(void *arg)
{
    const struct supervisor *v = arg;
    for (size_t i = 0; i < v->count; i++)
        if (v->services[i].busy)
            return 0;
    return 1;
}

void supervisor_close(struct supervisor *v)
{
    if (!v)
        return;
    observer_remove(&v->orphans);
    for (size_t i = 0; v->services && i < v->count; i++)
        service_done(&v->services[i]);
    place_close(v);
    timer_close(v->settle);
    arena_free(v->arena);
    free(v);
}

struct service *supervisor_at(const struct supervisor *v, size_t index)
{
    return index < v->count ? &v->services[index] : NULL;
}

struct service *supervisor_find(const struct supervisor *v, const char *name)
{
    for (size_t i = 0; v->services && i < v->count; i++)
        if (strcmp(v->services[i].manifest->name, name) == 0)
            return &v->services[i];
    return NULL;
}
