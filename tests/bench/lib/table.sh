# shellcheck shell=bash
# table.sh: collects what the rows found, prints it, and rewrites RESULTS.md after a full run.

# record WHAT ASKED MEASURED PEER RATIO VERDICT
record() {
    local IFS='|'
    printf '%s\n' "$*" >>"$TEMP/rows"
}

# note TEXT: one line below the table.
note() {
    printf -- '- %s\n' "$*" >>"$TEMP/notes"
    say "   $*"
}

# fail REASON: ends the row; run.sh records it as not measured.
fail() {
    printf '%s\n' "$*" >"$TEMP/reason"
    exit 1
}

# at_most VALUE LIMIT, at_least VALUE LIMIT: the verdict in words.
at_most() {
    awk -v value="$1" -v limit="$2" 'BEGIN {
        if (value <= limit) print "meets"; else printf "misses by %.1f %%\n", (value / limit - 1) * 100 }'
}

at_least() {
    awk -v value="$1" -v limit="$2" 'BEGIN {
        if (value >= limit) print "meets"; else printf "misses by %.1f %%\n", (1 - value / limit) * 100 }'
}

# pad TEXT WIDTH: counts characters, where printf counts bytes.
pad() {
    printf '%s%*s' "$1" $(($2 - ${#1})) ''
}

print_table() {
    local line i cells widths=(0 0 0 0 0 0)
    {
        echo 'what|asked|measured|peer|ratio|verdict'
        cat "$TEMP/rows"
    } >"$TEMP/table"
    while IFS='|' read -ra cells; do
        for i in "${!cells[@]}"; do
            ((${#cells[i]} <= widths[i])) || widths[i]=${#cells[i]}
        done
    done <"$TEMP/table"
    while IFS='|' read -ra cells; do
        line='|'
        for i in "${!cells[@]}"; do
            line+=" $(pad "${cells[i]}" "${widths[i]}") |"
        done
        echo "$line"
        [[ ${cells[0]} != what ]] || echo '| --- | --- | --- | --- | --- | --- |'
    done <"$TEMP/table"
}

# The machine in words that name nobody: what a reader needs to judge the figures.
describe_machine() {
    local model memory kind='bare metal or unknown'
    model=$(awk -F ': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)
    memory=$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)
    ! grep -q '^flags.* hypervisor' /proc/cpuinfo || kind='a virtual machine'
    echo "$(nproc) cores of ${model:-an unnamed CPU}, $memory GiB of memory, Linux $(uname -r), $kind."
}

describe_programs() {
    local list
    list="Gateway: $("$GATEWAY" --version 2>&1 | head -n 1)."
    ! command -v nginx >/dev/null || list+=" Peers: $(nginx -v 2>&1 | sed 's/^nginx version: //')"
    [[ -z $TTYD ]] || list+=", $("$TTYD" --version)"
    list+=$(dpkg-query -W -f ', ${Package} ${Version}' tigervnc-standalone-server x11vnc websockify chromium 2>/dev/null) || true
    echo "$list."
}

write_results() {
    local target=$ROOT/tests/bench/RESULTS.md
    {
        echo '# What the gateway costs, beside its peers'
        echo
        # shellcheck disable=SC2016
        echo 'Written by `make bench`; do not edit. Medians of interleaved rounds on one machine; ratios are medians of'
        echo 'the ratios of neighbouring rounds, so a machine that changes its speed does not decide them.'
        echo
        describe_machine
        describe_programs
        echo
        print_table
        echo
        cat "$TEMP/notes"
    } >"$TEMP/results"
    cp "$TEMP/results" "$target"
}
