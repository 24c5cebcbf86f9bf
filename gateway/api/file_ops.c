#include "api/file_ops.h"

#include <limits.h>
#include <string.h>

#include "core/editor.h"
#include "core/file_list.h"
#include "core/file_text.h"
#include "core/search.h"
#include "core/search_glob.h"

#define LINE_MAX_NUMBER 9007199254740991
#define PATTERN_MAX     65536

#define FIELD(struct_name, member) .offset = offsetof(struct struct_name, member)

static const char *const read_encodings[] = {"utf-8", "base64", NULL};
static const char *const write_encodings[] = {"utf-8", "base64", "raw", NULL};
static const char *const orders[] = {FILE_ORDER_NAMES, NULL};
static const char *const editor_commands[] = {"view",   "create",    "str_replace",
                                              "insert", "undo_edit", NULL};
static const char *const editor_modes[] = {"ALL", "FIRST", "LAST", NULL};

#define SUDO_ROW(struct_name)                                                                      \
    {                                                                                              \
        .name = "sudo", .type = FIELD_BOOL, FIELD(struct_name, sudo), .fallback = "false",         \
        .doc = "Do it as root, where that is permitted."                                           \
    }

const struct field file_read_fields[] = {
    {.name = "file",
     .type = FIELD_PATH,
     FIELD(file_read, file),
     .required = true,
     .doc = "Absolute path of the file."},
    {.name = "start_line",
     .type = FIELD_INT,
     FIELD(file_read, start_line),
     .min = 0,
     .max = LINE_MAX_NUMBER,
     .doc = "First line, counted from 0."},
    {.name = "end_line",
     .type = FIELD_INT,
     FIELD(file_read, end_line),
     .min = 0,
     .max = LINE_MAX_NUMBER,
     .doc = "The line to stop before."},
    {.name = "encoding",
     .type = FIELD_CHOICE,
     FIELD(file_read, encoding),
     .choices = read_encodings,
     .fallback = "\"utf-8\"",
     .doc = "How the content is given: as text, or base64 for any bytes."},
    SUDO_ROW(file_read),
    FIELDS_END,
};

const struct field file_write_fields[] = {
    {.name = "file",
     .type = FIELD_PATH,
     FIELD(file_write, file),
     .required = true,
     .doc = "Absolute path of the file; missing directories are made."},
    {.name = "content",
     .type = FIELD_TEXT,
     FIELD(file_write, content),
     .required = true,
     .doc = "What to write, in the given encoding."},
    {.name = "encoding",
     .type = FIELD_CHOICE,
     FIELD(file_write, encoding),
     .choices = write_encodings,
     .fallback = "\"utf-8\"",
     .doc = "Text, base64, or raw: one byte per character up to U+00FF."},
    {.name = "append",
     .type = FIELD_BOOL,
     FIELD(file_write, append),
     .fallback = "false",
     .doc = "Add to the end instead of replacing the file."},
    {.name = "leading_newline",
     .type = FIELD_BOOL,
     FIELD(file_write, leading_newline),
     .fallback = "false",
     .doc = "Put a newline before the content (not with base64)."},
    {.name = "trailing_newline",
     .type = FIELD_BOOL,
     FIELD(file_write, trailing_newline),
     .fallback = "false",
     .doc = "Put a newline after the content (not with base64)."},
    SUDO_ROW(file_write),
    FIELDS_END,
};

const struct field file_replace_fields[] = {
    {.name = "file",
     .type = FIELD_PATH,
     FIELD(file_replace, file),
     .required = true,
     .doc = "Absolute path of the file."},
    {.name = "old_str",
     .type = FIELD_TEXT,
     FIELD(file_replace, old_str),
     .required = true,
     .min = 1,
     .doc = "The text to replace, wherever it occurs; taken literally."},
    {.name = "new_str",
     .type = FIELD_TEXT,
     FIELD(file_replace, new_str),
     .required = true,
     .doc = "The text to put in its place."},
    SUDO_ROW(file_replace),
    FIELDS_END,
};

const struct field file_search_fields[] = {
    {.name = "file",
     .type = FIELD_PATH,
     FIELD(search_request, file),
     .required = true,
     .doc = "Absolute path of the file."},
    {.name = "regex",
     .type = FIELD_TEXT,
     FIELD(search_request, regex),
     .required = true,
     .max = PATTERN_MAX,
     .doc = "Regular expression in ripgrep's syntax, matched line by line."},
    SUDO_ROW(search_request),
    FIELDS_END,
};

