#include "http/field_text.h"

#define TOKEN 1 /* may stand in a token */
#define VALUE 2 /* may stand in a value */

#define V2  VALUE, VALUE
#define V8  V2, V2, V2, V2
#define V32 V8, V8, V8, V8
#define B2  TOKEN | VALUE, TOKEN | VALUE
#define B8  B2, B2, B2, B2

/* By byte; what is not named may stand in neither. */
static const unsigned char kinds[256] = {
    ['\t'] = VALUE,
    [' '] = VALUE,
    /* ! " # $ % & ' ( ) * + , - . / */
    ['!'] = TOKEN | VALUE,
    VALUE,
    B2,
    B2,
    TOKEN | VALUE,
    V2,
    B2,
    VALUE,
    B2,
    VALUE,
    ['0'] = B8,
    B2,
    V2,
    V2,
    V2, /* 0-9 : ; < = > ? */
    ['@'] = VALUE,
    ['A'] = B8,
    B8,
    B8,
    B2, /* A-Z */
    ['['] = V2,
    VALUE,
    ['^'] = B2,
    TOKEN | VALUE, /* [ \ ] ^ _ ` */
    ['a'] = B8,
    B8,
    B8,
    B2, /* a-z */
    ['{'] = VALUE,
    TOKEN | VALUE,
    VALUE,
    TOKEN | VALUE, /* { | } ~ */
    [0x80] = V32,
    V32,
    V32,
    V32,
};

static bool all_are(const char *text, size_t n, unsigned char kind)
{
    for (size_t i = 0; i < n; i++)
        if (!(kinds[(unsigned char)text[i]] & kind))
            return false;
    return true;
}

bool is_token(const char *text, size_t n)
{
    return n > 0 && all_are(text, n, TOKEN);
}

bool is_field_value(const char *text, size_t n)
{
    return all_are(text, n, VALUE);
}
