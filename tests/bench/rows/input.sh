# shellcheck shell=bash
# input: from an input event to the pixels it caused in the viewer, through the same X client that answers at once
# (src/flash.c), on our desktop and on Xtigervnc.

# start_flash NAME: the client on the desktop just started.
start_flash() {
    local settings line
    read -ra settings <<<"$DISPLAY_OF"
    mkfifo "$TEMP/$1.in" "$TEMP/$1.out"
    env "${settings[@]}" "$BUILD/flash" <"$TEMP/$1.in" >"$TEMP/$1.out" 2>"$TEMP/$1.log" &
    STARTED+=("$!")
    exec {KEEP_OPEN}>"$TEMP/$1.in" {SAYS}<"$TEMP/$1.out"
    read -r -t 20 -u "$SAYS" line || fail "the flashing window did not come up: $(tail -n 1 "$TEMP/$1.log")"
    exec {SAYS}<&-
}

row_input() {
    local round name said kind asked=60
    local ours_key=() ours_button=() tigervnc_key=() tigervnc_button=() p90=() ratio
    for name in ours tigervnc; do
        "start_$name" about:blank
        start_flash "$name"
        local "${name}_at=$PORT"
    done
    for ((round = 0; round < ROUNDS; round++)); do
        for name in ours tigervnc; do
            local at=${name}_at
            local -n keys=${name}_key buttons=${name}_button
            said=$("$BUILD/react" "${!at}" /websockify "$asked")
            keys+=("$(field 1 "$said")")
            buttons+=("$(field 3 "$said")")
            p90+=("$name: keys $(field 2 "$said"), buttons $(field 4 "$said")")
            say "   $name: $said"
        done
    done
    for kind in key button; do
        local -n mine=ours_$kind theirs=tigervnc_$kind
        ratio=$(median_ratio "${mine[*]}" "${theirs[*]}")
        record "$kind press to its pixels in the viewer, p50" '≤ 1 × Xtigervnc' "$(round 2 "$(median "${mine[@]}")") ms" \
            "Xtigervnc $(round 2 "$(median "${theirs[@]}")") ms" "$(round 2 "$ratio")" "$(at_most "$ratio" 1)"
    done
    note "input: p90 in ms, last round: ${p90[-2]}; ${p90[-1]}."
}