const struct field file_find_fields[] = {
    {.name = "path",
     .type = FIELD_PATH,
     FIELD(find_request, path),
     .required = true,
     .doc = "Absolute path of the directory."},
    {.name = "glob",
     .type = FIELD_TEXT,
     FIELD(find_request, glob),
     .required = true,
     .min = 1,
     .max = PATH_MAX,
     .doc = "Glob of the name; with a slash, of the path below the directory."},
    FIELDS_END,
};

const struct field file_grep_fields[] = {
    {.name = "path",
     .type = FIELD_PATH,
     FIELD(grep_request, path),
     .required = true,
     .doc = "Absolute path of a directory or a file."},
    {.name = "pattern",
     .type = FIELD_TEXT,
     FIELD(grep_request, pattern),
     .required = true,
     .max = PATTERN_MAX,
     .doc = "Regular expression in ripgrep's syntax, or fixed text."},
    {.name = "include",
     .type = FIELD_TEXT_LIST,
     FIELD(grep_request, include),
     .max = SEARCH_MAX_FILTERS,
     .doc = "Only files that match one of these globs."},
    {.name = "exclude",
     .type = FIELD_TEXT_LIST,
     FIELD(grep_request, exclude),
     .max = SEARCH_MAX_FILTERS,
     .doc = "Neither files nor directories that match one of these."},
    {.name = "case_insensitive",
     .type = FIELD_BOOL,
     FIELD(grep_request, case_insensitive),
     .fallback = "false",
     .doc = "Ignore case."},
    {.name = "fixed_strings",
     .type = FIELD_BOOL,
     FIELD(grep_request, fixed_strings),
     .fallback = "false",
     .doc = "Take the pattern literally."},
    {.name = "context_before",
     .type = FIELD_INT,
     FIELD(grep_request, context_before),
     .min = 0,
     .max = SEARCH_MAX_CONTEXT,
     .fallback = "0",
     .doc = "Lines to show before each match."},
    {.name = "context_after",
     .type = FIELD_INT,
     FIELD(grep_request, context_after),
     .min = 0,
     .max = SEARCH_MAX_CONTEXT,
     .fallback = "0",
     .doc = "Lines to show after each match."},
    {.name = "max_results",
     .type = FIELD_INT,
     FIELD(grep_request, max_results),
     .min = 1,
     .max = SEARCH_MAX_RESULTS,
     .fallback = "500",
     .doc = "Most matches to return."},
    {.name = "max_file_size",
     .type = FIELD_TEXT,
     FIELD(grep_request, max_file_size),
     .max = 32,
     .fallback = "\"1M\"",
     .doc = "Pass over larger files: 500K, 1M, 2G."},
    {.name = "multiline",
     .type = FIELD_BOOL,
     FIELD(grep_request, multiline),
     .fallback = "false",
     .doc = "Let a match span lines; a dot then matches a newline too."},
    {.name = "offset",
     .type = FIELD_INT,
     FIELD(grep_request, offset),
     .min = 0,
     .max = LINE_MAX_NUMBER / 2,
     .fallback = "0",
     .doc = "Matches to skip, to read page by page."},
    {.name = "type",
     .type = FIELD_TEXT,
     FIELD(grep_request, type),
     .max = 100,
     .doc = "Only files of this type, by ripgrep's names: py, ts, rust …"},
    {.name = "recursive",
     .type = FIELD_BOOL,
     FIELD(grep_request, recursive),
     .fallback = "true",
     .doc = "Search directories below, too."},
    FIELDS_END,
};

