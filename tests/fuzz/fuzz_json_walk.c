/* JSON that is passed on: the walk must agree with the parser on what is JSON at all, and an edit
 * that changes nothing must leave every byte. */
#include "fuzz.h"

#include <cjson/cJSON.h>

#include "base/json_scan.h"
#include "base/json_walk.h"

static bool refuse(void *arg, struct text name, struct text old, struct bytes *value)
{
    (void)arg;
    (void)value;
    HOLDS(old.p[old.n] == 0 && name.p != NULL);
    return false;
}

static bool walks(const char *text, size_t n)
{
    struct json_walk w;
    struct text raw;
    enum json_token token;
    const char *at = text;
    json_walk_begin(&w, text, n);
    do {
        token = json_walk_next(&w, &raw);
        HOLDS(raw.p >= at && raw.p + raw.n <= text + n);
        at = raw.p + raw.n;
    } while (token != JSON_BAD && token != JSON_END);
    return token == JSON_END;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct bytes out = BYTES_INIT(1 * MIB);
    struct err err = ERR_INIT;
    struct text member;
    bool sound = walks(text, size);
    bool edited = json_edit(text, size, refuse, NULL, &out, &err) == 0;
    HOLDS(edited == sound);
    HOLDS(!edited || (out.len == size && memcmp(out.data, text, size) == 0));
    bytes_done(&out);
    if (json_member(text, size, "a", &member) == 1) {
        HOLDS(sound && member.n > 0);
        HOLDS(walks(member.p, member.n));
    }
    /* cJSON takes a little more than the grammar, so only one direction; and deeper than the scan
     * allows is not its business. */
    if (sound && json_scan(text, size, &err) == 0) {
        cJSON *tree = cJSON_ParseWithLength(text, size);
        HOLDS(tree != NULL);
        cJSON_Delete(tree);
    }
    return 0;
}
