#include "http/record.h"

#include <string.h>
#include <time.h>

#include "core/history.h"
#include "http/exchange_internal.h"

/* Of a caller that was refused before anything was found for it. */
#define REFUSED "access.refused"

void exchange_audit_as(struct exchange *ex, const char *action)
{
    ex->record.action = action;
}

void exchange_audit_subject(struct exchange *ex, const char *text, size_t n)
{
    ex->record.subject = (struct text){arena_copy(ex->arena, text, n), n};
}

void exchange_audit_session(struct exchange *ex, const char *id)
{
    ex->record.session = arena_copy(ex->arena, id, strlen(id));
}

void exchange_audit_exit(struct exchange *ex, int64_t code)
{
    ex->record.exit_code = code;
    ex->record.exited = true;
}

static struct text of_field(const struct exchange *ex, const struct field *f)
{
    const char *at = (const char *)ex->input + f->offset;
    if (f->type == FIELD_TEXT || f->type == FIELD_PATH)
        return *(const struct text *)(const void *)at;
    if (f->type != FIELD_CHOICE || *(const int *)(const void *)at == CHOICE_ABSENT)
        return (struct text){NULL, 0};
    const char *choice = f->choices[*(const int *)(const void *)at];
    return (struct text){choice, strlen(choice)};
}

/* The value of the row's input field, or path parameter, of that name. */
static struct text value_of(const struct exchange *ex, const char *name)
{
    const struct field *f = name && ex->input ? ex->route->input : NULL;
    for (; f && f->name; f++)
        if (strcmp(f->name, name) == 0)
            return of_field(ex, f);
    const char *param = name ? exchange_param(ex, name) : NULL;
    return (struct text){param, param ? strlen(param) : 0};
}

static enum audit_result result_of(const struct exchange *ex, bool delivered)
{
    if (ex->record.refused)
        return AUDIT_REFUSED;
    if (ex->reply.kind == REPLY_UPGRADE)
        return AUDIT_OK;
    if (ex->left || !delivered || ex->reply.status == 0)
        return AUDIT_UNANSWERED;
    return ex->reply.status >= 400 || ex->record.failed ? AUDIT_FAILED : AUDIT_OK;
}

static uint64_t elapsed_ms(const struct exchange *ex)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    return (ns - ex->started_ns) / 1000000u;
}

static int64_t exit_code_of(const struct exchange *ex)
{
    return ex->record.exited ? ex->record.exit_code : INT_ABSENT;
}

static struct audit_entry entry_of(const struct exchange *ex)
{
    struct record record = ex->record;
    struct audit_entry e = {
        .who = ex->grant.who,
        .peer = ex->peer,
        .action = record.action ? record.action : REFUSED,
        .subject = record.subject,
        .session_id = record.session,
        .method = ex->method.p,
        .path = ex->raw_path,
        .exit_code = exit_code_of(ex),
        .ms = INT_ABSENT,
    };
    if (ex->route && record.action) {
        e.fold = ex->route->audit.fold;
        if (!e.subject.p)
            e.subject = value_of(ex, ex->route->audit.subject);
        if (!e.session_id)
            e.session_id = value_of(ex, ex->route->audit.session).p;
    }
    return e;
}

/* Not over yet: it waits, or the answer is a stream or another protocol. */
static bool goes_on(const struct exchange *ex)
{
    return ex->parked || ex->reply.kind == REPLY_STREAM || ex->reply.kind == REPLY_UPGRADE;
}

void record_begun(struct audit *audit, struct exchange *ex)
{
    if (!audit || !ex->record.action || !goes_on(ex) || ex->record.begun)
        return;
    struct audit_entry e = entry_of(ex);
    e.at = history_now() - (int64_t)elapsed_ms(ex);
    e.result = AUDIT_RUNNING;
    e.status = ex->reply.status;
    ex->record.begun = true;
    ex->record.id = audit_add(audit, &e);
}

void record_over(struct audit *audit, struct exchange *ex, double seconds, bool delivered)
{
    struct record *record = &ex->record;
    bool begun = record->begun;
    if (!audit || !(record->action || record->refused) || (begun && !record->id))
        return;
    struct audit_entry e =
        begun ? (struct audit_entry){.exit_code = exit_code_of(ex)} : entry_of(ex);
    e.ms = (int64_t)(seconds * 1e3);
    e.result = result_of(ex, delivered);
    e.status = ex->reply.status;
    if (begun) {
        audit_end(audit, record->id, &e);
        return;
    }
    e.at = history_now() - e.ms;
    (void)audit_add(audit, &e);
}