const struct field file_glob_fields[] = {
    {.name = "path",
     .type = FIELD_PATH,
     FIELD(glob_request, path),
     .required = true,
     .doc = "Absolute path of the directory."},
    {.name = "pattern",
     .type = FIELD_TEXT,
     FIELD(glob_request, pattern),
     .required = true,
     .min = 1,
     .max = PATH_MAX,
     .doc = "Glob of the path below it: *, ?, [set], {a,b}, **."},
    {.name = "exclude",
     .type = FIELD_TEXT_LIST,
     FIELD(glob_request, exclude),
     .max = SEARCH_MAX_FILTERS,
     .doc = "Leave out what matches one of these globs."},
    {.name = "include_hidden",
     .type = FIELD_BOOL,
     FIELD(glob_request, include_hidden),
     .fallback = "false",
     .doc = "Names that begin with a dot, too."},
    {.name = "files_only",
     .type = FIELD_BOOL,
     FIELD(glob_request, files_only),
     .fallback = "true",
     .doc = "No directories."},
    {.name = "include_metadata",
     .type = FIELD_BOOL,
     FIELD(glob_request, include_metadata),
     .fallback = "true",
     .doc = "Tell size and time of modification."},
    {.name = "max_results",
     .type = FIELD_INT,
     FIELD(glob_request, max_results),
     .min = 1,
     .max = GLOB_MAX_RESULTS,
     .fallback = "5000",
     .doc = "Most entries to return."},
    {.name = "sort_by",
     .type = FIELD_CHOICE,
     FIELD(glob_request, sort_by),
     .choices = orders,
     .fallback = "\"path\"",
     .doc = "What to sort by."},
    {.name = "sort_desc",
     .type = FIELD_BOOL,
     FIELD(glob_request, sort_desc),
     .fallback = "false",
     .doc = "Largest, latest or last first."},
    FIELDS_END,
};

const struct field file_list_fields[] = {
    {.name = "path",
     .type = FIELD_PATH,
     FIELD(list_request, path),
     .required = true,
     .doc = "Absolute path of the directory."},
    {.name = "recursive",
     .type = FIELD_BOOL,
     FIELD(list_request, recursive),
     .fallback = "false",
     .doc = "List directories below, too; links are not followed."},
    {.name = "show_hidden",
     .type = FIELD_BOOL,
     FIELD(list_request, show_hidden),
     .fallback = "true",
     .doc = "Names that begin with a dot, too."},
    {.name = "file_types",
     .type = FIELD_TEXT_LIST,
     FIELD(list_request, file_types),
     .max = SEARCH_MAX_FILTERS,
     .doc = "Only files with one of these extensions."},
    {.name = "max_depth",
     .type = FIELD_INT,
     FIELD(list_request, max_depth),
     .min = 1,
     .max = LIST_MAX_DEPTH,
     .doc = "How many levels a recursive listing goes down."},
    {.name = "include_size",
     .type = FIELD_BOOL,
     FIELD(list_request, include_size),
     .fallback = "true",
     .doc = "Tell the size of files."},
    {.name = "include_permissions",
     .type = FIELD_BOOL,
     FIELD(list_request, include_permissions),
     .fallback = "false",
     .doc = "Tell the mode in octal."},
    {.name = "sort_by",
     .type = FIELD_CHOICE,
     FIELD(list_request, sort_by),
     .choices = orders,
     .fallback = "\"name\"",
     .doc = "What to sort by."},
    {.name = "sort_desc",
     .type = FIELD_BOOL,
     FIELD(list_request, sort_desc),
     .fallback = "false",
     .doc = "Largest, latest or last first."},
    FIELDS_END,
};

