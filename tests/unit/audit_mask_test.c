#include "core/audit_mask.h"

#include <stdlib.h>

#include "check.h"
#include "core/audit_name.h"

static char out[4096];

static const char *masked(const char *text)
{
    /* A copy of the exact size, so that reading past it is noticed. */
    size_t n = strlen(text);
    char *copy = malloc(n ? n : 1);
    memcpy(copy, text, n);
    size_t length = audit_mask(copy, n, out, sizeof out - 1);
    free(copy);
    out[length] = '\0';
    return out;
}

#define STAYS(text) CHECK_TEXT(masked(text), text)
#define SECRET      "hunter2hunter2"

static void what_is_no_secret_stays(void)
{
    STAYS("");
    STAYS("ls -la /tmp && cat a.txt | sort --key=2 -u");
    STAYS("python3 -c 'print(sorted(x, key=lambda a: a[1]))'");
    STAYS("PWD=/home/x OLDPWD=/ PATH=/bin:/usr/bin make -j2 CC=gcc");
    STAYS("git clone https://github.com/a/b.git && ssh git@host.example");
    STAYS("git remote add o ssh://git@github.com/a/b");
    STAYS("docker run -u 1000:1000 -p 8080:80 img");
    STAYS("export TOKEN=$OTHER API_KEY=\"${KEY}\" && run --password $PW --verbose");
    STAYS("tokenizer = AutoTokenizer.from_pretrained('gpt2', max_tokens=100)");
    STAYS("Token::parse(a); std::cout << author; reset the password, please");
    STAYS("sed 's/a:b/c=d/' <<< \"monkey=1 keyboard=us bypass=1\"");
    STAYS("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----");
    STAYS("gr\xc3\xbc\xc3\x9f"
          "e \xe2\x82\xac \xf0\x9f\x99\x82");
    STAYS("eyJ sk- ghp_ AKIA task-list-of-things disk-usage-of-everything");
}

static void assignments(void)
{
    CHECK_TEXT(masked("API_TOKEN=" SECRET " make"), "API_TOKEN=*** make");
    CHECK_TEXT(masked("export DB_PASSWORD='a b\"c' && x"), "export DB_PASSWORD=*** && x");
    CHECK_TEXT(masked("MYSQL_PWD=\"a \\\" b\";x"), "MYSQL_PWD=***;x");
    CHECK_TEXT(masked("A_SECRET=a\\ b c"), "A_SECRET=*** c");
    CHECK_TEXT(masked("OPENAI_API_KEY=$(printf 'a b') x"), "OPENAI_API_KEY=*** x");
    CHECK_TEXT(masked("bash -c \"TOKEN=abc run\" -- \"two\""),
               "bash -c \"TOKEN=*** run\" -- \"two\"");
    CHECK_TEXT(masked("bash -c \"TOKEN=abc\" && echo \"x\""),
               "bash -c \"TOKEN=***\" && echo \"x\"");
    CHECK_TEXT(masked("TOKEN=a\"b c\"d e"), "TOKEN=*** e");
    CHECK_TEXT(masked("secretKey = 'x';"), "secretKey = ***;");
    CHECK_TEXT(masked("os.environ[\"API_TOKEN\"] = \"abc\"\nx"),
               "os.environ[\"API_TOKEN\"] = ***\nx");
    CHECK_TEXT(masked("os.putenv('API_TOKEN', 'abc')"), "os.putenv('API_TOKEN', ***)");
    CHECK_TEXT(masked("f(password=abc, user=b)"), "f(password=***, user=b)");
    CHECK_TEXT(masked("f(user='b', password='abc')"), "f(user='b', password=***)");
    CHECK_TEXT(masked("password: correct horse battery\nuser: b"), "password: ***\nuser: b");
    CHECK_TEXT(masked("{password: abc, user: b}"), "{password: ***, user: b}");
    CHECK_TEXT(masked("max_tokens=abc"), "max_tokens=***");
    CHECK_TEXT(masked("TOKEN=${A:-hidden} x"), "TOKEN=*** x");
}

static void json_and_options(void)
{
    CHECK_TEXT(masked("{\"password\": \"a, b\", \"user\": \"c\"}"),
               "{\"password\": ***, \"user\": \"c\"}");
    CHECK_TEXT(masked("{\"api_key\":\"abc\"}"), "{\"api_key\":***}");
    CHECK_TEXT(masked("-d \"{\\\"token\\\": \\\"abc def\\\", \\\"a\\\": 1}\""),
               "-d \"{\\\"token\\\": ***, \\\"a\\\": 1}\"");
    CHECK_TEXT(masked("tool --password hunter2 --name x"), "tool --password *** --name x");
    CHECK_TEXT(masked("tool --api-key=hunter2 --name x"), "tool --api-key=*** --name x");
    CHECK_TEXT(masked("tool --token --name x"), "tool --token --name x");
    CHECK_TEXT(masked("curl -u me:hunter2 http://h/"), "curl -u me:*** http://h/");
    CHECK_TEXT(masked("curl --user 'me:hunter2' http://h/"), "curl --user 'me:*** http://h/");
}

