/* tokens ALG COUNT FILE: makes a key pair and COUNT JSON Web Tokens, each another, valid for an
 * hour; writes them to FILE, one `Authorization` header a line, and prints the public key as
 * JWT_PUBLIC_KEY takes it, on one line of base64. ALG is RS256 or ES256. */
#include "clock.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { COUNT_MOST = 100000, TOKEN_MOST = 2048, SIGNATURE_MOST = 512, HALF = 32 };

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

static void print_public(EVP_PKEY *key)
{
    static unsigned char encoded[8192];
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;
    long n;

    if (bio == NULL || PEM_write_bio_PUBKEY(bio, key) != 1)
        die("cannot write the key");
    n = BIO_get_mem_data(bio, &pem);
    (void)EVP_EncodeBlock(encoded, (const unsigned char *)pem, (int)n);
    printf("%s\n", encoded);
    BIO_free(bio);
}

/* r and s side by side. */
static size_t raw_pair(unsigned char *signature, size_t n)
{
    const unsigned char *der = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)n);

    if (pair == NULL)
        die("the signature cannot be read");
    (void)BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, HALF);
    (void)BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + HALF, HALF);
    ECDSA_SIG_free(pair);
    return (size_t)2 * HALF;
}

static void write_token(FILE *file, EVP_PKEY *key, const char *alg, size_t number)
{
    char part[256], token[TOKEN_MOST], *at;
    unsigned char signature[SIGNATURE_MOST];
    size_t n = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    (void)snprintf(part, sizeof part, "{\"alg\":\"%s\",\"typ\":\"JWT\"}", alg);
    at = put64(token, part, strlen(part));
    *at++ = '.';
    (void)snprintf(part, sizeof part, "{\"sub\":\"bench\",\"exp\":%lld,\"jti\":%zu}",
                   (long long)time(NULL) + 3600, number);
    at = put64(at, part, strlen(part));
    if (context == NULL || EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(context, signature, &n, (unsigned char *)token, (size_t)(at - token)) != 1)
        die("cannot sign");
    EVP_MD_CTX_free(context);
    if (alg[0] == 'E')
        n = raw_pair(signature, n);
    *at++ = '.';
    (void)put64(at, signature, n);
    (void)fprintf(file, "Authorization: Bearer %s\n", token);
}

int main(int argc, char **argv)
{
    size_t count;
    EVP_PKEY *key;
    FILE *file;

    if (argc != 4 || (strcmp(argv[1], "RS256") != 0 && strcmp(argv[1], "ES256") != 0))
        die("usage: tokens RS256|ES256 COUNT FILE");
    count = number_arg(argv[2], COUNT_MOST, "COUNT");
    key = argv[1][0] == 'E' ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
                            : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    file = fopen(argv[3], "w");
    if (key == NULL || file == NULL)
        die("cannot make the key or the file");
    for (size_t i = 0; i < count; i++)
        write_token(file, key, argv[1], i);
    if (fclose(file) != 0)
        die("cannot write the file");
    print_public(key);
    EVP_PKEY_free(key);
    return 0;
}
