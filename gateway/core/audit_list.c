/* The audit log, read with filters. */
#include "core/audit.h"
#include "core/history.h"

struct listing {
    struct jsonw *w;
    int64_t limit, n, last_id;
    bool more;
};

/* Empty fields are null. */
static void write_text(struct jsonw *w, const char *name, const struct row *row, int column)
{
    size_t n;
    const char *text = row_text(row, column, &n);
    if (row_is_null(row, column))
        jsonw_knull(w, name);
    else
        jsonw_ktext(w, name, text, n);
}

static void write_int(struct jsonw *w, const char *name, const struct row *row, int column)
{
    if (row_is_null(row, column))
        jsonw_knull(w, name);
    else
        jsonw_kint(w, name, row_int(row, column));
}

/* The order of the columns below. */
static int list_row(void *arg, const struct row *row)
{
    static const char *const texts[] = {"who",        "peer",   "action", "subject",
                                        "session_id", "method", "path",   "result"};
    static const char *const ints[] = {"status", "exit_code", "duration_ms", "count"};
    struct listing *l = arg;
    char time[TIME_TEXT];
    if (l->n == l->limit) {
        l->more = true;
        return 1;
    }
    l->n++;
    l->last_id = row_int(row, 0);
    history_time(row_int(row, 1), time);
    jsonw_object(l->w);
    jsonw_kint(l->w, "id", l->last_id);
    jsonw_kstr(l->w, "at", time);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        write_text(l->w, texts[i], row, (int)i + 2);
    for (size_t i = 0; i < COUNT_OF(ints); i++)
        write_int(l->w, ints[i], row, (int)(i + 2 + COUNT_OF(texts)));
    jsonw_object_end(l->w);
    return 0;
}

static struct value bound(int64_t value, int64_t otherwise)
{
    return V_INT(value == INT_ABSENT ? otherwise : value);
}

int audit_list(struct store *store, const struct audit_filter *f, struct jsonw *w, struct err *err)
{
    struct listing listing = {.w = w, .limit = f->limit};
    const struct value v[] = {
        bound(f->before, INT64_MAX),
        bound(f->after, INT64_MIN),
        bound(f->since, INT64_MIN),
        bound(f->until, INT64_MAX),
        V_TEXT(f->who),
        V_TEXT(f->action),
        V_TEXT(f->session_id),
        V_TEXT(f->result == CHOICE_ABSENT ? NULL : audit_result_names[f->result]),
        V_TEXT(f->contains),
        V_INT(f->limit + 1),
    };
    store_flush(store);
    jsonw_object(w);
    jsonw_key(w, "entries");
    jsonw_array(w);
    int r = store_scan(store,
                       "SELECT id, at, who, peer, action, subject, session_id, method, path,"
                       " result, status, exit_code, duration_ms, count FROM audit"
                       " WHERE id < ?1 AND id > ?2 AND at >= ?3 AND at < ?4"
                       " AND (?5 IS NULL OR who = ?5)"
                       " AND (?6 IS NULL OR substr(action, 1, length(?6)) = ?6)"
                       " AND (?7 IS NULL OR session_id = ?7) AND (?8 IS NULL OR result = ?8)"
                       " AND (?9 IS NULL OR instr(subject, ?9) > 0 OR instr(path, ?9) > 0)"
                       " ORDER BY id DESC LIMIT ?10",
                       v, COUNT_OF(v), list_row, &listing, err);
    jsonw_array_end(w);
    if (listing.more)
        jsonw_kint(w, "next_before", listing.last_id);
    else
        jsonw_knull(w, "next_before");
    jsonw_object_end(w);
    return r;
}
