/* Tokens: the published vectors, tokens signed here, and everything that only looks like one. */
#include "core/jwt.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "base/base64url.h"
#include "check.h"
#include "core/jwt_key.h"

#define NOW 1700000000

static struct digester *digester;

/* ---- keys, and tokens signed with them ---- */

struct signer {
    EVP_PKEY *key;
    char pem[4096];
    const char *alg;
};

static struct signer rsa = {.alg = "RS256"}, rsa_big = {.alg = "RS256"}, rsa_small,
                     ec = {.alg = "ES256"}, ed = {.alg = "EdDSA"}, curve384;

static void make(struct signer *s, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    s->key = key;
    (void)PEM_write_bio_PUBKEY(bio, key);
    int n = BIO_read(bio, s->pem, sizeof s->pem - 1);
    s->pem[n > 0 ? n : 0] = '\0';
    BIO_free(bio);
}

static void make_all(void)
{
    make(&rsa, EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048));
    make(&rsa_big, EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)3072));
    make(&rsa_small, EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024));
    make(&ec, EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
    make(&curve384, EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384"));
    make(&ed, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
}

static void free_all(void)
{
    struct signer *const all[] = {&rsa, &rsa_big, &rsa_small, &ec, &curve384, &ed};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        EVP_PKEY_free(all[i]->key);
}

static char *put64(char *to, const void *data, size_t n)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        unsigned bits = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) |
                        (left > 2 ? p[i + 2] : 0);
        for (unsigned k = 0; k < (left > 2 ? 4 : left + 1); k++)
            *to++ = alphabet[bits >> (18 - 6 * k) & 63];
    }
    *to = '\0';
    return to;
}

static size_t sign(const struct signer *s, const char *text, unsigned char *out, size_t room)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const EVP_MD *hash = s == &ed ? NULL : EVP_sha256();
    size_t n = room;
    (void)EVP_DigestSignInit(context, NULL, hash, NULL, s->key);
    (void)EVP_DigestSign(context, out, &n, (const unsigned char *)text, strlen(text));
    EVP_MD_CTX_free(context);
    if (s != &ec)
        return n;
    const unsigned char *der = out;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)n);
    unsigned char raw[64];
    (void)BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, 32);
    (void)BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + 32, 32);
    ECDSA_SIG_free(pair);
    memcpy(out, raw, sizeof raw);
    return sizeof raw;
}

/* Valid until the next call. */
static const char *token_of(const struct signer *s, const char *header, const char *payload)
{
    static char token[40000];
    unsigned char signature[1024];
    char *at = put64(token, header, strlen(header));
    *at++ = '.';
    at = put64(at, payload, strlen(payload));
    size_t n = sign(s, token, signature, sizeof signature);
    *at++ = '.';
    (void)put64(at, signature, n);
    return token;
}

static const char *header_of(const struct signer *s)
{
    static char header[64];
    (void)snprintf(header, sizeof header, "{\"alg\":\"%s\",\"typ\":\"JWT\"}", s->alg);
    return header;
}

/* With an exp of an hour, and whatever more. */
static const char *good_token(const struct signer *s, const char *more)
{
    static char payload[16000];
    (void)snprintf(payload, sizeof payload, "{\"exp\":%d%s}", NOW + 3600, more);
    return token_of(s, header_of(s), payload);
}

/* ---- asking ---- */

static struct jwt_claims claims;

static bool opens_at(const char *setting, const char *token, int64_t now)
{
    struct jwt *jwt = NULL;
    struct err err = ERR_INIT;
    if (jwt_open(setting, digester, &jwt, &err) < 0) {
        (void)printf("%s\n", err.text);
        return false;
    }
    bool right = jwt_check(jwt, token, strlen(token), now, &claims);
    /* What is remembered says the same. */
    CHECK(jwt_check(jwt, token, strlen(token), now, &claims) == right);
    jwt_close(jwt);
    return right;
}

static bool opens(const struct signer *s, const char *token)
{
    return opens_at(s->pem, token, NOW);
}

static unsigned scopes_with(const char *more)
{
    return opens(&ec, good_token(&ec, more)) ? claims.scopes : 0xffu;
}

static const char *who_with(const char *more)
{
    return opens(&ec, good_token(&ec, more)) ? claims.who : "refused";
}

