# shellcheck shell=bash
# paint, tree: what the first look at the dashboard takes, and what a whole installation costs before anything is opened.

row_paint() {
    local paint
    need chromium chromium
    "$ROOT/tests/ensure-venv.sh" "$ROOT/build/venv" "$ROOT/tests/requirements.txt" >&2 || fail 'no virtual environment for Playwright'
    start_gateway all
    paint=$("$ROOT/build/venv/bin/python" "$BENCH/first_paint.py" "http://127.0.0.1:$PORT/" "$ROUNDS")
    record 'first paint of the dashboard, nothing cached' '≤ 300 ms' "$(round 0 "$paint") ms" '' '' "$(at_most "$paint" 300)"
}

# tree_of PID: it and all its descendants.
tree_of() {
    local child
    echo "$1"
    for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do
        tree_of "$child"
    done
}

row_tree() {
    local pid rss=0 count=0
    start_gateway all
    curl -fsS -o /dev/null "http://127.0.0.1:$PORT/v1/services"
    for pid in $(tree_of "$PID"); do
        rss=$((rss + $(field 3 "$(usage_of "$pid")")))
        count=$((count + 1))
    done
    record 'resident memory of the whole tree, nothing opened' '≤ 30 MB' "$(megabytes "$rss") MB" '' '' \
        "$(at_most "$(calc "$rss * 1024 / 1e6")" 30)"
    note "the tree: $count process(es), every service of an installation at hand."
}
