/* desktop/gate.h: how a program of somebody else's is called READY only when it is.
 *
 * The sign is a listening socket `ready` in its run folder. It is bound here and inherited by the
 * program; a child of ours does what makes the program ready, or waits until it is, has the socket
 * listen, and ends. The socket lives as long as the program does. */
#ifndef SANDGATE_DESKTOP_GATE_H
#define SANDGATE_DESKTOP_GATE_H

#include "base/err.h"

/* `prepare` runs in the child; when it fails, its text is printed and the program ended. Call this
 * before exec'ing the program. */
int gate_open(int (*prepare)(void *arg, struct err *err), void *arg, struct err *err) MUST_CHECK;

#endif
