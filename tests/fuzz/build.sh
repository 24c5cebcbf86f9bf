#!/bin/sh
# Builds the fuzz targets: tests/fuzz/build.sh [OUTDIR [replay|fuzzer]]   (default: build/fuzz, both)
#   OUTDIR/NAME_replay  feeds given files to the target, under AddressSanitizer and UBSan (gcc)
#   OUTDIR/NAME         the fuzzer itself, where clang and its runtime are installed
set -eu
cd "$(dirname "$0")/../.."
out=${1:-build/fuzz}
kind=${2:-both}
mkdir -p "$out"

flags="-std=c11 -g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=undefined -Wall -Wextra"
flags="$flags -D_GNU_SOURCE -Igateway -Iservices -Itests/fuzz -include base/banned.h"
flags="$flags $(pkg-config --cflags libcjson libcrypto)"
libs="$(pkg-config --libs libcjson libcrypto) -lz -lm"
# What the targets test, and what that needs.
tested="gateway/base/*.c gateway/http/guard.c gateway/http/router.c gateway/http/request.c
        gateway/http/response_head.c gateway/http/field_text.c gateway/http/preview.c gateway/http/mount.c
        gateway/core/kernel_message.c gateway/core/kernel_outputs.c gateway/core/grant.c gateway/core/jwt_read.c
        services/desktop/control_request.c services/desktop/keynames.c services/desktop/rfb.c
        services/desktop/rfb_clipboard.c services/desktop/xwd.c"

have_fuzzer() {
    command -v clang >/dev/null &&
        echo 'int LLVMFuzzerTestOneInput(void);int LLVMFuzzerTestOneInput(void){return 0;}' |
        clang -x c -fsanitize=fuzzer,address,undefined -o "$out/.probe" - 2>/dev/null
}

compile() { # FOLDER COMPILER SANITIZERS SOURCE...
    folder=$1 compiler=$2 sanitizers=$3
    shift 3
    mkdir -p "$folder"
    # shellcheck disable=SC2016 # the inner shell expands these
    printf '%s\n' "$@" | FLAGS="$flags -fsanitize=$sanitizers" COMPILER=$compiler FOLDER=$folder \
        xargs -P "$(nproc)" -n 1 sh -c '$COMPILER $FLAGS -c -o "$FOLDER/$(basename "$1" .c).o" "$1"' sh
}

# shellcheck disable=SC2086 # lists of words
build() { # SUFFIX COMPILER SANITIZERS LINKED_SANITIZERS [MAIN]
    objects=$out/obj$1
    compile "$objects" "$2" "$3" $tested
    compile "$objects/targets" "$2" "$3" tests/fuzz/fuzz_*.c ${5:-}
    main=${5:+$objects/targets/$(basename "$5" .c).o}
    for target in tests/fuzz/fuzz_*.c; do
        name=$(basename "$target" .c)
        $2 "-fsanitize=$4" -o "$out/$name$1" "$objects/targets/$name.o" $main "$objects"/*.o $libs
    done
}

if [ "$kind" != fuzzer ]; then
    build _replay "${CC:-gcc}" address,undefined address,undefined tests/fuzz/replay_main.c
fi
if [ "$kind" = replay ]; then
    exit 0
fi
if have_fuzzer; then
    build "" clang fuzzer-no-link,address,undefined fuzzer,address,undefined
else
    echo "fuzz: no clang with libFuzzer here: the fuzzers are not built" >&2
fi
