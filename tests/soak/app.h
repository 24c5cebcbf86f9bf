/* app.h: a web app behind the gateway: HTTP/1.1 that says back what it was sent, in one piece or
 * in chunks, and a WebSocket that echoes. A thread per connection. */
#ifndef SOAK_APP_H
#define SOAK_APP_H

#include <stdint.h>

/* Serves until the program ends; its port. */
uint16_t app_start(void);
/* Ends the connections there are, which the gateway else keeps for a while. */
void app_hang_up(void);

#endif
