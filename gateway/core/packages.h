/* core/packages.h: what is installed for the interpreters that a command would find first.
 * These start programs: workers only. */
#ifndef SANDGATE_CORE_PACKAGES_H
#define SANDGATE_CORE_PACKAGES_H

#include "core/toolbox.h"

struct package {
    const char *name, *version;
};

struct package_list {
    struct package *items;
    size_t n;
};

/* Names in ascending order. ERR_UNAVAILABLE when there is no such interpreter. */
int packages_python(const struct toolbox *toolbox, struct arena *arena,
                    struct package_list *ret_list, struct err *err) MUST_CHECK;
int packages_nodejs(const struct toolbox *toolbox, struct arena *arena,
                    struct package_list *ret_list, struct err *err) MUST_CHECK;
/* Those in one node_modules folder; none where there is no such folder. Starts nothing. */
int packages_below(const char *modules, struct arena *arena, struct package_list *ret_list,
                   struct err *err) MUST_CHECK;

#endif