static bool takes_setting(const char *setting, const char *complaint)
{
    struct jwt_keys *keys = NULL;
    struct err err = ERR_INIT;
    int r = jwt_keys_open(setting, &keys, &err);
    jwt_keys_close(keys);
    if (r == 0)
        return complaint == NULL;
    if (complaint && strstr(err.text, complaint))
        return true;
    (void)printf("says: %s\n", err.text);
    return false;
}

/* ---- tests ---- */

#define ED_PEM                                                                                     \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n"
#define EC_PEM                                                                                     \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"                           \
    "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n-----END PUBLIC KEY-----\n"

/* RFC 7515 appendix A.3. */
#define ES256_VECTOR                                                                               \
    "eyJhbGciOiJFUzI1NiJ9."                                                                        \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl" \
    "fQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
/* RFC 8037 appendix A.4; its payload is no claims. */
#define EDDSA_VECTOR                                                                               \
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."                                    \
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

static void matches(const char *pem, const char *text, bool right)
{
    struct jwt_keys *keys = NULL;
    struct jwt_token token;
    struct err err = ERR_INIT;
    CHECK(jwt_keys_open(pem, &keys, &err) == 0);
    CHECK(jwt_split(text, strlen(text), &token) == 0);
    CHECK(keys && jwt_keys_match(keys, &token) == right);
    jwt_keys_close(keys);
}

static void published_vectors(void)
{
    matches(ED_PEM, EDDSA_VECTOR, true);
    matches(EC_PEM, ES256_VECTOR, true);
    matches(ED_PEM, ES256_VECTOR, false);
    matches(EC_PEM, EDDSA_VECTOR, false);
    CHECK(opens_at(EC_PEM, ES256_VECTOR, 1300819380 - 1));
    CHECK(opens_at(EC_PEM, ES256_VECTOR, 1300819380 + JWT_LEEWAY - 1));
    CHECK(!opens_at(EC_PEM, ES256_VECTOR, 1300819380 + JWT_LEEWAY));
}

static void each_algorithm(void)
{
    struct signer *const all[] = {&rsa, &rsa_big, &ec, &ed};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        for (size_t k = 0; k < COUNT_OF(all); k++)
            CHECK(opens(all[i], good_token(all[k], "")) == (i == k));
        for (size_t k = 0; k < COUNT_OF(all); k++)
            if (strcmp(all[i]->alg, all[k]->alg) != 0)
                CHECK(!opens(all[i], token_of(all[i], header_of(all[k]), "{\"exp\":1700003600}")));
    }
    CHECK(opens(&ed, token_of(&ed, "{\"alg\":\"Ed25519\"}", "{\"exp\":1700003600}")));
}

/* The oldest trick: the public key, which everybody has, as the secret of an HMAC. */
static void the_key_is_no_secret(void)
{
    static const char *const names[] = {"HS256", "RS256", "ES256"};
    struct signer *const signers[] = {&rsa, &ec};
    for (size_t i = 0; i < COUNT_OF(signers); i++) {
        for (size_t k = 0; k < COUNT_OF(names); k++) {
            char token[4096], header[64];
            unsigned char mac[32];
            unsigned n = sizeof mac;
            (void)snprintf(header, sizeof header, "{\"alg\":\"%s\"}", names[k]);
            char *at = put64(token, header, strlen(header));
            *at++ = '.';
            at = put64(at, "{\"exp\":1700003600}", 18);
            (void)HMAC(EVP_sha256(), signers[i]->pem, (int)strlen(signers[i]->pem),
                       (const unsigned char *)token, (size_t)(at - token), mac, &n);
            *at++ = '.';
            (void)put64(at, mac, n);
            CHECK(!opens(signers[i], token));
        }
    }
}

