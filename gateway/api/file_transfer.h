/* api/file_transfer.h: what the files of this noun need of each other. */
#ifndef SANDGATE_API_FILE_TRANSFER_H
#define SANDGATE_API_FILE_TRANSFER_H

#include "base/json.h"
#include "http/exchange.h"

#define UPLOAD_MAX (64 * GIB)
/* The parts, for the documentation: nothing is decoded into it. */
#define UPLOAD_INPUT_SIZE (2 * sizeof(struct text))

extern const struct field upload_fields[];
extern const struct body_sink upload_sink;

/* The body is in: put the file in its place. Parks meanwhile. */
int upload_run(struct exchange *ex, struct err *err);

/* file.c: a failure of the file is an answer (0); anything else is the pipeline's to report (-1).
 */
int file_answer_failure(struct exchange *ex, const char *operation, const char *path,
                        struct err *err);

#endif
