/* Files: read, write, edit, search, list. What an operation does is in core/; here it is answered.
 */
#include <unistd.h>

#include "api/app.h"
#include "api/file_ops.h"
#include "api/file_transfer.h"
#include "core/editor.h"
#include "core/file_list.h"
#include "core/file_problem.h"
#include "core/file_text.h"
#include "core/search.h"
#include "core/search_glob.h"
#include "http/envelope.h"

#define BODY_CONTENT (64 * MIB)
#define BODY_SMALL   (1 * MIB)

int file_answer_failure(struct exchange *ex, const char *operation, const char *path,
                        struct err *err)
{
    struct file_problem problem;
    if (!file_problem_of(err, &problem))
        return -1;
    cleanup_bytes struct bytes message = BYTES_INIT(16 * KIB);
    file_problem_message(&message, operation, path, err);
    const char *text = bytes_text(&message);
    if (!text)
        return err_memory(err);
    file_problem_write(reply_begin_failure(ex, text), operation, path, text, err);
    reply_end(ex);
    return 0;
}

static int run_here(struct exchange *ex, const struct file_op *op, const void *input,
                    struct err *err)
{
    if (op->run(app_of(ex)->files, input, reply_begin(ex, op->done), err) < 0)
        return file_answer_failure(ex, op->name, file_op_path(op, input), err);
    reply_end(ex);
    return 0;
}

static int run_as_root(struct exchange *ex, const struct file_op *op, const void *input,
                       struct err *err)
{
    struct file_outcome outcome;
    cleanup_bytes struct bytes answer = BYTES_INIT(192 * MIB);
    if (file_sudo_run(op, exchange_body(ex), &answer, &outcome, err) < 0)
        return file_answer_failure(ex, op->name, file_op_path(op, input), err);
    struct jsonw *w = outcome.success ? reply_begin(ex, outcome.message)
                                      : reply_begin_failure(ex, outcome.message);
    jsonw_raw(w, outcome.data);
    reply_end(ex);
    return 0;
}

static int run(struct exchange *ex, const struct file_op *op, struct err *err)
{
    const void *input = exchange_input(ex);
    bool sudo =
        op->sudo != NO_SUDO && *(const bool *)(const void *)((const char *)input + op->sudo);
    /* Reading what root may read is more than reading: whoever may run commands can run sudo. */
    if (sudo && !(pipeline_grant(ex)->scopes & SCOPE_EXEC))
        return err_set(err, ERR_FORBIDDEN, "this credential does not permit sudo");
    return sudo && geteuid() != 0 ? run_as_root(ex, op, input, err) : run_here(ex, op, input, err);
}

static int read_file(struct exchange *ex, struct err *err)
{
    return run(ex, &file_op_read, err);
}

static int write_file(struct exchange *ex, struct err *err)
{
    return run(ex, &file_op_write, err);
}

static int replace_in_file(struct exchange *ex, struct err *err)
{
    return run(ex, &file_op_replace, err);
}

static int search_in_file(struct exchange *ex, struct err *err)
{
    return run(ex, &file_op_search, err);
}

static int find_files(struct exchange *ex, struct err *err)
{
    return run(ex, &file_op_find, err);
}

static int grep_files(struct exchange *ex, struct err *err)
{
    return run(ex, &file_op_grep, err);
}

static int glob_files(struct exchange *ex, struct err *err)
{
    return run(ex, &file_op_glob, err);
}

static int list_path(struct exchange *ex, struct err *err)
{
    return run(ex, &file_op_list, err);
}

static int edit_file(struct exchange *ex, struct err *err)
{
    const struct editor_request *in = exchange_input(ex);
    if (in->page_range.n || in->row_range.n || in->slide_range.n || in->sheet_name.p ||
        in->enable_metadata)
        reply_hint(ex, "this editor reads text only: page_range, sheet_name, row_range, "
                       "slide_range and enable_metadata have no effect");
    return run(ex, &file_op_editor, err);
}

#define POST_JSON(verb, permit, kind, fn, limit)                                                   \
    "POST", "/v1/file/" verb, permit, kind, fn, .body = BODY_JSON, .body_limit = (limit),          \
                                                .tag = "file"

const struct route file_routes[] = {
    {POST_JSON("read", SCOPE_READ, ROUTE_BLOCKING, read_file, BODY_SMALL),
     INPUT(file_read_fields, struct file_read),
     .summary = "Read a file, whole or by lines: up to 32 MiB at once."},
    {POST_JSON("write", SCOPE_EXEC, ROUTE_BLOCKING, write_file, BODY_CONTENT),
     INPUT(file_write_fields, struct file_write),
     .summary = "Write a file. Readers see the old content or the new, never half of it."},
    {POST_JSON("replace", SCOPE_EXEC, ROUTE_BLOCKING, replace_in_file, BODY_CONTENT),
     INPUT(file_replace_fields, struct file_replace),
     .summary = "Replace every occurrence of a text in a file."},
    {POST_JSON("search", SCOPE_READ, ROUTE_SLOW, search_in_file, BODY_SMALL),
     INPUT(file_search_fields, struct search_request),
     .summary = "Find the lines of a file that match; line_numbers count from 0, as read does."},
    {POST_JSON("find", SCOPE_READ, ROUTE_SLOW, find_files, BODY_SMALL),
     INPUT(file_find_fields, struct find_request),
     .summary = "Find files by name anywhere below a directory, hidden ones only when named."},
    {POST_JSON("grep", SCOPE_READ, ROUTE_SLOW, grep_files, BODY_SMALL),
     INPUT(file_grep_fields, struct grep_request),
     .summary =
         "Search the text files of a tree with ripgrep: hidden and ignored ones too, .git not."},
    {POST_JSON("glob", SCOPE_READ, ROUTE_SLOW, glob_files, BODY_SMALL),
     INPUT(file_glob_fields, struct glob_request),
     .summary = "Find files by a glob of their path below a directory."},
    {POST_JSON("list", SCOPE_READ, ROUTE_BLOCKING, list_path, BODY_SMALL),
     INPUT(file_list_fields, struct list_request), .summary = "List a directory."},
    {POST_JSON("str_replace_editor", SCOPE_EXEC, ROUTE_BLOCKING, edit_file, BODY_CONTENT),
     INPUT(file_editor_fields, struct editor_request),
     .summary = "View, create and edit text files, and undo edits."},
    ROUTES_END,
};
