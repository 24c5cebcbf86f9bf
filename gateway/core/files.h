/* core/files.h: what all operations on files share: where things lie, who may change a file now,
 * and how many uploads run. Any thread. */
#ifndef SANDGATE_CORE_FILES_H
#define SANDGATE_CORE_FILES_H

#include "base/err.h"

struct files;

/* `workspace` is where an upload without a path goes, `state` where the undo history is kept;
 * either may be "". Both are copied. */
int files_open(const char *workspace, const char *state, struct files **ret_files,
               struct err *err) MUST_CHECK;
/* NULL is fine. */
void files_close(struct files *files);

const char *files_workspace(const struct files *files);
const char *files_state(const struct files *files);
/* Where drafts get a name before they take their place; "" without a state folder. What a killed
 * gateway left there is removed when it is opened. */
const char *files_drafts(const struct files *files);
/* ripgrep's path, or NULL when it is not installed. */
const char *files_ripgrep(const struct files *files);

/* Held while a changed file replaces the one it was made from, so that of two edits of one file
 * neither is lost. For moments only. */
void files_lock(struct files *files);
void files_unlock(struct files *files);

/* An upload under way holds half a MiB: beyond UPLOADS_AT_ONCE another fails with ERR_LIMIT. */
#define UPLOADS_AT_ONCE 64
int files_upload_enter(struct files *files, struct err *err) MUST_CHECK;
void files_upload_leave(struct files *files);

#endif
