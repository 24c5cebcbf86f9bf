/* desktop/listen.h: a listening Unix socket. */
#ifndef SANDGATE_DESKTOP_LISTEN_H
#define SANDGATE_DESKTOP_LISTEN_H

#include "base/err.h"

/* Replaces what is at `path`. Non-blocking. */
int listen_at(const char *path, int *ret_fd, struct err *err) MUST_CHECK;

#endif
