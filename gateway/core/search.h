/* core/search.h: looking for text in one file or in a tree, by ripgrep. What it prints is read as
 * it comes and it is ended as soon as the answer is complete, so memory is bounded by the answer.
 * Everything in a tree is searched, hidden and ignored files too, but for .git and for binary
 * files. Workers only. */
#ifndef SANDGATE_CORE_SEARCH_H
#define SANDGATE_CORE_SEARCH_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "base/jsonw.h"

struct files;

#define SEARCH_MAX_RESULTS 10000
#define SEARCH_MAX_CONTEXT 20
/* Longer lines are cut, and say so. */
#define SEARCH_LINE_MAX (8 * KIB)
/* All lines of one answer; beyond, the answer is truncated. */
#define SEARCH_TEXT_MAX    (12 * MIB)
#define SEARCH_MAX_FILTERS 100

struct search_request {
    struct text file, regex;
    bool sudo;
};

struct grep_request {
    struct text path, pattern;
    struct text_list include, exclude;
    bool case_insensitive, fixed_strings;
    int64_t context_before, context_after, max_results;
    struct text max_file_size;
    bool multiline;
    int64_t offset;
    struct text type;
    bool recursive;
};

/* Lines that match, with their numbers from 0, as start_line of read counts. */
int search_file(struct files *files, const struct search_request *in, struct jsonw *w,
                struct err *err) MUST_CHECK;
/* Matches with their line numbers from 1, by path. */
int search_tree(struct files *files, const struct grep_request *in, struct jsonw *w,
                struct err *err) MUST_CHECK;

/* ---- search_hits.c: what was found, for search.c ---- */

/* One line (or, with multiline, one match of several lines) that is part of the answer. */
struct search_line {
    size_t name_at, name_n; /* its file, in `names` */
    size_t at, n;           /* its text, in `text` */
    int64_t number, span;   /* first line, and how many */
    bool match;             /* one of the answer, not context or skipped */
};

struct search_hits {
    int64_t offset, max_results, context; /* context: most lines kept before a match */
    const char *root;                     /* what "./" stands for; a file: NULL */
    const char *single;                   /* the one file searched, or NULL */
    struct bytes names, text, input;
    struct bytes spare[2];
    struct search_line *lines;
    size_t n, room;
    size_t name_at, name_n;                /* the file being reported */
    int64_t seen;                          /* matches, those before the offset included */
    int64_t files_matched, files_searched; /* searched: -1 when not known */
    bool file_counted, truncated, broken;
    bool incomplete; /* something in the tree could not be searched */
};

void hits_init(struct search_hits *hits);
void hits_done(struct search_hits *hits);
/* A spawn_taker's function; `arg` is the hits. */
int hits_take(void *arg, const char *data, size_t n);

#endif