static void headers(void)
{
    static const char payload[] = "{\"exp\":1700003600}";
    static const char *const bad[] = {
        "{\"alg\":\"none\"}",
        "{\"alg\":\"None\"}",
        "{\"alg\":\"\"}",
        "{\"alg\":\"es256\"}",
        "{\"alg\":\"ES256\\u0000\"}",
        "{\"alg\":\"ES384\"}",
        "{\"alg\":[\"ES256\"]}",
        "{\"alg\":null}",
        "{}",
        "[]",
        "\"ES256\"",
        "",
        "{\"alg\":\"ES256\",\"alg\":\"ES256\"}",
        "{\"alg\":\"none\",\"alg\":\"ES256\"}",
        "{\"alg\":\"ES256\",\"\\u0061lg\":\"ES256\"}",
        "{\"alg\":\"ES256\",\"typ\":\"a\",\"typ\":\"b\"}",
        "{\"\":1,\"\":2,\"alg\":\"ES256\"}",
        "{\"alg\":\"ES256\",\"crit\":[\"exp\"],\"exp\":1}",
        "{\"alg\":\"ES256\",\"crit\":null}",
        "{\"alg\":\"ES256\",\"b64\":true}",
        "{\"alg\":\"ES256\"} x",
        "{\"alg\":\"ES256\"",
        "{\"alg\":\"ES256\",}",
        "{\"alg\":\"ES256\",\"x\":\"\xff\"}",
        "{alg:\"ES256\"}",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (opens(&ec, token_of(&ec, bad[i], payload)))
            (void)printf("let in: %s\n", bad[i]);
        CHECK(!opens(&ec, token_of(&ec, bad[i], payload)));
    }
    CHECK(opens(
        &ec, token_of(&ec, " {\"kid\":\"x\",\"x\":{\"y\":[1,{}]},\"alg\":\"ES256\"}\n", payload)));
    CHECK(opens(&ec, token_of(&ec, "{\"alg\":\"ES\\u003256\"}", payload)));
    CHECK(opens(
        &ec, token_of(&ec, "{\"alg\":\"ES256\",\"jwk\":{\"kty\":\"EC\"},\"jku\":\"x\"}", payload)));
}

static void forms(void)
{
    char token[4096];
    const char *good = good_token(&ec, "");
    size_t n = strlen(good);
    CHECK(opens(&ec, good));
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(token, sizeof token, "%.*s", (int)i, good);
        CHECK(!opens(&ec, token));
    }
    /* Every change of one bit, in all three parts. */
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(token, sizeof token, "%s", good);
        token[i] = (char)(token[i] ^ 1);
        CHECK(!opens(&ec, token));
    }
    static const char *const behind[] = {"=", "==", ".", ".x", " ", "\n", "A", "AAAA"};
    for (size_t i = 0; i < COUNT_OF(behind); i++) {
        (void)snprintf(token, sizeof token, "%s%s", good, behind[i]);
        CHECK(!opens(&ec, token));
    }
    (void)snprintf(token, sizeof token, " %s", good);
    CHECK(!opens(&ec, token));
    (void)snprintf(token, sizeof token, "%.*s==%s", (int)strcspn(good, "."), good,
                   good + strcspn(good, "."));
    CHECK(!opens(&ec, token));
    CHECK(!opens(&ec, "") && !opens(&ec, ".") && !opens(&ec, "..") && !opens(&ec, "a.b.c"));
    /* "Bg" and "Bh" would decode alike, were unused bits passed over. */
    unsigned char out[8];
    CHECK(base64url_decode("Bg", 2, out, 8) == 1 && base64url_decode("Bh", 2, out, 8) == -1);
}

static void signatures(void)
{
    char token[4096];
    const char *good = good_token(&ec, "");
    size_t n = (size_t)(strrchr(good, '.') - good) + 1;
    unsigned char zero[64] = {0}, order[64];
    (void)snprintf(token, sizeof token, "%.*s", (int)n, good);
    CHECK(!opens(&ec, token));
    (void)put64(token + n, zero, sizeof zero);
    CHECK(!opens(&ec, token));
    memset(order, 0xff, sizeof order);
    (void)put64(token + n, order, sizeof order);
    CHECK(!opens(&ec, token));
    (void)put64(token + n, zero, 63);
    CHECK(!opens(&ec, token));
    (void)put64(token + n, zero, 32);
    CHECK(!opens(&ec, token));
}

