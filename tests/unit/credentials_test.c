#include "http/credentials.h"

#include "check.h"

static const char *target(const char *given)
{
    static struct bytes out = BYTES_INIT(256);
    bytes_clear(&out);
    target_without_credentials(&out, given);
    return bytes_text(&out);
}

static void takes_credentials_out_of_targets(void)
{
    CHECK_TEXT(target("/a"), "/a");
    CHECK_TEXT(target("/a?"), "/a?");
    CHECK_TEXT(target("/a?b"), "/a?b");
    CHECK_TEXT(target("/a?api_key=x"), "/a");
    CHECK_TEXT(target("/a?api_key=x&b=%20+&c"), "/a?b=%20+&c");
    CHECK_TEXT(target("/a?b=1&api_key=x&c"), "/a?b=1&c");
    CHECK_TEXT(target("/a?b=1&api_key"), "/a?b=1");
    CHECK_TEXT(target("/a?b=1&&c"), "/a?b=1&&c");
    CHECK_TEXT(target("/a?xapi_key=1&api_keys=2&b=api_key=3"),
               "/a?xapi_key=1&api_keys=2&b=api_key=3");
    CHECK_TEXT(target("/a?https://x/?a=1&b"), "/a?https://x/?a=1&b");
    CHECK_TEXT(target("/a?api%5Fkey=x&b"), "/a?b");
    CHECK_TEXT(target("/a?b&%61%70%69%5f%6B%65%79=x"), "/a?b");
    CHECK_TEXT(target("/a?api%5=x&api_ke%=1&%"), "/a?api%5=x&api_ke%=1&%");
    CHECK_TEXT(target("http://x/a?api_key=x"), "http://x/a");
    CHECK_TEXT(target("/a?ticket=x&b=1&api_key=y&ticket=z"), "/a?b=1");
    CHECK_TEXT(target("/a?tickets=x&ticke%74=y"), "/a?tickets=x");
}

static const char *cookies(const char *given)
{
    static struct bytes out = BYTES_INIT(256);
    bytes_clear(&out);
    cookie_without_ours(&out, given);
    return bytes_text(&out);
}

static void takes_sessions_out_of_cookies(void)
{
    CHECK_TEXT(cookies("sandgate_session=abc"), "");
    CHECK_TEXT(cookies("a=1; sandgate_session=abc; b=2"), "a=1; b=2");
    CHECK_TEXT(cookies("a=1;sandgate_session=abc;b=2"), "a=1; b=2");
    CHECK_TEXT(cookies("sandgate_session2=x; xsandgate_session=y"),
               "sandgate_session2=x; xsandgate_session=y");
    CHECK_TEXT(cookies("sandgate_session_0a=abc; a=1; sandgate_session=x"), "a=1");
    CHECK_TEXT(cookies("a=\"q; z\"; ;"), "a=\"q; z\"");
}

int main(void)
{
    RUN(takes_credentials_out_of_targets);
    RUN(takes_sessions_out_of_cookies);
    return CHECK_DONE();
}
