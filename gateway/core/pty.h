/* core/pty.h: a pseudo-terminal (pty(7)). Loop thread only. */
#ifndef SANDGATE_CORE_PTY_H
#define SANDGATE_CORE_PTY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

#define PTY_MIN_SIZE 2
#define PTY_MAX_SIZE 1000

struct pty {
    int master; /* non-blocking, or -1 */
    char slave[64];
};

struct pty_size {
    unsigned short cols, rows;
};

int pty_open(struct pty *pty, struct pty_size size, struct err *err) MUST_CHECK;
void pty_close(struct pty *pty);
/* Zero when it cannot be told. */
struct pty_size pty_size(const struct pty *pty);
void pty_resize(const struct pty *pty, struct pty_size size);
/* Drop what was written and not yet read by a program. */
void pty_forget_input(const struct pty *pty);
/* The program reads keys as they are: a carriage return is not made a newline (ICRNL off). */
bool pty_reads_keys(const struct pty *pty);
/* The foreground process group, or -1. */
pid_t pty_foreground(const struct pty *pty);

#endif
