/* core/editor.h: the edit tool agents know: view, create, str_replace, insert, undo_edit.
 *
 * Works on UTF-8 text that fits an answer twice (before and after). What an edit replaced is kept
 * in the state directory, so that it can be undone even after a restart. Any thread. */
#ifndef SANDGATE_CORE_EDITOR_H
#define SANDGATE_CORE_EDITOR_H

#include "base/err.h"
#include "base/json.h"
#include "base/jsonw.h"

struct files;

/* A file that is edited; viewing takes lines from files of any size. */
#define EDITOR_FILE_MAX (8 * MIB)
/* What one view shows; a longer line is cut. */
#define EDITOR_VIEW_MAX (1 * MIB)
#define EDITOR_LINE_MAX (16 * KIB)

enum editor_command { EDITOR_VIEW, EDITOR_CREATE, EDITOR_STR_REPLACE, EDITOR_INSERT, EDITOR_UNDO };
enum editor_mode { EDITOR_ALL, EDITOR_FIRST, EDITOR_LAST };

struct editor_request {
    int command;
    struct text path, file_text, old_str, new_str; /* p NULL: absent */
    int64_t insert_line;                           /* INT_ABSENT */
    struct int_list view_range;                    /* empty: everything */
    int replace_mode;                              /* CHOICE_ABSENT: exactly one match */
    /* The incumbent's options for office documents; this editor takes text only. */
    struct int_list page_range, row_range, slide_range;
    struct text sheet_name;
    bool enable_metadata;
};

int editor_run(struct files *files, const struct editor_request *in, struct jsonw *w,
               struct err *err) MUST_CHECK;

/* ---- for editor.c, editor_view.c ---- */

int editor_view(const struct editor_request *in, struct bytes *out, struct err *err) MUST_CHECK;
/* Lines `first`..`last` of `text`, numbered as by cat -n. */
void editor_number_lines(struct bytes *out, const char *text, size_t n, int64_t first,
                         int64_t last);

/* editor_history.c: what to go back to. */
#define HISTORY_PER_FILE  20
#define HISTORY_ENTRIES   500
#define HISTORY_BYTES_MAX (64 * MIB)
#define HISTORY_NAME_SIZE 64
/* Both tell the entry's name, for history_drop(). */
int history_push(struct files *files, const char *path, const char *text, size_t n,
                 char name[static HISTORY_NAME_SIZE], struct err *err) MUST_CHECK;
/* The latest text kept for `path`, appended to `out`. ERR_NOT_FOUND when there is none. */
int history_latest(struct files *files, const char *path, struct bytes *out,
                   char name[static HISTORY_NAME_SIZE], struct err *err) MUST_CHECK;
void history_drop(struct files *files, const char *name);

#endif