const struct field file_editor_fields[] = {
    {.name = "command",
     .type = FIELD_CHOICE,
     FIELD(editor_request, command),
     .required = true,
     .choices = editor_commands,
     .doc = "What to do."},
    {.name = "path",
     .type = FIELD_PATH,
     FIELD(editor_request, path),
     .required = true,
     .doc = "Absolute path of the file (view: or directory)."},
    {.name = "file_text",
     .type = FIELD_TEXT,
     FIELD(editor_request, file_text),
     .doc = "create: the content of the new file."},
    {.name = "old_str",
     .type = FIELD_TEXT,
     FIELD(editor_request, old_str),
     .doc =
         "str_replace: the text to replace, which must occur once unless replace_mode is given."},
    {.name = "new_str",
     .type = FIELD_TEXT,
     FIELD(editor_request, new_str),
     .doc = "str_replace: the new text, nothing when absent. insert: the lines to insert."},
    {.name = "insert_line",
     .type = FIELD_INT,
     FIELD(editor_request, insert_line),
     .min = 0,
     .max = LINE_MAX_NUMBER,
     .doc = "insert: the line to insert after; 0 is the beginning."},
    {.name = "view_range",
     .type = FIELD_INT_LIST,
     FIELD(editor_request, view_range),
     .fallback = "[]",
     .doc = "view: first and last line, counted from 1; -1 as the last is the end."},
    {.name = "replace_mode",
     .type = FIELD_CHOICE,
     FIELD(editor_request, replace_mode),
     .choices = editor_modes,
     .doc = "str_replace: which of several occurrences."},
    {.name = "page_range",
     .type = FIELD_INT_LIST,
     FIELD(editor_request, page_range),
     .max = 2,
     .doc = "For PDF files, which this editor does not read."},
    {.name = "sheet_name",
     .type = FIELD_TEXT,
     FIELD(editor_request, sheet_name),
     .max = 1000,
     .doc = "For spreadsheets, which this editor does not read."},
    {.name = "row_range",
     .type = FIELD_INT_LIST,
     FIELD(editor_request, row_range),
     .max = 2,
     .doc = "For spreadsheets, which this editor does not read."},
    {.name = "slide_range",
     .type = FIELD_INT_LIST,
     FIELD(editor_request, slide_range),
     .max = 2,
     .doc = "For slides, which this editor does not read."},
    {.name = "enable_metadata",
     .type = FIELD_BOOL,
     FIELD(editor_request, enable_metadata),
     .fallback = "false",
     .doc = "For binary documents, which this editor does not read."},
    FIELDS_END,
};

/* The core functions know their own request types; a row knows none. */
#define RUNS(fn, type)                                                                             \
    static int run_##fn(struct files *files, const void *in, struct jsonw *w, struct err *err)     \
    {                                                                                              \
        return fn(files, (const struct type *)in, w, err);                                         \
    }

RUNS(file_read, file_read)
RUNS(file_write, file_write)
RUNS(file_replace, file_replace)
RUNS(search_file, search_request)
RUNS(search_find, find_request)
RUNS(search_tree, grep_request)
RUNS(search_glob, glob_request)
RUNS(file_list, list_request)
RUNS(editor_run, editor_request)

#define OP(type, path_member) sizeof(struct type), offsetof(struct type, path_member)

const struct file_op file_op_read = {"read",
                                     "File read successfully",
                                     file_read_fields,
                                     OP(file_read, file),
                                     offsetof(struct file_read, sudo),
                                     run_file_read};
const struct file_op file_op_write = {"write",
                                      "File written successfully",
                                      file_write_fields,
                                      OP(file_write, file),
                                      offsetof(struct file_write, sudo),
                                      run_file_write};
const struct file_op file_op_replace = {"replace",
                                        "Replacement done",
                                        file_replace_fields,
                                        OP(file_replace, file),
                                        offsetof(struct file_replace, sudo),
                                        run_file_replace};
const struct file_op file_op_search = {"search",
                                       "Search done",
                                       file_search_fields,
                                       OP(search_request, file),
                                       offsetof(struct search_request, sudo),
                                       run_search_file};
const struct file_op file_op_find = {
    "find", "Search done", file_find_fields, OP(find_request, path), NO_SUDO, run_search_find};
const struct file_op file_op_grep = {
    "grep", "Search done", file_grep_fields, OP(grep_request, path), NO_SUDO, run_search_tree};
const struct file_op file_op_glob = {
    "glob", "Search done", file_glob_fields, OP(glob_request, path), NO_SUDO, run_search_glob};
const struct file_op file_op_list = {"list",           "Directory listed successfully",
                                     file_list_fields, OP(list_request, path),
                                     NO_SUDO,          run_file_list};
const struct file_op file_op_editor = {"str_replace_editor",
                                       "Editor command done",
                                       file_editor_fields,
                                       OP(editor_request, path),
                                       NO_SUDO,
                                       run_editor_run};

const struct file_op *file_op_find_privileged(const char *name)
{
    static const struct file_op *const ops[] = {&file_op_read, &file_op_write, &file_op_replace,
                                                &file_op_search};
    for (size_t i = 0; i < COUNT_OF(ops); i++)
        if (strcmp(ops[i]->name, name) == 0)
            return ops[i];
    return NULL;
}

const char *file_op_path(const struct file_op *op, const void *input)
{
    return ((const struct text *)(const void *)((const char *)input + op->path))->p;
}
