#include "core/grant.h"

#include <string.h>

#include "base/mem.h"

static const struct {
    const char *name;
    enum scope scope;
} names[] = {
    {"read", SCOPE_READ},
    {"exec", SCOPE_EXEC},
    {"desktop", SCOPE_DESKTOP},
    {"admin", SCOPE_ADMIN},
};

enum scope scope_of_name(const char *name, size_t n)
{
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strlen(names[i].name) == n && memcmp(names[i].name, name, n) == 0)
            return names[i].scope;
    return SCOPE_NONE;
}

void scope_names(unsigned scopes, char out[static SCOPE_NAMES])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (scopes & names[i].scope)
            used += (size_t)snprintf(out + used, SCOPE_NAMES - used, "%s%s", used ? " " : "",
                                     names[i].name);
}
