/* core/search_glob.h: finding files by name. ripgrep lists and matches the files; directories,
 * which it does not list, are walked here. Workers only. */
#ifndef SANDGATE_CORE_SEARCH_GLOB_H
#define SANDGATE_CORE_SEARCH_GLOB_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "base/jsonw.h"

struct files;

#define FIND_MAX_RESULTS 50000
#define GLOB_MAX_RESULTS 50000
/* So many are looked at before the first ones are chosen. */
#define GLOB_MAX_MATCHES 250000

struct find_request {
    struct text path, glob;
};

struct glob_request {
    struct text path, pattern;
    struct text_list exclude;
    bool include_hidden, files_only, include_metadata;
    int64_t max_results;
    int sort_by; /* as FILE_ORDER_NAMES */
    bool sort_desc;
};

/* Files anywhere below whose name matches, or, where the glob holds a slash, whose path does. */
int search_find(struct files *files, const struct find_request *in, struct jsonw *w,
                struct err *err) MUST_CHECK;
/* The pattern is that of a path below: * stays within a segment, ** crosses them. */
int search_glob(struct files *files, const struct glob_request *in, struct jsonw *w,
                struct err *err) MUST_CHECK;

/* Does the relative `path` match? *, ?, [set], {a,b} within a segment; ** for any number of them.
 * A leading dot is matched by a dot only, unless `hidden`. Pure; for directories, and for tests. */
bool glob_matches(const char *pattern, const char *path, bool hidden);

#endif
