/* api/code.h: what nodejs.c, jupyter.c and code.c share: waiting for a job, and telling what became
 * of it. */
#ifndef SANDGATE_API_CODE_H
#define SANDGATE_API_CODE_H

#include "core/code_job.h"
#include "core/code_run.h"
#include "core/node_sessions.h"
#include "http/exchange.h"

#define CODE_MAX         (4 * MIB)
#define CODE_BODY        (16 * MIB)
#define CODE_STDIN       (1 * MIB)
#define CODE_MAX_SECONDS 300
#define CODE_SECONDS     30
#define CODE_MIN_SECONDS 1

/* What an answer repeats of its request. In the exchange's arena. */
struct code_request {
    const char *language;
    struct text code;
    char session_id[IDENT_SIZE]; /* "": none */
    bool nodejs;                 /* the shape of /v1/nodejs rather than that of /v1/code */
};

/* Park until the job has ended, then answer. Takes the job. */
int code_answer(struct exchange *ex, const struct code_request *request, struct code_job *job,
                struct err *err) MUST_CHECK;

struct nodejs_input {
    struct text code, stdin_text, session_id, cwd, version;
    struct text_map files;
    int64_t timeout;
    bool stateful;
};

struct jupyter_input {
    struct text code, kernel_name, session_id, cwd;
    int64_t timeout;
};

/* Run code by a Jupyter kernel; `language` NULL: the shape of /v1/jupyter, else that of /v1/code.
 */
int jupyter_execute(struct exchange *ex, const struct jupyter_input *in, const char *language,
                    bool stateful, struct err *err) MUST_CHECK;

/* Run JavaScript as both nouns do. */
int nodejs_execute(struct exchange *ex, const struct nodejs_input *in, bool nodejs,
                   struct err *err) MUST_CHECK;

/* Find the Node.js of that version (absent: the one a command would find), then go on with it: at
 * once, or later while the exchange is parked. */
int nodejs_choose(struct exchange *ex, struct text version,
                  int (*then)(struct exchange *ex, void *arg, const char *node, int major,
                              struct err *err),
                  void *arg, struct err *err) MUST_CHECK;

#endif
