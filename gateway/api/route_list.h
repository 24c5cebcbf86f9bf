/* api/route_list.h: every route row on standard output, a JSON object a line (--print-routes). */
#ifndef SANDGATE_API_ROUTE_LIST_H
#define SANDGATE_API_ROUTE_LIST_H

#include "base/err.h"

int route_list_print(struct err *err) MUST_CHECK;

#endif
