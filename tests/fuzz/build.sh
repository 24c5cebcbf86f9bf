#!/bin/sh
# Builds the fuzz targets: tests/fuzz/build.sh [OUTDIR [replay|fuzzer]]   (default: build/fuzz, both)
#   OUTDIR/NAME_replay  feeds given files to the target, with what `make SAN=1` compiles
#   OUTDIR/NAME         the fuzzer itself, where clang and its runtime are installed
# FUZZ_JOBS says how many compilers run at once.
set -eu
cd "$(dirname "$0")/../.."
out=${1:-build/fuzz}
kind=${2:-both}
jobs=${FUZZ_JOBS:-$(nproc)}
mkdir -p "$out"

packages="libmicrohttpd libwebsockets libcjson sqlite3 libuv libcrypto"
sanitizers=address,undefined
flags="-std=c11 -g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=undefined -Wall -Wextra"
flags="$flags -D_GNU_SOURCE -DSANDGATE_VERSION=\"0\" -Igateway -Iservices -Itests/fuzz -include base/banned.h"
flags="$flags $(pkg-config --cflags $packages)"
libs="$(pkg-config --libs $packages) -lz -lm -lpthread"

have_fuzzer() {
    command -v clang >/dev/null &&
        echo 'int LLVMFuzzerTestOneInput(void);int LLVMFuzzerTestOneInput(void){return 0;}' |
        clang -x c -fsanitize=fuzzer,address,undefined -o "$out/.probe" - 2>/dev/null
}

# All targets against one archive: of each only what it needs is linked.
# shellcheck disable=SC2016 # the inner shell expands these
build() { # SUFFIX COMPILER SANITIZERS LINKED_SANITIZERS ARCHIVE [MAIN]
    folder=$out/targets$1
    mkdir -p "$folder"
    printf '%s\n' tests/fuzz/fuzz_*.c |
        FLAGS=$flags LIBS=$libs FOLDER=$folder OUT=$out SUFFIX=$1 COMPILER=$2 SANITIZERS=$3 LINKED=$4 ARCHIVE=$5 \
            MAIN=${6:-} xargs -P "$jobs" -n 1 sh -c '
            name=$(basename "$1" .c)
            program=$OUT/$name$SUFFIX
            # A header may have changed with it: the archive is as new as the newest object.
            for newer in "$1" tests/fuzz/fuzz.h "$ARCHIVE" tests/fuzz/build.sh $MAIN; do
                [ ! "$newer" -nt "$program" ] || touch "$FOLDER/$name.old"
            done
            [ ! -x "$program" ] || [ -e "$FOLDER/$name.old" ] || exit 0
            $COMPILER $FLAGS -fsanitize=$SANITIZERS -c -o "$FOLDER/$name.o" "$1" || exit 255
            $COMPILER $FLAGS -fsanitize=$LINKED -o "$program" "$FOLDER/$name.o" $MAIN "$ARCHIVE" $LIBS || exit 255
            rm -f "$FOLDER/$name.old"' sh
}

if [ "$kind" != fuzzer ]; then
    make -s -j "$jobs" SAN=1 fuzzed
    build _replay "${CC:-gcc}" $sanitizers $sanitizers build/asan/libfuzzed.a tests/fuzz/replay_main.c
fi
if [ "$kind" = replay ]; then
    exit 0
fi
if have_fuzzer; then
    make -s -j "$jobs" B="$out/clang" CC=clang HARDEN=-fPIE \
        OPT="-O1 -g -fsanitize=fuzzer-no-link,$sanitizers -fno-sanitize-recover=undefined -fno-omit-frame-pointer" fuzzed
    build "" clang fuzzer-no-link,$sanitizers fuzzer,$sanitizers "$out/clang/libfuzzed.a"
else
    echo "fuzz: no clang with libFuzzer here: the fuzzers are not built" >&2
fi
