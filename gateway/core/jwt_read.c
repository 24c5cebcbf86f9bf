#include "core/jwt_read.h"

#include <math.h>
#include <string.h>

#include "base/base64url.h"
#include "base/json_walk.h"
#include "base/utf8.h"

#define MEMBERS_MAX 64

/* ---- the members of one JSON object ---- */

struct member {
    struct text name;       /* without quotes and escapes */
    enum json_token token;  /* of the value, or what opens it */
    struct text raw;        /* a scalar, as written */
    struct json_walk *walk; /* behind the token; an array may be read from it */
};

struct names {
    struct bytes text;
    size_t at[MEMBERS_MAX + 1];
    size_t n;
};

/* 0; -1 when it is there already, or there are too many. */
static int note_name(struct names *names, struct text raw, struct text *ret_name)
{
    if (names->n == MEMBERS_MAX || json_unescape(raw, &names->text) < 0 || names->text.failed)
        return -1;
    size_t from = names->at[names->n], n = names->text.len - from;
    for (size_t i = 0; i < names->n; i++)
        if (names->at[i + 1] - names->at[i] == n &&
            (n == 0 || memcmp(names->text.data + names->at[i], names->text.data + from, n) == 0))
            return -1;
    names->at[++names->n] = names->text.len;
    *ret_name = (struct text){n ? names->text.data + from : "", n};
    return 0;
}

/* Past whatever of a value is still unread. */
static int skip_rest(struct json_walk *walk)
{
    struct text raw;
    while (walk->depth > 1) {
        enum json_token token = json_walk_next(walk, &raw);
        if (token == JSON_BAD || token == JSON_END)
            return -1;
    }
    return 0;
}

typedef int take_member(void *arg, const struct member *member);

static int read_members(const char *json, size_t n, struct names *names, take_member *take,
                        void *arg)
{
    struct json_walk walk;
    struct text raw;
    enum json_token token;
    json_walk_begin(&walk, json, n);
    if (!utf8_valid(json, n) || json_walk_next(&walk, &raw) != JSON_OBJECT)
        return -1;
    while ((token = json_walk_next(&walk, &raw)) == JSON_NAME) {
        struct member member = {.walk = &walk};
        if (note_name(names, raw, &member.name) < 0)
            return -1;
        member.token = json_walk_next(&walk, &member.raw);
        if (take(arg, &member) < 0 || skip_rest(&walk) < 0)
            return -1;
    }
    return token == JSON_OBJECT_END && json_walk_next(&walk, &raw) == JSON_END ? 0 : -1;
}

/* Decodes and reads one part of a token. */
static int read_part(struct text part, take_member *take, void *arg)
{
    unsigned char json[JWT_MAX];
    struct names names = {.text = BYTES_INIT(JWT_MAX)};
    long n = base64url_decode(part.p, part.n, json, sizeof json);
    int r = n < 0 ? -1 : read_members((const char *)json, (size_t)n, &names, take, arg);
    bytes_done(&names.text);
    return r;
}

static bool is_named(const struct member *m, const char *name)
{
    return m->name.n == strlen(name) && memcmp(m->name.p, name, m->name.n) == 0;
}

/* The text of a string token, cut off at `room`; its length, or -1. */
static long text_of(struct text raw, char *out, size_t room)
{
    cleanup_bytes struct bytes text = BYTES_INIT(JWT_MAX);
    if (json_unescape(raw, &text) < 0 || text.failed)
        return -1;
    size_t n = text.len < room ? text.len : room;
    if (n)
        memcpy(out, text.data, n);
    return (long)n;
}

/* ---- the header ---- */

struct header_found {
    bool alg_known;
    enum jwt_alg alg;
};

static int take_header_member(void *arg, const struct member *m)
{
    static const struct {
        const char *name;
        enum jwt_alg alg;
    } known[] = {
        {"RS256", JWT_RS256},
        {"ES256", JWT_ES256},
        {"EdDSA", JWT_EDDSA},
        {"Ed25519", JWT_EDDSA}, /* RFC 9864 */
    };
    struct header_found *found = arg;
    char text[16];
    /* Extensions that must be understood (RFC 7515 section 4.1.11), and an unencoded payload (RFC
     * 7797), which is one of them. */
    if (is_named(m, "crit") || is_named(m, "b64"))
        return -1;
    if (!is_named(m, "alg"))
        return 0;
    long n = m->token == JSON_STRING ? text_of(m->raw, text, sizeof text) : -1;
    for (size_t i = 0; n > 0 && i < COUNT_OF(known); i++) {
        if (strlen(known[i].name) == (size_t)n && memcmp(known[i].name, text, (size_t)n) == 0) {
            *found = (struct header_found){true, known[i].alg};
            return 0;
        }
    }
    return -1;
}

