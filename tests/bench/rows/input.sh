# shellcheck shell=bash
# input: from an input event to the pixels it caused in the viewer, through the same X client that answers at once
# (src/flash.c), on our desktop and on Xtigervnc.

# start_flash NAME: the client on the desktop just started.
start_flash() {
    local settings
    read -ra settings <<<"$DISPLAY_OF"
    mkfifo "$TEMP/$1.flash"
    env "${settings[@]}" "$BUILD/flash" </dev/null >"$TEMP/$1.flash" 2>"$TEMP/$1.flash.log" &
    STARTED+=("$!")
    exec {SAYS}<"$TEMP/$1.flash"
    read -r -t 20 -u "$SAYS" _ || fail "the flashing window did not come up: $(tail -n 1 "$TEMP/$1.flash.log")"
    exec {SAYS}<&-
}

# input_row FIELD KIND: a line of $TEMP/input.NAME is what src/react.c printed.
input_row() {
    local ratio
    ratio=$(median_ratio "$(column "$TEMP/input.ours" "$1")" "$(column "$TEMP/input.tigervnc" "$1")")
    record "$2 press to its pixels in the viewer, p50" '≤ 1 × Xtigervnc' "$(round 2 "$(middle "$TEMP/input.ours" "$1")") ms" \
        "Xtigervnc $(round 2 "$(middle "$TEMP/input.tigervnc" "$1")") ms" "$(round 2 "$ratio")" "$(at_most "$ratio" 1)"
}

row_input() {
    local round name presses=60 # of each kind and round
    declare -A port
    for name in ours tigervnc; do
        "start_$name" about:blank
        start_flash "$name"
        port[$name]=$PORT
    done
    for ((round = 0; round < ROUNDS; round++)); do
        for name in ours tigervnc; do
            "$BUILD/react" "${port[$name]}" /websockify "$presses" >>"$TEMP/input.$name"
            say "   $name: $(tail -n 1 "$TEMP/input.$name")"
        done
    done
    input_row 1 key
    input_row 3 button
    for name in ours tigervnc; do
        note "input, $name: p90 of keys $(round 2 "$(middle "$TEMP/input.$name" 2)") ms," \
            "of buttons $(round 2 "$(middle "$TEMP/input.$name" 4)") ms."
    done
}
