/* What a program that runs code tells us: the code itself can write the same. Input: the message.
 */
#include "fuzz.h"

#include "base/utf8.h"
#include "core/code_job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct code_told told = {.id = 0};
    struct err err = ERR_INIT;
    if (!arena)
        abort();
    if (code_told_decode(arena, (const char *)data, size, &told, &err) == 0) {
        const struct text texts[] = {told.value, told.ename, told.evalue, told.cwd, told.version};
        for (size_t i = 0; i < COUNT_OF(texts); i++)
            HOLDS(!texts[i].p ||
                  (strlen(texts[i].p) == texts[i].n && utf8_valid(texts[i].p, texts[i].n)));
    } else {
        HOLDS(err.text[0]);
    }
    arena_free(arena);
    return 0;
}
