/* Tells clang-tidy what it cannot see across files: the fillers of struct err return -1. */
#include "base/err.h"
#define err_set(...)   (err_set(__VA_ARGS__), -1)
#define err_field(...) (err_field(__VA_ARGS__), -1)
#define err_errno(...) (err_errno(__VA_ARGS__), -1)
#define err_memory(e)  (err_memory(e), -1)
