/* core/kernel_message.h: messages of the Jupyter messaging protocol (5.3) as they travel: a list of
 * parts, signed with the kernel's key. Pure, except that a new message gets a random name and the
 * time; any thread. */
#ifndef SANDGATE_CORE_KERNEL_MESSAGE_H
#define SANDGATE_CORE_KERNEL_MESSAGE_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/ident.h"
#include "base/json.h"

#define KERNEL_PARTS 6

/* What came. Text points into the parts. */
struct kernel_message {
    struct text type;    /* as "status", without quotes */
    struct text parent;  /* id of the message it answers; "" when none */
    struct text content; /* an object, as written */
};

struct kernel_outgoing {
    struct text parts[KERNEL_PARTS];
    char id[IDENT_SIZE];
    char signature[65];
    struct bytes header;
};

/* ERR_SYNTAX when it is no message, or its signature is not of the key. */
int kernel_message_parse(const char *key, const struct text *parts, size_t n,
                         struct kernel_message *ret_message, struct err *err) MUST_CHECK;
/* `content` is an object as text, and stays the caller's. kernel_message_done() frees. */
int kernel_message_make(const char *key, const char *session, const char *type, struct text content,
                        struct kernel_outgoing *ret_message, struct err *err) MUST_CHECK;
void kernel_message_done(struct kernel_outgoing *message);

bool kernel_text_is(struct text text, const char *name);
/* The member as text, appended to `out` when it is a string. False when it is not, or absent. */
bool kernel_string(struct text object, const char *name, struct bytes *out);
/* The member when it is a whole number, else INT_ABSENT. */
int64_t kernel_int(struct text object, const char *name);

#endif
