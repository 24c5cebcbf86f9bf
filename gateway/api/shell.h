/* api/shell.h: what shell.c and shell_sessions.c share. */
#ifndef SANDGATE_API_SHELL_H
#define SANDGATE_API_SHELL_H

#include "core/shell_sessions.h"
#include "http/exchange.h"

#define SHELL_MAX_SECONDS 86400

/* A row for the session's name, required. */
#define SHELL_ID_ROW(type)                                                                         \
    {                                                                                              \
        "id", FIELD_TEXT, offsetof(type, id), .required = true, .max = IDENT_MAX,                  \
                                              .doc = "The session."                                \
    }

int shell_find(struct exchange *ex, struct text id, struct shell_session **ret_session,
               struct err *err) MUST_CHECK;

/* exec_dir as the session shall have it, or absent. Not strict: what is no directory is passed
 * over, as the incumbent does, and said in the hint. */
int shell_find_dir(struct exchange *ex, struct text given, bool strict, bool keep_symlinks,
                   struct text *ret_dir, struct err *err) MUST_CHECK;

#endif
