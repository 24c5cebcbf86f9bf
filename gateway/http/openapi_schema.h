/* http/openapi_schema.h: field rows as JSON Schema (2020-12), for openapi.c. */
#ifndef SANDGATE_HTTP_OPENAPI_SCHEMA_H
#define SANDGATE_HTTP_OPENAPI_SCHEMA_H

#include <stdbool.h>

#include "base/json.h"
#include "base/jsonw.h"

/* One field's schema; `nullable`: null means absent, as in a JSON body. */
void schema_field(struct jsonw *w, const struct field *field, bool nullable);
/* A table's schema: an object with its properties. */
void schema_object(struct jsonw *w, const struct field *fields, bool nullable);
/* The schemas of all answers, as members of components.schemas. */
void schema_answers(struct jsonw *w);

#endif
