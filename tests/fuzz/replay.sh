#!/bin/sh
# Feeds every committed input to its target, under AddressSanitizer and UBSan.
# usage: tests/fuzz/replay.sh
set -eu
cd "$(dirname "$0")/../.."
out=build/fuzz
sh tests/fuzz/build.sh "$out" replay

bad=0
for target in tests/fuzz/fuzz_*.c; do
    name=$(basename "$target" .c)
    set -- "tests/fuzz/corpus/${name#fuzz_}"
    [ ! -d "tests/fuzz/regression/${name#fuzz_}" ] || set -- "$@" "tests/fuzz/regression/${name#fuzz_}"
    if result=$("$out/${name}_replay" "$@" 2>"$out/$name.replay.log"); then
        echo "$name: $result"
    else
        tail -30 "$out/$name.replay.log"
        echo "$name: ${result:-ended at the last input named above}"
        bad=1
    fi
done
exit "$bad"
