/* core/sandbox_info.h: what an agent should know of the computer it was given, read from the
 * machine each time it is asked for. Any worker; the first call starts programs to ask their
 * versions, later ones take a few hundred microseconds. */
#ifndef SANDGATE_CORE_SANDBOX_INFO_H
#define SANDGATE_CORE_SANDBOX_INFO_H

#include "base/bytes.h"
#include "core/config.h"
#include "core/toolbox.h"

#define MAX_ALIASES  8
#define MAX_RUNTIMES 8

/* One interpreter, under all the names it has. */
struct runtime {
    dev_t dev;
    ino_t ino;
    const char *version; /* NULL: unknown */
    const char *path;
    const char *aliases[MAX_ALIASES];
    size_t alias_count;
};

struct runtime_list {
    struct runtime items[MAX_RUNTIMES];
    size_t n;
};

struct tool {
    const char *name, *description; /* the description ends in the version where it is known */
};

struct tool_category {
    const char *name;
    struct tool *tools;
    size_t n;
};

struct sandbox_info {
    const char *os, *os_version, *kernel, *arch, *user, *home, *workspace, *timezone, *version;
    bool root;
    uint16_t *ports; /* TCP ports somebody listens on; ascending */
    size_t port_count;
    struct runtime_list python, nodejs;
    struct tool_category *categories; /* those with at least one tool */
    size_t category_count;
};

/* Everything lives in `arena` or `config`. */
int sandbox_info_read(const struct config *config, struct toolbox *toolbox, struct arena *arena,
                      struct sandbox_info *ret_info, struct err *err) MUST_CHECK;

/* The same as a text for an agent to read. */
void sandbox_info_describe(const struct sandbox_info *info, struct bytes *out);

/* A value of /etc/os-release's format (os-release(5)) in `arena`; NULL when `text` has none of that
 * name. Pure. */
const char *os_release_value(const char *text, const char *name, struct arena *arena);

#endif
