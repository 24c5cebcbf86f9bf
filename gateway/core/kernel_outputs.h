/* core/kernel_outputs.h: what code has shown, gathered from a kernel's messages into the outputs of
 * a notebook (nbformat 4): streams, displays, results, errors.
 *
 * There is a ceiling on each stream, whose middle is dropped beyond it, on displays and on the
 * number of outputs; what does not fit is left out and said so. Not thread-safe. */
#ifndef SANDGATE_CORE_KERNEL_OUTPUTS_H
#define SANDGATE_CORE_KERNEL_OUTPUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/jsonw.h"
#include "core/kernel_message.h"

/* Kept of the text of all streams, and of displays and results. */
#define OUTPUTS_TEXT (8 * MIB)
#define OUTPUTS_RICH (32 * MIB)
#define OUTPUTS_MAX  4096

struct kernel_output;
struct kernel_outputs {
    struct kernel_output *items;
    size_t n, room;
    size_t text, rich;
    uint64_t dropped; /* bytes of streams */
    bool cut;         /* something is left out */
    bool clear_next;  /* clear_output(wait=True): the next output takes the place of all */
    bool error;       /* the last one is an error */
};

/* Messages that are none of these are passed over. */
void kernel_outputs_take(struct kernel_outputs *outputs, const struct kernel_message *message);
/* An error that the kernel could not tell itself. */
void kernel_outputs_fail(struct kernel_outputs *outputs, const char *ename, const char *evalue);
void kernel_outputs_done(struct kernel_outputs *outputs);

/* The elements of an array that is open. */
void kernel_outputs_write(const struct kernel_outputs *outputs, struct jsonw *w);
/* All text of a stream, as the value of a member. */
void kernel_outputs_write_stream(const struct kernel_outputs *outputs, const char *name,
                                 struct jsonw *w);
/* The traceback of the last error as JSON, or NULL. */
const char *kernel_outputs_traceback(const struct kernel_outputs *outputs);

#endif
