# shellcheck shell=bash
# numbers.sh: the arithmetic of the bench; bash itself only knows whole numbers.

# calc EXPRESSION: its value with four decimals.
calc() {
    awk "BEGIN { printf \"%.4f\", $1 }"
}

# round DIGITS VALUE
round() {
    awk -v value="$2" "BEGIN { printf \"%.$1f\", value }"
}

# median VALUE…: the middle one, or the mean of the middle two.
median() {
    printf '%s\n' "$@" | sort -g | awk '
        { value[NR] = $1 }
        END { printf "%.4f", NR % 2 ? value[(NR + 1) / 2] : (value[NR / 2] + value[NR / 2 + 1]) / 2 }'
}

# median_ratio "A…" "B…": the median of A1/B1 A2/B2 …, the pairs of rounds that ran one right after the other.
median_ratio() {
    local pairs
    readarray -t pairs < <(awk -v above="$1" -v below="$2" 'BEGIN {
        count = split(above, a, " "); split(below, b, " ")
        for (i = 1; i <= count; i++) print a[i] / b[i]
    }')
    median "${pairs[@]}"
}

# field NUMBER "A B C…"
field() {
    awk -v number="$1" '{ print $number }' <<<"$2"
}

# column FILE NUMBER: that field of every line, as a row of values.
column() {
    awk -v number="$2" '{ printf "%s ", $number }' "$1"
}

# middle FILE NUMBER: its median.
middle() {
    # shellcheck disable=SC2046 # a list of numbers
    median $(column "$1" "$2")
}
