/* core/node_runtime.h: which Node.js there is, and what is installed for it. These look at files
 * and start programs: workers only, except node_default() and node_parse_version(). */
#ifndef SANDGATE_CORE_NODE_RUNTIME_H
#define SANDGATE_CORE_NODE_RUNTIME_H

#include "core/config.h"
#include "core/packages.h"
#include "core/toolbox.h"

#define NODE_MAX_VERSIONS 16

struct node_info {
    const char *node_version, *npm_version; /* "" when not known */
    int majors[NODE_MAX_VERSIONS];          /* of every interpreter found, the default one first */
    size_t major_count;
    struct package_list local, global;
    const char *local_folder, *global_folder; /* node_modules; NULL when there is none */
};

/* The interpreter a command would find. Quick; any thread. */
int node_default(const struct toolbox *toolbox, struct arena *arena, const char **ret_path,
                 struct err *err) MUST_CHECK;
/* "20", "v20.1", "node20": the first number; 0 when the text is absent or empty. */
int node_parse_version(struct text text, int *ret_major, struct err *err) MUST_CHECK;

int node_find(struct toolbox *toolbox, struct arena *arena, int major, const char **ret_path,
              struct err *err) MUST_CHECK;
int node_info_read(struct toolbox *toolbox, const struct config *config, struct arena *arena,
                   struct node_info *ret_info, struct err *err) MUST_CHECK;

#endif