int jwt_split(const char *text, size_t n, struct jwt_token *ret_token)
{
    struct header_found header = {false};
    const char *end = text + n;
    const char *first = n <= JWT_MAX ? memchr(text, '.', n) : NULL;
    const char *second = first ? memchr(first + 1, '.', (size_t)(end - first) - 1) : NULL;
    if (!second)
        return -1;
    struct text head = {text, (size_t)(first - text)};
    if (read_part(head, take_header_member, &header) < 0 || !header.alg_known)
        return -1;
    ret_token->alg = header.alg;
    ret_token->signed_part = (struct text){text, (size_t)(second - text)};
    ret_token->payload = (struct text){first + 1, (size_t)(second - first) - 1};
    long signature = base64url_decode(second + 1, (size_t)(end - second) - 1, ret_token->signature,
                                      sizeof ret_token->signature);
    if (signature <= 0)
        return -1;
    ret_token->signature_n = (size_t)signature;
    return 0;
}

/* ---- the claims ---- */

struct claims_found {
    struct jwt_claims *claims;
    bool expires;
};

/* NumericDate (RFC 7519 section 2): a JSON number, and nothing that looks like one. */
static int take_date(const struct member *m, double *ret_date)
{
    char text[48];
    if (m->token != JSON_NUMBER || m->raw.n >= sizeof text)
        return -1;
    memcpy(text, m->raw.p, m->raw.n);
    text[m->raw.n] = '\0';
    double date = strtod(text, NULL);
    if (!isfinite(date))
        return -1;
    *ret_date = date;
    return 0;
}

static unsigned scope_of_word(const char *word, size_t n)
{
    static const char prefix[] = "sandgate:";
    if (n > sizeof prefix - 1 && memcmp(word, prefix, sizeof prefix - 1) == 0)
        return scope_of_name(word + sizeof prefix - 1, n - (sizeof prefix - 1));
    return scope_of_name(word, n);
}

/* RFC 8693 section 4.2: words separated by spaces. */
static int scopes_of_string(struct text raw, unsigned *scopes)
{
    char text[JWT_MAX];
    long n = text_of(raw, text, sizeof text);
    if (n < 0)
        return -1;
    for (const char *at = text, *end = text + n; at < end;) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        size_t word = (size_t)((space ? space : end) - at);
        *scopes |= scope_of_word(at, word);
        at += word + 1;
    }
    return 0;
}

static int scopes_of_array(struct json_walk *walk, unsigned *scopes)
{
    enum json_token token;
    struct text raw;
    char word[64];
    while ((token = json_walk_next(walk, &raw)) == JSON_STRING) {
        long n = text_of(raw, word, sizeof word);
        if (n < 0)
            return -1;
        *scopes |= scope_of_word(word, (size_t)n);
    }
    return token == JSON_ARRAY_END ? 0 : -1;
}

/* Where a token names scopes in several ways, each narrows. */
static int take_scopes(const struct member *m, unsigned *allowed)
{
    unsigned scopes = SCOPE_NONE;
    int r = -1;
    if (m->token == JSON_STRING)
        r = scopes_of_string(m->raw, &scopes);
    else if (m->token == JSON_ARRAY)
        r = scopes_of_array(m->walk, &scopes);
    *allowed &= scopes;
    return r;
}

static int take_subject(const struct member *m, char who[static GRANT_WHO])
{
    static const char prefix[] = "jwt:";
    size_t used = sizeof prefix - 1;
    long n = m->token == JSON_STRING ? text_of(m->raw, who + used, GRANT_WHO - 1 - used) : -1;
    if (n < 0)
        return -1;
    memcpy(who, prefix, used);
    who[used + (size_t)n] = '\0';
    for (size_t i = used; i < used + (size_t)n; i++)
        if (who[i] < 0x20 || who[i] > 0x7e)
            who[i] = '?';
    return 0;
}

static int take_claim(void *arg, const struct member *m)
{
    struct claims_found *found = arg;
    if (is_named(m, "exp")) {
        found->expires = true;
        return take_date(m, &found->claims->expires);
    }
    if (is_named(m, "nbf"))
        return take_date(m, &found->claims->not_before);
    if (is_named(m, "scope") || is_named(m, "scopes") || is_named(m, "scp"))
        return take_scopes(m, &found->claims->scopes);
    return is_named(m, "sub") ? take_subject(m, found->claims->who) : 0;
}

int jwt_claims_of(const struct jwt_token *token, struct jwt_claims *ret_claims)
{
    struct jwt_claims claims = {.not_before = -INFINITY, .scopes = SCOPE_ALL, .who = "jwt"};
    struct claims_found found = {&claims, false};
    if (read_part(token->payload, take_claim, &found) < 0 || !found.expires)
        return -1;
    *ret_claims = claims;
    return 0;
}

bool jwt_is_timely(const struct jwt_claims *claims, int64_t now)
{
    return (double)now < claims->expires + JWT_LEEWAY &&
           (double)now >= claims->not_before - JWT_LEEWAY;
}
