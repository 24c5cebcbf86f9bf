# shellcheck shell=bash
# Sourced by the bash of every shell session, after the user's own start-up files.
#
# How the gateway runs a command in a living interactive shell, and learns how it went, without
# looking at the terminal: it puts the command's text into $__sg_d/cmd and types the alias __sg at
# the prompt. The shell reports over the FIFO $__sg_d/ev and, where the gateway must first draw a
# line in the terminal's output, waits for leave on $__sg_d/ack:
#
#     B PID SEQ TOKEN 0 PWD        about to run (leave needed; "x" after the number: do not)
#     E PID SEQ TOKEN STATUS PWD   ran (leave needed)
#     P PID SEQ - STATUS PWD       at the prompt, other than right after E
#
# each ended by a NUL. TOKEN names the command: it stands before the text in cmd, NUL between, so
# that a line typed for a command that was given up meanwhile cannot run it later. FIFOs by name, not inherited descriptors: bash cannot mark its own
# close-on-exec, so children would get them.
#
# Everything here runs under `local -` with the options that would make it fail or trace switched
# off, and survives the user's unalias -a (the gateway then types the alias's whole text), unset PROMPT_COMMAND, traps, and set -eux.
# __sg_d (the session's directory) is set by the line that sources this file.

__sg_n=0 # sequence of reports
__sg_s=0 # $? of the last command
__sg_q= # the token of the command under way
__sg_c= # its text
# Statuses pass through the if untouched, and its condition keeps set -e and ERR traps quiet.
# The redirections keep traces and DEBUG traps of our own lines off the terminal.
__sg_line='if { __sg_in; } >/dev/null 2>&1; then builtin eval "$__sg_c"; else builtin eval "$__sg_c"; fi; { __sg_out; } >/dev/null 2>&1'
__sg_o= # the status at the prompt is that of our own epilogue

__sg_tell() {
    local a
    __sg_n=$((__sg_n + 1))
    builtin printf '%s %s %s %s %s %s\0' "$1" "$BASHPID" "$__sg_n" "$2" "$3" "$PWD" >"$__sg_d/ev"
    [[ $1 == P ]] && return 0
    # Leave meant for a report that Ctrl-C cut short may still lie in the FIFO: pass it over.
    while IFS= builtin read -r a <"$__sg_d/ack"; do
        [[ $a == "$__sg_n" ]] && return 0
        [[ $a == "$__sg_n x" ]] && return 1
    done
}

__sg_in() {
    local - c
    builtin set +eux
    builtin mapfile -d '' -t -n 2 c <"$__sg_d/cmd"
    __sg_q=${c[0]}
    __sg_c=${c[1]}
    if __sg_tell B "$__sg_q" 0; then
        ((${#__sg_c} < 4096)) && builtin history -s -- "$__sg_c"
    else
        __sg_c=:
    fi
    return "$__sg_s"
}

__sg_out() {
    __sg_s=$?
    local - q=$__sg_q
    builtin set +eux
    __sg_q=
    __sg_o=1
    __sg_install
    __sg_tell E "$q" "$__sg_s"
    return 0
}

__sg_prompt() {
    local s=$?
    local -
    builtin set +eux
    # A syntax error inside an alias's own eval leaves the alias marked as being expanded.
    builtin unalias __sg
    builtin alias __sg="$__sg_line"
    if [[ -n $__sg_o ]]; then
        # E has just been said, and implies the prompt.
        __sg_o=
        return "$s"
    fi
    __sg_s=$s
    if [[ -n $__sg_q ]]; then
        # The command was cut off (Ctrl-C ends the whole line, epilogue included).
        local q=$__sg_q
        __sg_q=
        __sg_tell E "$q" "$__sg_s"
    fi
    __sg_install
    __sg_tell P - "$__sg_s"
    return "$s"
}

__sg_install() {
    builtin alias __sg="$__sg_line"
    [[ ${PROMPT_COMMAND-} == *__sg_prompt* ]] ||
        PROMPT_COMMAND='{ __sg_prompt; } >/dev/null 2>&1'"${PROMPT_COMMAND:+;$PROMPT_COMMAND}"
    [[ ${HISTCONTROL-} == *ignore[sb]* ]] || HISTCONTROL=ignorespace${HISTCONTROL:+:$HISTCONTROL}
}

readonly -f __sg_tell __sg_in __sg_out __sg_prompt __sg_install
__sg_install
