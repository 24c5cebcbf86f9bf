/* base/banned.h: calls we refuse to compile; force-included into every file of ours.
 * Each has a bounded or re-entrant twin: snprintf, memcpy with a checked length, strtoll with an
 * end pointer, localtime_r, posix_spawn or io/spawn. */
#ifndef SANDGATE_BASE_BANNED_H
#define SANDGATE_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A macro of glibc's where the compiler is clang and _FORTIFY_SOURCE is set. */
#undef sprintf
#pragma GCC poison strcpy strcat strncpy strncat stpcpy sprintf vsprintf gets strtok
#pragma GCC poison atoi atol atoll atof localtime gmtime ctime asctime tmpnam tempnam mktemp
#pragma GCC poison system popen

#endif
