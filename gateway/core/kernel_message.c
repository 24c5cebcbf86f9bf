#include "core/kernel_message.h"

#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json_walk.h"
#include "base/jsonw.h"

#define DELIMITER    "<IDS|MSG>"
#define HEADER_MAX   (4 * KIB)
#define DIGEST_BYTES 32

enum { PART_DELIMITER, PART_SIGNATURE, PART_HEADER, PART_PARENT, PART_METADATA, PART_CONTENT };

bool kernel_text_is(struct text text, const char *name)
{
    return text.n == strlen(name) && memcmp(text.p, name, text.n) == 0;
}

/* HMAC-SHA256 (RFC 2104) of the four dictionaries, in hexadecimal digits. */
static int sign(const char *key, const struct text *dictionaries, char out[65])
{
    unsigned char digest[DIGEST_BYTES];
    static const char digits[] = "0123456789abcdef";
    size_t length = sizeof digest;
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
    char sha[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", sha, 0),
                                 OSSL_PARAM_construct_end()};
    bool good = ctx && EVP_MAC_init(ctx, (const unsigned char *)key, strlen(key), params) == 1;
    for (int i = 0; good && i < 4; i++)
        good = EVP_MAC_update(ctx, (const unsigned char *)dictionaries[i].p, dictionaries[i].n);
    good = good && EVP_MAC_final(ctx, digest, &length, sizeof digest) == 1;
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
    for (size_t i = 0; good && i < sizeof digest; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[64] = '\0';
    return good ? 0 : -1;
}

/* ---- what came ---- */

/* The member without its quotes; names and ids of the protocol hold nothing that is escaped. */
static struct text word(struct text object, const char *name)
{
    struct text raw;
    if (json_member(object.p, object.n, name, &raw) != 1 || raw.n < 2 || raw.p[0] != '"')
        return (struct text){"", 0};
    return (struct text){raw.p + 1, raw.n - 2};
}

bool kernel_string(struct text object, const char *name, struct bytes *out)
{
    struct text raw;
    if (json_member(object.p, object.n, name, &raw) != 1 || raw.n < 2 || raw.p[0] != '"')
        return false;
    (void)json_unescape(raw, out);
    return true;
}

int64_t kernel_int(struct text object, const char *name)
{
    struct text raw;
    int64_t value;
    if (json_member(object.p, object.n, name, &raw) != 1 || parse_i64(raw.p, raw.n, &value) < 0)
        return INT_ABSENT;
    return value;
}

int kernel_message_parse(const char *key, const struct text *parts, size_t n,
                         struct kernel_message *ret_message, struct err *err)
{
    char wanted[65];
    size_t at = 0;
    while (at < n && !kernel_text_is(parts[at], DELIMITER))
        at++;
    if (n - at < KERNEL_PARTS)
        return err_set(err, ERR_SYNTAX, "that is no message of a kernel");
    parts += at;
    if (sign(key, parts + PART_HEADER, wanted) < 0)
        return err_memory(err);
    if (!bytes_equal_secret(parts[PART_SIGNATURE].p, parts[PART_SIGNATURE].n, wanted, 64))
        return err_set(err, ERR_SYNTAX, "a message of the kernel is not signed with its key");
    *ret_message = (struct kernel_message){.type = word(parts[PART_HEADER], "msg_type"),
                                           .parent = word(parts[PART_PARENT], "msg_id"),
                                           .content = parts[PART_CONTENT]};
    return ret_message->type.n ? 0
                               : err_set(err, ERR_SYNTAX, "a message of the kernel has no type");
}

/* ---- what goes ---- */

static void write_header(struct bytes *out, const char *id, const char *session, const char *type)
{
    char date[40];
    struct timespec now;
    struct tm tm;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now.tv_sec, &tm));
    struct jsonw w = jsonw_on(out);
    jsonw_object(&w);
    jsonw_kstr(&w, "msg_id", id);
    jsonw_kstr(&w, "session", session);
    jsonw_kstr(&w, "username", "sandgate");
    jsonw_kstr(&w, "date", date);
    jsonw_kstr(&w, "msg_type", type);
    jsonw_kstr(&w, "version", "5.3");
    jsonw_object_end(&w);
}

int kernel_message_make(const char *key, const char *session, const char *type, struct text content,
                        struct kernel_outgoing *ret_message, struct err *err)
{
    struct kernel_outgoing *m = ret_message;
    m->header = bytes_with_limit(HEADER_MAX);
    ident_random(m->id, "");
    write_header(&m->header, m->id, session, type);
    m->parts[PART_DELIMITER] = (struct text){DELIMITER, strlen(DELIMITER)};
    m->parts[PART_HEADER] = (struct text){m->header.data, m->header.len};
    m->parts[PART_PARENT] = m->parts[PART_METADATA] = (struct text){"{}", 2};
    m->parts[PART_CONTENT] = content;
    if (m->header.failed || sign(key, m->parts + PART_HEADER, m->signature) < 0) {
        kernel_message_done(m);
        return err_memory(err);
    }
    m->parts[PART_SIGNATURE] = (struct text){m->signature, 64};
    return 0;
}

void kernel_message_done(struct kernel_outgoing *m)
{
    bytes_done(&m->header);
}