static void dates(void)
{
    static const struct {
        const char *payload;
        bool right;
    } rows[] = {
        {"{\"exp\":1699999971}", true}, /* 29 s ago */
        {"{\"exp\":1699999970}", false},
        {"{\"exp\":1699999970.5}", true},
        {"{\"exp\":1.7e9}", true},
        {"{\"exp\":1e300}", true},
        {"{\"exp\":1e999}", false},
        {"{\"exp\":-1e300}", false},
        {"{\"exp\":0}", false},
        {"{\"exp\":\"1700003600\"}", false},
        {"{\"exp\":null}", false},
        {"{\"exp\":true}", false},
        {"{\"exp\":[1700003600]}", false},
        {"{\"exp\":01700003600}", false},
        {"{\"exp\":+1700003600}", false},
        {"{\"exp\":0x7fffffff}", false},
        {"{\"exp\":Infinity}", false},
        {"{\"exp\":17000036000000000000000000000000000000000000000000}",
         false}, /* too many digits */
        {"{}", false},
        {"{\"iat\":1700000000}", false},
        {"{\"exp\":1700003600,\"exp\":1700003600}", false},
        {"{\"exp\":1,\"e\\u0078p\":1700003600}", false},
        {"{\"exp\":1700003600,\"nbf\":1700000030}", true},
        {"{\"exp\":1700003600,\"nbf\":1700000031}", false},
        {"{\"exp\":1700003600,\"nbf\":\"1\"}", false},
        {"{\"exp\":1700003600,\"nbf\":null}", false},
        {"{\"exp\":1700003600,\"iat\":9999999999}", true},
        {"{\"exp\":1700003600,\"iat\":\"never\"}", true},
        {"{\"x\":{\"exp\":1700003600}}", false},
        {"{\"x\":{\"exp\":1},\"exp\":1700003600}", true},
        {"[{\"exp\":1700003600}]", false},
        {"{\"exp\":1700003600}{}", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool right = opens(&ec, token_of(&ec, header_of(&ec), rows[i].payload));
        if (right != rows[i].right)
            (void)printf("%s\n", rows[i].payload);
        CHECK(right == rows[i].right);
    }
}

static void scopes(void)
{
    CHECK(scopes_with("") == SCOPE_ALL);
    CHECK(scopes_with(",\"scope\":\"read\"") == SCOPE_READ);
    CHECK(scopes_with(",\"scope\":\"openid sandgate:exec  read\"") == (SCOPE_EXEC | SCOPE_READ));
    CHECK(scopes_with(",\"scope\":\"openid profile\"") == SCOPE_NONE);
    CHECK(scopes_with(",\"scope\":\"\"") == SCOPE_NONE);
    CHECK(scopes_with(",\"scope\":\"READ readx xread sandgate: sandgate:sandgate:read\"") == 0);
    CHECK(scopes_with(",\"scopes\":[\"desktop\",\"x\"]") == SCOPE_DESKTOP);
    CHECK(scopes_with(",\"scp\":[\"sandgate:admin\"]") == SCOPE_ADMIN);
    CHECK(scopes_with(",\"scp\":\"read\"") == SCOPE_READ);
    CHECK(scopes_with(",\"scopes\":[]") == SCOPE_NONE);
    CHECK(scopes_with(",\"scope\":\"read exec\",\"scp\":[\"exec\",\"admin\"]") == SCOPE_EXEC);
    CHECK(scopes_with(",\"scope\":\"read\",\"scope\":\"admin\"") == 0xffu);
    CHECK(scopes_with(",\"scope\":null") == 0xffu);
    CHECK(scopes_with(",\"scopes\":[1]") == 0xffu);
    CHECK(scopes_with(",\"scopes\":[[\"read\"]]") == 0xffu);
    CHECK(scopes_with(",\"scopes\":{\"read\":true}") == 0xffu);
}

static void holders(void)
{
    CHECK_TEXT(who_with(""), "jwt");
    CHECK_TEXT(who_with(",\"sub\":\"alice\""), "jwt:alice");
    CHECK_TEXT(who_with(",\"sub\":\"key\""), "jwt:key");
    CHECK_TEXT(who_with(",\"sub\":\"a\\r\\nb\\u0000c\\u00e9\""), "jwt:a??b?c??");
    CHECK_TEXT(who_with(",\"sub\":\"0123456789012345678901234567890123456789012345678901234567890"
                        "123456789\""),
               "jwt:01234567890123456789012345678901234567890123456789012345678");
    CHECK_TEXT(who_with(",\"sub\":1"), "refused");
}

static void sizes(void)
{
    static char more[16000];
    (void)snprintf(more, sizeof more, ",\"x\":\"%*s\"", 5500, "");
    CHECK(opens(&ec, good_token(&ec, more)));
    (void)snprintf(more, sizeof more, ",\"x\":\"%*s\"", 6200, "");
    CHECK(!opens(&ec, good_token(&ec, more)));
    size_t used = 0;
    for (int i = 0; i < 63; i++)
        used += (size_t)snprintf(more + used, sizeof more - used, ",\"m%d\":%d", i, i);
    CHECK(opens(&ec, good_token(&ec, more)));
    (void)snprintf(more + used, sizeof more - used, ",\"m63\":0");
    CHECK(!opens(&ec, good_token(&ec, more)));
    memset(more, '[', 4000);
    memcpy(more, ",\"x\":", 5);
    more[4000] = '\0';
    CHECK(!opens(&ec, good_token(&ec, more)));
}

static void settings(void)
{
    char both[2 * sizeof rsa.pem + 64], encoded[2 * sizeof both];
    struct bytes out = BYTES_INIT(sizeof encoded);
    CHECK(takes_setting(rsa.pem, NULL) && takes_setting(ec.pem, NULL));
    (void)snprintf(both, sizeof both, "# old\n%s\n# new\n%s", rsa.pem, ed.pem);
    CHECK(opens_at(both, good_token(&rsa, ""), NOW) && opens_at(both, good_token(&ed, ""), NOW));
    CHECK(!opens_at(both, good_token(&ec, ""), NOW));
    CHECK(base64_encode(&out, both, strlen(both)) == 0);
    CHECK(opens_at(bytes_text(&out), good_token(&ed, ""), NOW));
    /* As base64(1) prints it. */
    size_t used = 0;
    for (size_t i = 0; i < out.len; i += 76)
        used += (size_t)snprintf(encoded + used, sizeof encoded - used, "%.76s\n", out.data + i);
    CHECK(opens_at(encoded, good_token(&rsa, ""), NOW));
    bytes_done(&out);
    CHECK(takes_setting(rsa_small.pem, "2048"));
    CHECK(takes_setting(curve384.pem, "P-256"));
    CHECK(takes_setting("nonsense", "PEM"));
    CHECK(takes_setting("bm9uc2Vuc2U=", "PEM"));
    CHECK(takes_setting("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "read"));
    CHECK(takes_setting("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                        "only PUBLIC KEY"));
    (void)snprintf(both, sizeof both, "%.60s", ec.pem);
    CHECK(takes_setting(both, "read"));
}

static void remembers_a_bounded_number(void)
{
    struct jwt *jwt = NULL;
    struct err err = ERR_INIT;
    char more[64];
    CHECK(jwt_open(ec.pem, digester, &jwt, &err) == 0);
    for (int i = 0; i < JWT_REMEMBERED + 10; i++) {
        (void)snprintf(more, sizeof more, ",\"jti\":%d", i);
        const char *token = good_token(&ec, more);
        CHECK(jwt_check(jwt, token, strlen(token), NOW, &claims));
    }
    /* What is remembered is neither good too long nor, when the clock is set back, too early. */
    const char *token = good_token(&ec, ",\"nbf\":1700000000,\"scope\":\"read\"");
    size_t n = strlen(token);
    CHECK(jwt_check(jwt, token, n, NOW, &claims) && claims.scopes == SCOPE_READ);
    CHECK(!jwt_check(jwt, token, n, NOW - 31, &claims));
    CHECK(jwt_check(jwt, token, n, NOW, &claims));
    CHECK(jwt_check(jwt, token, n, NOW + 3629, &claims));
    CHECK(!jwt_check(jwt, token, n, NOW + 3630, &claims));
    jwt_close(jwt);
}

int main(void)
{
    struct err err = ERR_INIT;
    if (digester_open(&digester, &err) < 0)
        return 1;
    make_all();
    RUN(published_vectors);
    RUN(each_algorithm);
    RUN(the_key_is_no_secret);
    RUN(headers);
    RUN(forms);
    RUN(signatures);
    RUN(dates);
    RUN(scopes);
    RUN(holders);
    RUN(sizes);
    RUN(settings);
    RUN(remembers_a_bounded_number);
    free_all();
    digester_close(digester);
    return CHECK_DONE();
}
