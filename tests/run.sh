#!/bin/sh
# Run the tests and say how many passed.
# Usage: tests/run.sh [unit|fuzz|web|api|sdk|e2e|desktop|browser|clock|fault|tsan|kills|soak|all]...
#
# A suite written sanitised:NAME runs against build/asan. `all` runs every suite there, and on the shipped build those
# in which the compiler or the clock could make a difference (`clock` is the shell torture, the program contract, and
# the desktop's cold start and recovery).
#
# `fault` runs against build/fault and `tsan` against build/tsan, in both suites their units too; `kills` is what
# `make torture` adds: the kills of tests/api and those of the real services.
#
# Suites joined by + run side by side where there are two processors, those joined by a comma one after the other: what
# they measure of time must be generous.
#
# SANDGATE_BIN names another gateway binary than build/sandgate. SANDGATE_URL (and SANDGATE_KEY) name a gateway that
# already runs; tests that need a process of their own are then left out. PYTEST_ARGS adds arguments to pytest.
set -u
cd "$(dirname "$0")/.." || exit 2
results=build/test-results
passed=0
failed=0

# What a package.json of the tests names, as its lockfile has it: clients of the browser, web apps to preview.
ensure_npm() {
    wanted="$(cksum < "$1/package-lock.json")"
    [ "$(cat "$1/node_modules/.made-from" 2>/dev/null)" = "$wanted" ] && return 0
    echo "== installing $1/package-lock.json"
    # npm 11 calls a lock out of step when a registry lacks other platforms' packages; the versions are the lock's anyway.
    npm --prefix "$1" ci --no-audit --no-fund ||
        npm --prefix "$1" install --no-save --no-audit --no-fund || return 1
    echo "$wanted" > "$1/node_modules/.made-from"
}

count() {
    passed=$((passed + $1))
    failed=$((failed + $2))
}

