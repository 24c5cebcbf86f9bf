/* http/exchange_mhd.h: between exchange.c and daemon.c, the only two that know libmicrohttpd: what
 * it calls when a connection begins and ends, when a request's target has been read, again and
 * again until the request is answered, and when it is over; microhttpd.h has the parameters.
 * `server` is the struct server. Loop thread only. */
#ifndef SANDGATE_HTTP_EXCHANGE_MHD_H
#define SANDGATE_HTTP_EXCHANGE_MHD_H

#include <microhttpd.h>

#include "http/exchange_internal.h"

void exchange_on_connection(void *server, struct MHD_Connection *con, void **conn,
                            enum MHD_ConnectionNotificationCode code);
void *exchange_on_target(void *server, const char *target, struct MHD_Connection *con);
enum MHD_Result exchange_on_request(void *server, struct MHD_Connection *con, const char *url,
                                    const char *method, const char *version, const char *data,
                                    size_t *n, void **exchange);
void exchange_on_completed(void *server, struct MHD_Connection *con, void **exchange,
                           enum MHD_RequestTerminationCode code);

#endif
