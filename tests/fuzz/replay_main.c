/* Feeds files to a fuzz target without libFuzzer: every file named, and every file in every folder
 * named. Each input is a heap block of exactly its size, so that AddressSanitizer sees one byte too
 * far. The last line is `N passed, N failed`; what does not hold ends the program before it. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "fuzz.h"

static int passed, failed;

static int feed(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = file ? malloc(size ? size : 1) : NULL;
    bool whole = data && fread(data, 1, size, file) == size;
    if (file)
        (void)fclose(file);
    if (whole) {
        (void)fprintf(stderr, "%s\n", path);
        (void)LLVMFuzzerTestOneInput(data, size);
    }
    free(data);
    return whole ? 0 : -1;
}

static void replay(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        failed++;
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        *(feed(path, (size_t)st.st_size) == 0 ? &passed : &failed) += 1;
        return;
    }
    struct dirent **entries = NULL;
    int n = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char below[4096];
        (void)snprintf(below, sizeof below, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            replay(below);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    (void)printf("%d passed, %d failed\n", passed, failed);
    return failed || !passed;
}
