/* The rows as text, for whoever checks them from outside: the tests of who may ask for what are
 * made from this, so that a new row is in them at once. */
#include "api/route_list.h"

#include <stdio.h>

#include "api/app.h"
#include "base/jsonw.h"

#define LINE_CEILING (4 * KIB)

static void write_scopes(struct jsonw *w, enum scope scope)
{
    static const struct {
        enum scope scope;
        const char *name;
    } names[] = {{SCOPE_READ, "read"},
                 {SCOPE_EXEC, "exec"},
                 {SCOPE_DESKTOP, "desktop"},
                 {SCOPE_ADMIN, "admin"}};
    jsonw_key(w, "scopes");
    jsonw_array(w);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (((unsigned)scope & (unsigned)names[i].scope) != 0)
            jsonw_str(w, names[i].name);
    jsonw_array_end(w);
}

static void write_row(struct bytes *out, const struct route *row, bool by_path)
{
    static const char *const kinds[] = {[ROUTE_INLINE] = "inline",
                                        [ROUTE_BLOCKING] = "blocking",
                                        [ROUTE_SLOW] = "slow",
                                        [ROUTE_SOCKET] = "socket"};
    static const char *const bodies[] = {
        [BODY_NONE] = "none", [BODY_JSON] = "json", [BODY_STREAM] = "stream"};
    struct jsonw w = jsonw_on(out);
    jsonw_object(&w);
    jsonw_kstr(&w, "method", row->method);
    jsonw_kstr(&w, "path", row->path);
    /* False: Host or a header leads to it, whatever the path. */
    jsonw_kbool(&w, "by_path", by_path);
    write_scopes(&w, row->scope);
    jsonw_kstr(&w, "kind", kinds[row->kind]);
    jsonw_kstr(&w, "body", bodies[row->body]);
    jsonw_kbool(&w, "page", row->page);
    jsonw_kstr(&w, "service", row->service);
    jsonw_kstr(&w, "also", row->also);
    jsonw_kstr(&w, "serves", row->serves);
    jsonw_kstr(&w, "tag", row->tag);
    jsonw_object_end(&w);
    (void)bytes_addc(out, '\n');
}

static int print_row(const struct route *row, bool by_path, struct err *err)
{
    cleanup_bytes struct bytes line = BYTES_INIT(LINE_CEILING);
    write_row(&line, row, by_path);
    if (line.failed)
        return err_memory(err);
    if (fwrite(line.data, 1, line.len, stdout) != line.len)
        return err_set(err, ERR_INTERNAL, "cannot write the routes");
    return 0;
}

int route_list_print(struct err *err)
{
    for (size_t t = 0; route_tables[t]; t++)
        for (const struct route *row = route_tables[t]; row->method; row++)
            if (print_row(row, true, err) < 0)
                return -1;
    return print_row(&preview_named_route, false, err);
}
