/* api/bash.h: what bash.c and bash_stream.c share. */
#ifndef SANDGATE_API_BASH_H
#define SANDGATE_API_BASH_H

#include "core/bash_sessions.h"
#include "http/exchange.h"

struct bash_exec_input {
    struct text session_id, command, exec_dir;
    struct text_map env;
    bool async_mode;
    double timeout, hard_timeout;
    int64_t max_output_length;
};

/* Answer with server-sent events (WHATWG HTML, section 9.2): `start`, then `stdout` and `stderr` as
 * output comes, and `exit`. A client that leaves ends the stream, not the command. */
int bash_stream(struct exchange *ex, const char *session_id, struct command *command,
                struct err *err) MUST_CHECK;

#endif
