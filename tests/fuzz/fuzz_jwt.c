/* Tokens: what is taken for one must be written in the only way there is, hold nothing twice, and
 * come out within bounds. The first byte says whether the rest is a token, a header or claims. */
#include "fuzz.h"

#include <cjson/cJSON.h>
#include <math.h>

#include "base/base64url.h"
#include "core/jwt_read.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t put64(char *to, const uint8_t *p, size_t n)
{
    char *start = to;
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        unsigned bits = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) |
                        (left > 2 ? p[i + 2] : 0);
        for (unsigned k = 0; k < (left > 2 ? 4 : left + 1); k++)
            *to++ = alphabet[bits >> (18 - 6 * k) & 63];
    }
    return (size_t)(to - start);
}

static void spelled_in_one_way(struct text part)
{
    static unsigned char bytes[JWT_MAX];
    static char again[JWT_MAX * 2];
    long n = base64url_decode(part.p, part.n, bytes, sizeof bytes);
    HOLDS(n >= 0);
    HOLDS(put64(again, bytes, (size_t)n) == part.n && memcmp(again, part.p, part.n) == 0);
}

static void claims_are_sound(const struct jwt_token *token)
{
    static unsigned char json[JWT_MAX];
    struct jwt_claims claims;
    memset(&claims, 0x5a, sizeof claims);
    if (jwt_claims_of(token, &claims) < 0)
        return;
    HOLDS(isfinite(claims.expires) && !isnan(claims.not_before));
    HOLDS((claims.scopes & ~(unsigned)SCOPE_ALL) == 0);
    HOLDS(memchr(claims.who, '\0', sizeof claims.who) && strncmp(claims.who, "jwt", 3) == 0);
    for (const char *c = claims.who; *c; c++)
        HOLDS(*c >= 0x20 && *c < 0x7f);
    HOLDS(!jwt_is_timely(&claims, INT64_MIN) || claims.not_before < 0);
    spelled_in_one_way(token->payload);
    /* A parser of another make reads the same date; names that are told apart by escapes or by
     * what follows a NUL are not for it to judge. */
    long n = base64url_decode(token->payload.p, token->payload.n, json, sizeof json);
    cJSON *tree = cJSON_ParseWithLength((const char *)json, (size_t)n);
    HOLDS(cJSON_IsObject(tree) || memmem(json, (size_t)n, "\\u", 2));
    const cJSON *date = cJSON_GetObjectItemCaseSensitive(tree, "exp");
    if (date && !memmem(json, (size_t)n, "\\u", 2))
        HOLDS(cJSON_IsNumber(date) && date->valuedouble == claims.expires);
    cJSON_Delete(tree);
}

static void read_token(const char *text, size_t n)
{
    static struct jwt_token token;
    if (jwt_split(text, n, &token) < 0)
        return;
    HOLDS(n <= JWT_MAX && token.signature_n > 0 && token.signature_n <= JWT_SIGNATURE_MAX);
    HOLDS(token.signed_part.p == text && token.signed_part.n < n);
    HOLDS(token.payload.p + token.payload.n == text + token.signed_part.n);
    HOLDS(token.alg == JWT_RS256 || token.alg == JWT_ES256 || token.alg == JWT_EDDSA);
    spelled_in_one_way((struct text){text, (size_t)(token.payload.p - text) - 1});
    claims_are_sound(&token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char head[] = "eyJhbGciOiJFUzI1NiJ9.", tail[] = ".e30.AAAA";
    static char text[JWT_MAX * 2];
    if (size == 0 || size > JWT_MAX)
        return 0;
    size_t n = 0;
    if (data[0] == 'h') {
        n = put64(text, data + 1, size - 1);
        memcpy(text + n, tail, sizeof tail);
        n += sizeof tail - 1;
    } else if (data[0] == 'c') {
        memcpy(text, head, sizeof head - 1);
        n = sizeof head - 1 + put64(text + sizeof head - 1, data + 1, size - 1);
        memcpy(text + n, ".AAAA", 5);
        n += 5;
    } else {
        n = size - 1;
        memcpy(text, data + 1, n);
    }
    read_token(text, n);
    return 0;
}
