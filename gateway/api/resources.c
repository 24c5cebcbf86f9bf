/* /v1/sandbox/resources: how much of the computer is in use, for a strip on a page or an agent that
 * wants to know why things are slow. */
#include "core/resources.h"

#include <math.h>

#include "api/app.h"
#include "core/config.h"
#include "http/envelope.h"
#include "io/birth.h"

static double rounded(double value, double grain)
{
    return round(value / grain) * grain;
}

static const char *of(bool grouped)
{
    return grouped ? "container" : "machine";
}

static void write_cpu(struct jsonw *w, const struct resource_use *use)
{
    jsonw_key(w, "cpu");
    jsonw_object(w);
    jsonw_knumber(w, "percent", rounded(use->cpu_percent, 0.1));
    jsonw_knumber(w, "over_seconds", rounded(use->cpu_window, 0.001));
    jsonw_knumber(w, "cores", rounded(use->cpu_cores, 0.001));
    jsonw_kstr(w, "of", of(use->cpu_grouped));
    jsonw_object_end(w);
}

static void write_space(struct jsonw *w, const struct resource_use *use, const char *workspace)
{
    jsonw_key(w, "memory");
    jsonw_object(w);
    jsonw_kint(w, "used", (int64_t)use->memory_used);
    jsonw_kint(w, "total", (int64_t)use->memory_total);
    jsonw_kstr(w, "of", of(use->memory_grouped));
    jsonw_object_end(w);
    jsonw_key(w, "disk");
    jsonw_object(w);
    jsonw_kint(w, "used", (int64_t)use->disk_used);
    jsonw_kint(w, "free", (int64_t)use->disk_free);
    jsonw_kint(w, "total", (int64_t)use->disk_total);
    jsonw_kstr(w, "path", workspace);
    jsonw_object_end(w);
}

static void write_limit(struct jsonw *w, const char *name, struct birth_limit limit)
{
    jsonw_key(w, name);
    jsonw_object(w);
    if (limit.max)
        jsonw_kint(w, "max", (int64_t)limit.max);
    else
        jsonw_knull(w, "max");
    jsonw_kstr(w, "by", limit.by);
    jsonw_object_end(w);
}

static int resources(struct exchange *ex, struct err *err)
{
    const struct app *app = app_of(ex);
    struct resource_use use;
    if (resources_read(app->resources, &use, err) < 0)
        return -1;
    struct jsonw *w = reply_begin(ex, "Resources read");
    jsonw_object(w);
    write_cpu(w, &use);
    write_space(w, &use, app->config->workspace);
    jsonw_key(w, "load");
    jsonw_array(w);
    for (size_t i = 0; i < COUNT_OF(use.load); i++)
        jsonw_number(w, use.load[i]);
    jsonw_array_end(w);
    jsonw_kint(w, "processes", use.processes);
    jsonw_key(w, "limits");
    jsonw_object(w);
    write_limit(w, "memory", birth_memory());
    write_limit(w, "processes", birth_pids());
    jsonw_object_end(w);
    jsonw_object_end(w);
    reply_end(ex);
    return 0;
}

const struct route resource_routes[] = {
    {"GET", "/v1/sandbox/resources", SCOPE_READ, ROUTE_BLOCKING, resources, .tag = "sandbox",
     .summary = "CPU, memory and disk in use, of what the sandbox may use."},
    ROUTES_END,
};
