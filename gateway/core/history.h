/* core/history.h: sessions and commands as the database remembers them.
 *
 * Writing is queued (store_write); what a killed gateway left as running is put right at the next
 * start, before anything is served. Loop thread only, except history_commands(). */
#ifndef SANDGATE_CORE_HISTORY_H
#define SANDGATE_CORE_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/jsonw.h"
#include "core/config.h"
#include "store/store.h"

/* Of one stream, this much is kept in the database; what is longer keeps its end. */
#define HISTORY_OUTPUT (64 * KIB)

struct session_record {
    const char *kind, *id, *working_dir;
    int64_t created_at, last_used_at; /* ms since the epoch */
};

struct command_record {
    const char *kind, *id, *session_id, *command;
    const char *status;
    int64_t exit_code; /* INT_ABSENT: none */
    int64_t started_at, ended_at;
    struct text out, errors; /* at most HISTORY_OUTPUT each */
    int64_t out_bytes, errors_bytes;
};

int64_t history_now(void); /* ms since the epoch */

void history_session(struct store *store, const struct session_record *record);
void history_session_closed(struct store *store, const char *kind, const char *id,
                            const char *reason);
/* A command began. */
void history_command(struct store *store, const struct command_record *record);
/* It ended: status, exit code, time and output of the same id. On disk when this returns, so that
 * what a client was told survives even a gateway that is killed. */
void history_command_ended(struct store *store, const struct command_record *record);

/* At start: commands that still count as running were ended with the gateway; shell sessions too.
 * Drops what is older or more than the settings say, and from then on as more is written. */
int history_settle(struct store *store, const struct config *config, struct err *err) MUST_CHECK;

/* Open sessions of a kind, oldest first. The record lives during the call. */
int history_open_sessions(struct store *store, const char *kind,
                          void (*each)(void *arg, const struct session_record *record), void *arg,
                          struct err *err) MUST_CHECK;
/* *ret_closed: NULL-free reason ("" when open) of a session; -1 with ERR_NOT_FOUND when unknown. */
int history_find_session(struct store *store, const char *kind, const char *id,
                         char ret_reason[128], struct err *err) MUST_CHECK;

/* One finished command, whole; `command_id` NULL: the session's newest. 1 when there is none. */
int history_find_command(struct store *store, const char *kind, const char *session_id,
                         const char *command_id,
                         void (*each)(void *arg, const struct command_record *record), void *arg,
                         struct err *err) MUST_CHECK;
/* The newest `limit` commands of a session as a JSON array, newest first. Any thread. */
int history_commands(struct store *store, const char *kind, const char *session_id, int64_t limit,
                     struct jsonw *w, struct err *err) MUST_CHECK;

/* "2026-01-31T12:00:00.123Z" */
#define TIME_TEXT 32
void history_time(int64_t ms, char out[TIME_TEXT]);

#endif
