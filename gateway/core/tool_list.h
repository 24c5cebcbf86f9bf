/* core/tool_list.h: the programs an agent is told of when they are installed. Constant. */
#ifndef SANDGATE_CORE_TOOL_LIST_H
#define SANDGATE_CORE_TOOL_LIST_H

#include <stddef.h>

struct known_tool {
    const char *name, *description;
    const char *version_flag; /* NULL where the version does not matter, or is slow to ask */
};

struct known_category {
    const char *name;
    const struct known_tool *tools;
    size_t n;
};

extern const struct known_category known_categories[];
extern const size_t known_category_count;

/* NULL-terminated names of interpreters, the usual one first. */
extern const char *const known_pythons[], *const known_nodes[];

#endif