# A C test program: its exit code decides; a last line `N passed, N failed` says how many tests it held.
run_program() {
    log="$results/$(basename "$1").log"
    "$@" > "$log" 2>&1
    code=$?
    tally=$(tail -n 1 "$log" | sed -n 's/^\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed$/\1 \2/p')
    good=${tally% *} bad=${tally#* }
    if [ -z "$tally" ]; then
        good=1 bad=0
    fi
    if [ $code -ne 0 ] && [ "$bad" -eq 0 ]; then
        good=0 bad=1
    fi
    count "$good" "$bad"
    if [ $code -eq 0 ] && [ "$bad" -eq 0 ]; then
        echo "ok $1"
    else
        echo "FAILED $1 (exit code $code)"
        cat "$log"
        {
            echo "$1: exit code $code"
            grep -v '^ok' "$log" | tail -n 8
        } >> "$results/failures"
    fi
}

run_programs() {
    found=0
    for program in "$@"; do
        if [ -f "$program" ] && [ -x "$program" ]; then
            found=1
            run_program "$program"
        fi
    done
    [ $found -eq 1 ] || echo "none found: $1"
}

# Python tests: pytest counts into an XML file, which is what is summed up.
run_pytest() {
    venv=$1 name=$2
    shift 2
    report="$results/$name.xml"
    rm -f "$report"
    # shellcheck disable=SC2086
    SANDGATE_BIN="${SANDGATE_BIN:-$build/sandgate}" "$venv/bin/python" -m pytest -q -p no:cacheprovider --rootdir=tests --timeout=180 --durations=10 \
        --junitxml="$report" ${PYTEST_ARGS:-} "$@"
    tally=$(python3 - "$report" "$results/failures" <<'PYTHON'
import sys
import xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
bad = int(suite.get("failures")) + int(suite.get("errors"))
with open(sys.argv[2], "a") as failures:
    for case in suite.iter("testcase"):
        for what in case.findall("failure") + case.findall("error"):
            print(f"{case.get('classname')}::{case.get('name')}: {what.get('message')[:600]}", file=failures)
print(max(int(suite.get("tests")) - bad - int(suite.get("skipped")), 0), bad)
PYTHON
    ) || {
        tally="0 1"
        echo "$name: ended without a report" >> "$results/failures"
    }
    count ${tally% *} ${tally#* }
    if [ "$tally" = "0 0" ]; then
        echo "no tests ran in $name" | tee -a "$results/failures" >&2
        count 0 1
    fi
}

run_suite() {
    echo "== $1"
    suite=${1#sanitised:}
    build=build
    [ "$suite" = "$1" ] || build=build/asan
    case $suite in
    unit)
        run_programs $build/unit/*
        # A build without its unit tests must not look like one that passed them.
        [ $found -eq 1 ] || count 0 1
        ;;
    fuzz) run_program tests/fuzz/replay.sh ;;
    soak)
        # About a minute; `make soak` has the whole. What a sanitised gateway holds in memory says nothing.
        if [ $build = build ]; then
            SOAK_LOAD=15 SOAK_EXEC=8 SOAK_CYCLES=300 run_program build/soak-client "$build/sandgate"
        else
            SOAK_CONNECTIONS=500 SOAK_LOAD=6 SOAK_EXEC=4 SOAK_CYCLES=100 SOAK_RSS_KIB=0 \
                run_program build/soak-client "$build/sandgate"
        fi
        ;;
    web) run_program npm --prefix web test ;;
    api) run_pytest build/venv api tests/api ;;
    desktop) run_pytest build/venv desktop tests/desktop ;;
    browser) run_pytest build/venv browser tests/browser ;;
    clock)
        run_pytest build/venv clock tests/api/test_program.py tests/api/test_torture_shell.py
        # In a run of their own: their gateway is another one.
        run_pytest build/venv clock-browser tests/browser/test_info.py tests/browser/test_recovery.py
        ;;
    fault)
        build=build/fault
        run_programs $build/unit/*
        run_pytest build/venv fault tests/fault
        ;;
    tsan)
        build=build/tsan
        run_programs $build/unit/*
        # What workers and the loop share; the sanitizer makes fork(2) of vfork(2), so what a child tells by the memory
        # it shares (a program that is not there) is left out.
        run_pytest build/venv tsan tests/api/test_history.py \
            tests/api/test_file_transfer.py tests/api/test_file_tree.py tests/api/test_file_editor.py \
            tests/api/test_resources.py tests/api/test_faults_kill.py
        ;;
    kills)
        build=build/asan
        run_pytest build/venv kills tests/api/test_faults_kill.py tests/torture
        ;;
    e2e) run_pytest build/venv e2e tests/e2e ;;
    sdk)
        run_pytest build/venv sdk-newest tests/sdk/newest
        run_pytest build/venv-sdk-old sdk-old tests/sdk/old
        ;;
    *)
        echo "unknown suite: $1" >&2
        exit 2
        ;;
    esac
}

# Each in a shell of its own that leaves what it printed and what it counted; both are told when it is over.
run_beside() {
    pids=
    # Whoever is in the background hears no Ctrl-C.
    trap 'trap - TERM; kill 0' INT TERM
    for one in $1; do
        log="$results/beside-$(echo "$one" | tr :, --)"
        rm -f "$log.count"
        (
            passed=0 failed=0
            for suite_of_lane in $(echo "$one" | tr , ' '); do
                run_suite "$suite_of_lane"
            done > "$log.log" 2>&1
            echo "$passed $failed" > "$log.count"
        ) &
        pids="$pids $!:$log"
    done
    for one in $pids; do
        log=${one#*:}
        wait "${one%%:*}"
        cat "$log.log"
        tally=$(cat "$log.count" 2>/dev/null) || tally="0 1"
        count ${tally% *} ${tally#* }
    done
    trap - INT TERM
}

suites=${*:-all}
if [ "$suites" = all ]; then
    suites="sanitised:unit fuzz web sanitised:api"
    # The recorder's tests count frames a second: the browser's suite has the machine to itself.
    suites="$suites sanitised:e2e+sanitised:desktop,sanitised:sdk,sdk sanitised:browser fault tsan unit clock"
    suites="$suites sanitised:soak soak"
fi
mkdir -p "$results"
: > "$results/failures"
case $suites in
*api* | *sdk* | *e2e* | *desktop* | *browser* | *clock* | *fault* | *tsan* | *kills*)
    tests/ensure-venv.sh build/venv tests/requirements.txt || exit 1
    ;;
esac
case $suites in
*sdk*) tests/ensure-venv.sh build/venv-sdk-old tests/sdk/old/requirements.txt || exit 1 ;;
esac
case $suites in
*browser*) ensure_npm tests/browser || exit 1 ;;
esac
case $suites in
*e2e*) ensure_npm tests/e2e/vite || exit 1 ;;
esac
for suite in $suites; do
    beside=$(echo "$suite" | tr + ' ')
    if [ "$beside" != "$suite" ] && [ "$(nproc)" -gt 1 ]; then
        run_beside "$beside"
    else
        for one in $(echo "$beside" | tr , ' '); do
            run_suite "$one"
        done
    fi
done
# Once more, where whoever sees but the last lines of a long run finds it.
if [ -s "$results/failures" ]; then
    echo "== what failed"
    cat "$results/failures"
fi
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
