/* io/slack.h: memory that was freed goes back to the system.
 *
 * After a crowd has gone, malloc keeps what it held: the free blocks lie between ones still in use,
 * where it never trims by itself. Now and then the loop compares what is resident with what is in
 * use, and has malloc give back what lies between. Loop thread only. */
#ifndef SANDGATE_IO_SLACK_H
#define SANDGATE_IO_SLACK_H

#include "base/err.h"
#include "io/loop.h"

struct slack;

int slack_open(struct loop *loop, struct slack **ret_slack, struct err *err) MUST_CHECK;
/* NULL is fine. */
void slack_close(struct slack *slack);

#endif