static void addresses_and_headers(void)
{
    CHECK_TEXT(masked("curl 'http://h/x?a=1&api_key=abc&b=2'"),
               "curl 'http://h/x?a=1&api_key=***&b=2'");
    CHECK_TEXT(masked("http://h/?ticket=abc#f"), "http://h/?ticket=***");
    CHECK_TEXT(masked("wss://h/?token=abc"), "wss://h/?token=***");
    CHECK_TEXT(masked("git clone https://me:p@ss@h.example/x"),
               "git clone https://me:***@h.example/x");
    CHECK_TEXT(masked("https://abcdefghijklmnopqrstuvwx@h/x"), "https://***@h/x");
    CHECK_TEXT(masked("postgres://u:pw@db:5432/x"), "postgres://u:***@db:5432/x");
    CHECK_TEXT(masked("curl -H \"Authorization: Basic YTpi\" http://h"),
               "curl -H \"Authorization: ***\" http://h");
    CHECK_TEXT(masked("curl -H 'X-AIO-API-Key: abc' http://h"),
               "curl -H 'X-AIO-API-Key: ***' http://h");
    CHECK_TEXT(masked("curl -b x -H 'Cookie: a=b; c=d' u"), "curl -b x -H 'Cookie: ***' u");
    CHECK_TEXT(masked("Authorization:\\ Bearer\\ abc\nx"), "Authorization:***\nx");
    CHECK_TEXT(masked("say bearer abcdefgh.ij-k= now"), "say bearer *** now");
}

static void shapes(void)
{
    CHECK_TEXT(masked("x sk-proj-abcdefghijklmnop y"), "x *** y");
    CHECK_TEXT(masked("(ghp_abcdefghijklmnopqrstuvwxyz0123456789)"), "(***)");
    CHECK_TEXT(masked("echo AKIAABCDEFGHIJKLMNOP"), "echo ***");
    CHECK_TEXT(masked("a eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln b"), "a *** b");
    CHECK_TEXT(masked("\"\\nghp_abcdefghijklmnopqrstuvwxyz\""), "\"\\n***\"");
    CHECK_TEXT(
        masked("cat <<E\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nE"),
        "cat <<E\n-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----\nE");
    CHECK_TEXT(masked("\\n-----BEGIN OPENSSH PRIVATE KEY-----\\nb3Blbn"),
               "\\n-----BEGIN OPENSSH PRIVATE KEY-----***");
    CHECK_TEXT(masked("-----BEGIN PRIVATE KEY"), "-----BEGIN PRIVATE KEY");
}

static void what_is_cut(void)
{
    char small[12];
    CHECK(audit_mask("0123456789abcdef", 16, small, sizeof small) == sizeof small);
    CHECK(memcmp(small, "0123456789ab", 12) == 0);
    /* The euro sign has three bytes, of which one would fit. */
    CHECK(audit_mask("0123456789a\xe2\x82\xac", 14, small, sizeof small) == 11);
    CHECK(audit_mask("0123456789\xe2\x82\xac", 13, small, sizeof small) == 10);
    CHECK(audit_mask("012345678\xe2\x82\xac"
                     "x",
                     13, small, sizeof small) == 12);
    CHECK(audit_mask("TOKEN=abcdefghijkl", 18, small, sizeof small) == 9);
    CHECK(audit_mask("x", 1, small, 0) == 0);
}

static void names(void)
{
    static const char *const secret[] = {
        "TOKEN", "x-api-key",    "AWS_SECRET_ACCESS_KEY", "db.passwd",       "DB_PASS",
        "sig",   "clientSecret", "encryptionKey",         "X-Amz-Signature", "jwt"};
    static const char *const plain[] = {"key",     "author", "PATH",     "primarykeys",
                                        "compass", "sigma",  "tokenize", "PWD",
                                        "",        "-",      "--"};
    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
        if (audit_name(secret[i], strlen(secret[i])) != NAME_SECRET)
            CHECK_TEXT(secret[i], "a secret's name");
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (audit_name(plain[i], strlen(plain[i])) != NAME_PLAIN)
            CHECK_TEXT(plain[i], "a plain name");
    CHECK(audit_name("Proxy-Authorization", 19) == NAME_HEADER);
    CHECK(audit_name("max_tokens", 10) == NAME_COUNT);
}

int main(void)
{
    RUN(what_is_no_secret_stays);
    RUN(assignments);
    RUN(json_and_options);
    RUN(addresses_and_headers);
    RUN(shapes);
    RUN(what_is_cut);
    RUN(names);
    return CHECK_DONE();
}
