/* store/migrations.h: the schema as numbered steps; append only, never edit one that was released.
 */
#ifndef SANDGATE_STORE_MIGRATIONS_H
#define SANDGATE_STORE_MIGRATIONS_H

/* NULL-terminated; step i brings a database from user_version i to i + 1. */
extern const char *const migrations[];

#endif
