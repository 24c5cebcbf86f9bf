#include "core/jwt_key.h"

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SETTING       "JWT_PUBLIC_KEY"
#define SETTING_MAX   (64 * KIB)
#define RSA_BITS_MIN  2048
#define RSA_BITS_MAX  (JWT_SIGNATURE_MAX * 8)
#define ES256_HALF    32
#define ES256_DER_MAX 80
#define ED25519_N     64
#define BLOCK_BEGINS  "-----BEGIN "

struct jwt_key {
    EVP_PKEY *key;
    enum jwt_alg alg;
    EVP_MD_CTX *ready; /* set up: copying it is cheaper than setting one up */
};

struct jwt_keys {
    struct jwt_key items[JWT_KEYS_MAX];
    size_t n;
};

/* ---- reading the setting ---- */

static int decide_alg(const EVP_PKEY *key, enum jwt_alg *ret_alg, struct err *err)
{
    char curve[32] = "";
    int bits = EVP_PKEY_get_bits(key);
    if (EVP_PKEY_is_a(key, "RSA")) {
        if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
            return err_set(err, ERR_INVALID,
                           SETTING ": an RSA key must have %d to %d bits, and this one has %d",
                           RSA_BITS_MIN, RSA_BITS_MAX, bits);
        *ret_alg = JWT_RS256;
        return 0;
    }
    if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL) == 1 &&
        strcmp(curve, "prime256v1") == 0) {
        *ret_alg = JWT_ES256;
        return 0;
    }
    if (EVP_PKEY_is_a(key, "ED25519")) {
        *ret_alg = JWT_EDDSA;
        return 0;
    }
    const char *type = EVP_PKEY_get0_type_name(key);
    return err_set(err, ERR_INVALID,
                   SETTING ": keys are RSA, EC on P-256 or Ed25519, and this one is %s%s%s",
                   type ? type : "something else", curve[0] ? " on " : "", curve);
}

static int add_key(struct jwt_keys *keys, const char *block, size_t n, struct err *err)
{
    if (keys->n == JWT_KEYS_MAX)
        return err_set(err, ERR_INVALID, SETTING ": more than %d keys", JWT_KEYS_MAX);
    struct jwt_key *k = &keys->items[keys->n];
    BIO *bio = BIO_new_mem_buf(block, (int)n);
    k->key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    if (!k->key)
        return err_set(err, ERR_INVALID, SETTING ": key %zu cannot be read", keys->n + 1);
    keys->n++;
    if (decide_alg(k->key, &k->alg, err) < 0)
        return -1;
    k->ready = EVP_MD_CTX_new();
    const char *hash = k->alg == JWT_EDDSA ? NULL : "SHA256";
    if (!k->ready || EVP_DigestVerifyInit_ex(k->ready, NULL, hash, NULL, NULL, k->key, NULL) != 1) {
        ERR_clear_error();
        return err_set(err, ERR_INVALID, SETTING ": libcrypto cannot use key %zu", keys->n);
    }
    return 0;
}

static int read_blocks(struct jwt_keys *keys, const char *pem, struct err *err)
{
    static const char label[] = "PUBLIC KEY-----";
    const char *at = strstr(pem, BLOCK_BEGINS);
    while (at) {
        const char *name = at + sizeof BLOCK_BEGINS - 1;
        const char *next = strstr(name, BLOCK_BEGINS);
        if (strncmp(name, label, sizeof label - 1) != 0)
            return err_set(
                err, ERR_INVALID, SETTING ": a block is '%.*s', and only PUBLIC KEY is wanted",
                (int)strcspn(name, "-\r\n") < 40 ? (int)strcspn(name, "-\r\n") : 40, name);
        if (add_key(keys, at, next ? (size_t)(next - at) : strlen(at), err) < 0)
            return -1;
        at = next;
    }
    return 0;
}

static int read_setting(struct jwt_keys *keys, const char *setting, struct err *err)
{
    cleanup_bytes struct bytes pem = BYTES_INIT(SETTING_MAX);
    size_t n = strlen(setting);
    if (n > SETTING_MAX)
        return err_set(err, ERR_INVALID, SETTING ": longer than %zu bytes", SETTING_MAX);
    if (strstr(setting, BLOCK_BEGINS))
        return read_blocks(keys, setting, err);
    if (base64_decode(&pem, setting, n) < 0 || !bytes_text(&pem) ||
        memchr(pem.data, '\0', pem.len) || !strstr(pem.data, BLOCK_BEGINS))
        return err_set(err, ERR_INVALID,
                       SETTING ": neither PEM (-----BEGIN PUBLIC KEY-----) nor that in base64");
    return read_blocks(keys, pem.data, err);
}

int jwt_keys_open(const char *setting, struct jwt_keys **ret_keys, struct err *err)
{
    struct jwt_keys *keys = calloc(1, sizeof *keys);
    if (!keys)
        return err_memory(err);
    if (read_setting(keys, setting, err) < 0) {
        jwt_keys_close(keys);
        return -1;
    }
    *ret_keys = keys;
    return 0;
}

void jwt_keys_close(struct jwt_keys *keys)
{
    if (!keys)
        return;
    for (size_t i = 0; i < keys->n; i++) {
        EVP_MD_CTX_free(keys->items[i].ready);
        EVP_PKEY_free(keys->items[i].key);
    }
    free(keys);
}

/* ---- checking ---- */

/* JWS writes r and s side by side (RFC 7518 section 3.4), libcrypto reads them as DER. */
static size_t es256_der(const struct jwt_token *token, unsigned char out[static ES256_DER_MAX])
{
    if (token->signature_n != (size_t)ES256_HALF * 2)
        return 0;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(token->signature, ES256_HALF, NULL);
    BIGNUM *s = BN_bin2bn(token->signature + ES256_HALF, ES256_HALF, NULL);
    if (!pair || !r || !s || ECDSA_SIG_set0(pair, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(pair);
        return 0;
    }
    int n = i2d_ECDSA_SIG(pair, NULL);
    if (n > 0 && n <= ES256_DER_MAX)
        n = i2d_ECDSA_SIG(pair, &out);
    else
        n = 0;
    ECDSA_SIG_free(pair);
    return n > 0 ? (size_t)n : 0;
}

static bool verify(const struct jwt_key *k, const struct jwt_token *token)
{
    unsigned char der[ES256_DER_MAX];
    const unsigned char *signature = token->signature;
    size_t n = token->signature_n;
    if (k->alg == JWT_ES256) {
        n = es256_der(token, der);
        signature = der;
    } else if (k->alg == JWT_RS256 ? n != (size_t)EVP_PKEY_get_size(k->key) : n != ED25519_N) {
        return false;
    }
    EVP_MD_CTX *context = n ? EVP_MD_CTX_new() : NULL;
    bool right =
        context && EVP_MD_CTX_copy_ex(context, k->ready) == 1 &&
        EVP_DigestVerify(context, signature, n, (const unsigned char *)token->signed_part.p,
                         token->signed_part.n) == 1;
    EVP_MD_CTX_free(context);
    return right;
}

bool jwt_keys_match(const struct jwt_keys *keys, const struct jwt_token *token)
{
    bool right = false;
    for (size_t i = 0; i < keys->n && !right; i++)
        right = keys->items[i].alg == token->alg && verify(&keys->items[i], token);
    ERR_clear_error();
    return right;
}
