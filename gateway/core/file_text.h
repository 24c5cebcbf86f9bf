/* core/file_text.h: read, write and replace in one file, in constant memory where the content is
 * not part of the answer. Results are written as JSON; failures are those of core/file_problem.h.
 * Any thread. */
#ifndef SANDGATE_CORE_FILE_TEXT_H
#define SANDGATE_CORE_FILE_TEXT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "base/jsonw.h"

struct files;

/* As much content as one answer may carry: even wholly escaped it fits a reply. */
#define FILE_READ_MAX (32 * MIB)
/* A file in which text is replaced is read twice and written once. */
#define FILE_REPLACE_MAX GIB

enum file_encoding { ENCODING_UTF8, ENCODING_BASE64, ENCODING_RAW };

struct file_read {
    struct text file;
    int64_t start_line, end_line; /* from 0, end excluded; INT_ABSENT: open */
    int encoding;                 /* ENCODING_UTF8 or ENCODING_BASE64 */
    bool sudo;
};

struct file_write {
    struct text file, content;
    int encoding;
    bool append, leading_newline, trailing_newline, sudo;
};

struct file_replace {
    struct text file, old_str, new_str;
    bool sudo;
};

int file_read(struct files *files, const struct file_read *in, struct jsonw *w,
              struct err *err) MUST_CHECK;
int file_write(struct files *files, const struct file_write *in, struct jsonw *w,
               struct err *err) MUST_CHECK;
int file_replace(struct files *files, const struct file_replace *in, struct jsonw *w,
                 struct err *err) MUST_CHECK;

#endif
