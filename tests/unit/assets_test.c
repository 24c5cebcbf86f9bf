/* The pure parts of serving files: types, hashed names, content codings. */
#include "http/assets.h"
#include "http/negotiate.h"

#include "check.h"

static void knows_types(void)
{
    CHECK_TEXT(asset_type("terminal.html"), "text/html; charset=utf-8");
    CHECK_TEXT(asset_type("static/a.min.JS"), "text/javascript; charset=utf-8");
    CHECK_TEXT(asset_type("a.woff2"), "font/woff2");
    CHECK_TEXT(asset_type("a.unknown"), "application/octet-stream");
    CHECK_TEXT(asset_type("noending"), "application/octet-stream");
}

static void recognises_hashed_names(void)
{
    CHECK(asset_name_is_hashed("static/terminal-ABCD1234.js"));
    CHECK(asset_name_is_hashed("terminal-ABCD1234.js.map"));
    CHECK(!asset_name_is_hashed("terminal.js") && !asset_name_is_hashed("terminal-abcd1234.js"));
    CHECK(!asset_name_is_hashed("terminal-ABCD123.js") && !asset_name_is_hashed("ABCD1234.js"));
    CHECK(!asset_name_is_hashed("x-ABCD1234/terminal.js") && !asset_name_is_hashed("x-ABCD1234"));
}

static void weighs_codings(void)
{
    CHECK(coding_quality(NULL, "br") == 0 && coding_quality(NULL, "identity") == 1);
    CHECK(coding_quality("gzip, br", "br") == 1000 && coding_quality("gzip, br", "zstd") == 0);
    CHECK(coding_quality("br;q=0.5,gzip", "br") == 500);
    CHECK(coding_quality("br ; q=0.125 , gzip", "br") == 125);
    CHECK(coding_quality("BR;Q=0.5", "br") == 500 && coding_quality("brx", "br") == 0);
    CHECK(coding_quality("br;q=0", "br") == 0 && coding_quality("br;q=0.000", "br") == 0);
    CHECK(coding_quality("*", "br") == 1000 && coding_quality("*;q=0.2, br;q=0", "br") == 0);
    CHECK(coding_quality("gzip;q=1.0, br;q=2", "br") == 1000);
    CHECK(coding_quality("gzip", "identity") == 1);
    CHECK(coding_quality("gzip, identity;q=0", "identity") == 0);
    CHECK(coding_quality("gzip, *;q=0", "identity") == 0);
    CHECK(coding_quality("identity;q=0.5", "identity") == 500);
    CHECK(coding_quality("br;x=1;q=0.3", "br") == 300 && coding_quality(",,;q=1,", "br") == 0);
}

int main(void)
{
    RUN(knows_types);
    RUN(recognises_hashed_names);
    RUN(weighs_codings);
    return CHECK_DONE();
}
