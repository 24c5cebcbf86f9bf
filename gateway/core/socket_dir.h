/* core/socket_dir.h: a folder for Unix sockets, which only this user may enter. The path of a
 * socket holds 107 bytes: where STATE/NAME would be too long for that it becomes a link to a folder
 * under /tmp, so that the next gateway finds it again. */
#ifndef SANDGATE_CORE_SOCKET_DIR_H
#define SANDGATE_CORE_SOCKET_DIR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

/* `longest`: bytes below the folder that must fit, the slash included. */
int socket_dir_open(struct arena *arena, const char *state, const char *name, size_t longest,
                    const char **ret_path, struct err *err) MUST_CHECK;
/* In an orderly end nothing stays behind in /tmp. NULL is fine. */
void socket_dir_close(const char *path, const char *state, const char *name);
/* Remove what is in the folder. */
void socket_dir_empty(const char *path);

#endif
