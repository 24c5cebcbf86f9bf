#include "http/preview.h"

#include "check.h"

static const char *named(const char *header, const char *host)
{
    static char out[64];
    struct preview_name name;
    if (!preview_name_of(header, host, &name))
        return "none";
    (void)snprintf(out, sizeof out, "%.*s", (int)name.n, name.digits);
    return out;
}

static void reads_hosts(void)
{
    CHECK_TEXT(named(NULL, "3000-box.example.org"), "3000");
    CHECK_TEXT(named(NULL, "8091-localhost:8080"), "8091");
    CHECK_TEXT(named(NULL, "8091-x"), "8091");
    CHECK_TEXT(named(NULL, "0-x"), "0");
    CHECK_TEXT(named(NULL, "3000--"), "3000");
    CHECK_TEXT(named(NULL, "99999999999999999999-x"), "99999999999999999999");
    static const char *const none[] = {"localhost",      "3000", "3000-",  "3000.box-x", "box-3000",
                                       "a3000-x",        "",     "-3000-", "3000-.x",    "3000-:80",
                                       "127.0.0.1:8080", "[::1]"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (strcmp(named(NULL, none[i]), "none") != 0)
            CHECK_TEXT("named", none[i]);
}

/* Only digits mean anything. */
static void the_header_wins(void)
{
    CHECK_TEXT(named("3000", "localhost"), "3000");
    CHECK_TEXT(named("3000", "4000-x"), "3000");
    CHECK_TEXT(named("3000", NULL), "3000");
    CHECK_TEXT(named("", "4000-x"), "4000");
    static const char *const none[] = {"", "-1", "+1", "3000x", " 3000", "3000 ", "0x10", "3,4"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        CHECK_TEXT(named(none[i], "localhost"), "none");
    CHECK_TEXT(named(NULL, NULL), "none");
}

static void knows_ports(void)
{
    CHECK(preview_port("1", 1) == 1 && preview_port("65535", 5) == 65535);
    CHECK(preview_port("03000", 5) == 3000);
    CHECK(preview_port("0", 1) == 0 && preview_port("65536", 5) == 0 && preview_port("", 0) == 0);
    CHECK(preview_port("99999999999999999999999", 23) == 0 && preview_port("3a", 2) == 0);
}

int main(void)
{
    RUN(reads_hosts);
    RUN(the_header_wins);
    RUN(knows_ports);
    return CHECK_DONE();
}
