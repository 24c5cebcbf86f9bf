/* usage PID: prints "OWN TREE RSS PSS CHILDREN" of a server: CPU seconds of the process itself (all
 * threads), CPU seconds of it and every descendant (living, or already waited for), the process's
 * own resident and proportional set in KiB, and how many descendants live. */
#include "clock.h"
#include "proc.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    struct usage usage;

    if (argc != 2)
        die("usage: usage PID");
    usage = usage_of(argv[1]);
    printf("%.4f %.4f %ld %ld %zu\n", (double)usage.own_ns / 1e9, (double)usage.tree_ns / 1e9,
           memory_kib(argv[1], "Rss:"), memory_kib(argv[1], "Pss:"), usage.children);
    return 0;
}
