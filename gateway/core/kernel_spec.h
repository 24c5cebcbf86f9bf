/* core/kernel_spec.h: which Jupyter kernels there are, by their kernel.json files: those of the
 * environment in services/jupyter first, then those of the user and of the system. Reads a few
 * small files; any thread. */
#ifndef SANDGATE_CORE_KERNEL_SPEC_H
#define SANDGATE_CORE_KERNEL_SPEC_H

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "core/config.h"

#define KERNEL_DEFAULT "python3"
#define KERNEL_MAX     32

struct kernel_spec {
    const char *name;
    struct text display_name, language;
    struct text_list argv; /* "{connection_file}" stands for its path */
    struct text_map env;
    bool python;           /* it is ipykernel: it can be told to change its directory */
    const char *alias;     /* "python3.11", what runs a Python kernel; or NULL */
    const char *bin;       /* folder of its interpreter where that is a virtual environment */
    struct text interrupt; /* "message", or a signal */
};

struct kernel_specs {
    struct kernel_spec items[KERNEL_MAX];
    size_t n;
};

/* In order of preference; all in `arena`. */
int kernel_specs_read(const struct config *config, struct arena *arena,
                      struct kernel_specs *ret_specs, struct err *err) MUST_CHECK;
/* By name or alias; absent or empty: the default. Fails with ERR_UNAVAILABLE when there is none at
 * all, or names the field and those there are. */
int kernel_spec_find(const struct kernel_specs *specs, struct text name,
                     const struct kernel_spec **ret_spec, struct err *err) MUST_CHECK;

#endif
