#!/bin/sh
# Every check that needs no running gateway. Prints one line per finding and a summary; exit code 1
# when there is a finding. Needs: gcc, clang, clang-format, clang-tidy, cppcheck, python3, make.
# usage: tests/lint/lint.sh [CHECK...]
set -u
cd "$(dirname "$0")/../.." || exit 2
out=build/lint
mkdir -p "$out"

# Files of ours by pattern: tracked ones and new ones, but nothing that is ignored.
files() {
    git ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do
        [ ! -f "$file" ] || printf '%s\n' "$file"
    done
}

check_layers() {
    sh tests/lint/layers.sh
}

check_promises() {
    sh tests/lint/promises.sh
}

check_format() {
    files 'gateway/*.[ch]' 'services/*.[ch]' 'tests/*.[ch]' | xargs -r clang-format --dry-run --Werror 2>&1 |
        sed -n 's/: error: code should be clang-formatted.*/: run clang-format/p'
}

check_length() {
    files '*.[ch]' '*.sh' '*.py' '*.js' '*.mjs' '*.css' |
        xargs -r awk 'FNR == 601 { print FILENAME ":601: longer than 600 lines" }'
}

# cppcheck does not know __attribute__((cleanup)), which is what closes and frees here, and gives up on
# some compound literals (internalAstError).
check_cppcheck() {
    cppcheck --enable=warning,performance,portability --std=c11 --quiet --inline-suppr -j "$(nproc)" \
        --template='{file}:{line}: {message} [{id}]' -Igateway -Iservices -Itests/unit -D_GNU_SOURCE \
        -DSANDGATE_VERSION='"0"' --suppress=missingIncludeSystem --suppress=resourceLeak \
        --suppress=memleak --suppress=internalAstError gateway services tests 2>&1
}

check_tidy() {
    sh tests/lint/tidy.sh
}

build_with() {
    make -j "$(nproc)" CC="$1" WERROR=1 B="$out/$1" gateway services unit soak-client >"$out/$1.log" 2>&1 ||
        sed -n '/error:/p; /\*\*\*/p' "$out/$1.log"
}

check_gcc() {
    build_with gcc
}

check_clang() {
    build_with clang
}

check_shell() {
    command -v shellcheck >/dev/null || return 0
    {
        files '*.sh'
        files '.ci/*' | xargs -r grep -l '^#!.*sh$'
    } | sort -u | xargs -r shellcheck -S warning -f gcc
}

check_python() {
    files '*.py' | xargs -r python3 -W error -c '
import sys
for name in sys.argv[1:]:
    try:
        compile(open(name, "rb").read(), name, "exec")
    except (SyntaxError, SyntaxWarning, ValueError) as why:
        print(f"{name}:{getattr(why, '"'lineno'"', 0)}: {why}")'
}

total=0
[ $# -gt 0 ] || set -- layers promises format length python shell cppcheck gcc clang tidy
for check in "$@"; do
    "check_$check" >"$out/$check.txt" 2>"$out/$check.err"
    code=$?
    count=$(wc -l <"$out/$check.txt")
    if [ "$count" -eq 0 ] && { [ "$code" -ne 0 ] || grep -q 'not found' "$out/$check.err"; }; then
        sed "s/^/$check: /" "$out/$check.err"
        echo "$check: could not run (exit code $code)"
        count=1
    fi
    cat "$out/$check.txt"
    total=$((total + count))
done
echo "lint: $total findings"
[ "$total" -eq 0 ]
