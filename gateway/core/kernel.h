/* core/kernel.h: one Jupyter kernel: a process, and our connections to its sockets.
 *
 * The sockets are Unix sockets in a folder that only this user may enter; messages are signed
 * besides. The process leads a session, and whatever it started ends with it. What comes from it
 * was possibly written by the code it runs. Loop thread only. */
#ifndef SANDGATE_CORE_KERNEL_H
#define SANDGATE_CORE_KERNEL_H

#include "base/err.h"
#include "core/environment.h"
#include "core/kernel_message.h"
#include "core/kernel_spec.h"
#include "io/loop.h"
#include "io/spawn.h"

/* Of one message, either way. */
#define KERNEL_MESSAGE_MAX (64 * MIB)
#define KERNEL_START_MS    60000

enum kernel_channel { KERNEL_SHELL, KERNEL_CONTROL, KERNEL_IOPUB, KERNEL_CHANNELS };

struct kernel;

struct kernel_hooks {
    void (*ready)(void *arg);
    void (*message)(void *arg, enum kernel_channel channel, const struct kernel_message *message);
    /* It is gone, `why` says how: the last call. Close it then. */
    void (*ended)(void *arg, const char *why);
    void *arg;
};

struct kernel_start {
    struct loop *loop;
    struct children *children;
    const struct environment *environment;
    const struct kernel_spec *spec;
    const char *dir; /* for its sockets; short, and ours alone */
    const char *cwd;
    struct kernel_hooks hooks;
};

/* Hooks never run inside these calls. */
int kernel_open(const struct kernel_start *start, struct kernel **ret_kernel,
                struct err *err) MUST_CHECK;
/* Ends it: a kernel that is ready and idle (`gently`) gets a moment to put things away. No hook is
 * called any more. NULL is fine. */
void kernel_close(struct kernel *kernel, bool gently);
/* Hand it to another owner. */
void kernel_give(struct kernel *kernel, const struct kernel_hooks *hooks);
bool kernel_ready(const struct kernel *kernel);

/* Once it is ready. `content` is an object as text; ret_id gets the message's name. */
int kernel_send(struct kernel *kernel, enum kernel_channel channel, const char *type,
                struct text content, char ret_id[IDENT_SIZE], struct err *err) MUST_CHECK;
void kernel_interrupt(struct kernel *kernel);

#endif
