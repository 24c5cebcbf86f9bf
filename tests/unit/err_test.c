#include "base/err.h"

#include <errno.h>

#include "check.h"

static void sets_kind_and_text(void)
{
    struct err err = ERR_INIT;
    CHECK(err_set(&err, ERR_CONFLICT, "%s is %d", "it", 5) == -1);
    CHECK(err.kind == ERR_CONFLICT && err.sys == 0);
    CHECK_TEXT(err.text, "it is 5");
    CHECK_TEXT(err.field, "");
}

static void names_the_field(void)
{
    struct err err = ERR_INIT;
    CHECK(err_field(&err, "path", "field 'path' is wrong") == -1);
    CHECK(err.kind == ERR_INVALID);
    CHECK_TEXT(err.field, "path");
    CHECK(err_set(&err, ERR_LIMIT, "x") == -1);
    CHECK_TEXT(err.field, "");
}

static void describes_errno(void)
{
    struct err err = ERR_INIT;
    CHECK(err_errno(&err, ENOENT, "cannot open %s", "/x") == -1);
    CHECK(err.kind == ERR_SYSTEM && err.sys == ENOENT);
    CHECK_TEXT(err.text, "cannot open /x: No such file or directory");
    CHECK(err_errno(&err, 99999, "odd") == -1);
    CHECK_TEXT(err.text, "odd: unknown error");
    CHECK_TEXT(err_errno_name(EACCES), "EACCES");
    CHECK_TEXT(err_errno_name(99999), "EUNKNOWN");
}

static void cuts_long_text(void)
{
    struct err err = ERR_INIT;
    char field[200];
    memset(field, 'f', sizeof field - 1);
    field[sizeof field - 1] = '\0';
    CHECK(err_field(&err, field, "%01000d", 7) == -1);
    CHECK(strlen(err.text) == sizeof err.text - 1);
    CHECK(strlen(err.field) == sizeof err.field - 1);
    CHECK(err_errno(&err, ENOENT, "%01000d", 7) == -1);
    CHECK(strlen(err.text) == sizeof err.text - 1);
    CHECK(err_memory(&err) == -1 && err.kind == ERR_MEMORY);
}

int main(void)
{
    RUN(sets_kind_and_text);
    RUN(names_the_field);
    RUN(describes_errno);
    RUN(cuts_long_text);
    return CHECK_DONE();
}
