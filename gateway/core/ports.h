/* core/ports.h: TCP ports that somebody on this machine listens on. Any thread. */
#ifndef SANDGATE_CORE_PORTS_H
#define SANDGATE_CORE_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PORTS_ALL ((size_t)UINT16_MAX + 1)

/* Sets the entries of listening ports; the others are left as they are. */
void ports_listening(bool taken[PORTS_ALL]);

/* The port of a line of /proc/net/tcp{,6} that is in state LISTEN, else -1. Pure. */
int ports_of_line(const char *line);

#endif
