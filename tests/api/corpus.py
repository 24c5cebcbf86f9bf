"""The shell torture corpus: commands that confuse a shell that is driven by typing or by parsing its screen.

A case says what must come back whichever API runs it. `output` is exact; `contains` is for cases whose wording is
bash's own or which bash on a terminal decorates (job numbers, the word "exit").
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    command: str
    output: str | None = None
    contains: str = ""
    code: int | None = 0  # None: any but zero
    within: float = 1.0  # wall clock, seconds
    ends_shell: bool = False  # the command ends the very shell it runs in


MEGABYTE = "m" * 1_000_000
# Ctrl-A, Ctrl-C, Ctrl-D, Ctrl-Z, delete and the end of a bracketed paste.
CONTROLS = "\x01\x03\x04\x1a\x7f\x1b[201~"

ENDINGS = [
    Case("exit 3", "exit 3", code=3, ends_shell=True),
    Case("exit without a number", "false; exit", code=1, ends_shell=True),
    Case("exit trap", "trap 'echo bye' EXIT; exit 4", contains="bye\n", code=4, ends_shell=True),
    Case("set -e; false", "set -e; false; echo not reached", output="", code=1, ends_shell=True),
    Case("set -euo pipefail", "set -euo pipefail; false | true; echo not reached", output="", code=1, ends_shell=True),
    Case("kill -9 the shell", "kill -9 $$", code=137, ends_shell=True),
    Case("segmentation fault of the shell", "kill -SEGV $$", code=139, ends_shell=True),
    Case("exec true", "exec true", output="", ends_shell=True),
    Case("exec with a code", "exec sh -c 'echo last words; exit 9'", output="last words\n", code=9, ends_shell=True),
]

SYNTAX = [
    Case(f"unbalanced {command!r}", command, contains="unexpected", code=None)
    for command in (
        'echo "abc',
        "echo 'abc",
        "echo $(date",
        "echo x |",
        "echo x &&",
        "if true; then echo x",
        "{ echo x",
        "( echo x",
        "for i in 1 2",
        "case x in",
        "fi",
        ")",
        "}",
        ";;",
        "echo ${x",
        "[[ a",
        "f() {",
        "while true; do",
        "echo $((1+",
        "'",
        '"',
        "`",
        "$(",
    )
]

TEXT = [
    Case("heredoc", "cat <<EOF\nline $((1+1))\nEOF", output="line 2\n"),
    Case("quoted heredoc", "cat <<'EOF'\n$HOME `x` \"'\\\nEOF\n", output="$HOME `x` \"'\\\n"),
    Case("heredoc with tabs", "cat <<-EOF\n\tindented\n\tEOF\necho after", output="indented\nafter\n"),
    Case("two heredocs", "cat <<A; cat <<B\na\nA\nb\nB\necho c", output="a\nb\nc\n"),
    Case("heredoc that wants another line", "cat <<EOF\nline", contains="line"),
    Case("heredoc of exit", "bash <<EOF\nexit 6\nEOF", output="", code=6),
    Case("here string", 'cat <<< "a  b"', output="a  b\n"),
    Case("several lines", "echo a\n\n# comment\necho b\n", output="a\nb\n"),
    Case("function over lines", "f() {\n  echo in f\n}\nf", output="in f\n"),
    Case("line continuation", "echo a \\\nb", output="a b\n"),
    Case("backslash at the end", "echo a\\", output="a\\\n"),
    Case("comment alone", "# nothing", output=""),
    Case("comment at the end", "echo a # comment", output="a\n"),
    Case("no newline at the end", "printf x", output="x"),
    Case("many empty lines", "printf '\\n\\n\\n'", output="\n\n\n"),
    Case("history characters", 'echo "hello!world!!" !1', output="hello!world!! !1\n"),
    Case("tab in the command", 'echo "a\tb"', output="a\tb\n"),
    Case("control characters in the command", f"printf '%s' 'a{CONTROLS}b'", output=f"a{CONTROLS}b"),
    Case("carriage return in the command", "printf '%s' 'a\rb'", output="a\rb"),
    Case("unicode", "echo 'grüße 世界 👩‍👩‍👧 \u2028'", output="grüße 世界 👩‍👩‍👧 \u2028\n"),
    Case("a megabyte of command", f"x='{MEGABYTE}'; echo ${{#x}}", output="1000000\n", within=3.0),
    Case("a megabyte of heredoc", f"wc -c <<'EOF'\n{MEGABYTE}\nEOF", output="1000001\n", within=3.0),
    Case("NUL and invalid UTF-8", "printf 'a\\0b\\xff\\xfec'", output="a\0b\ufffd\ufffdc"),
    # One replacement character or one for each byte: both are in use.
    Case("half a character at the end", "printf 'ab\\xe2\\x82'", contains="ab\ufffd"),
    Case("colours", "printf '\\e[31mred\\e[0m\\n'", output="\x1b[31mred\x1b[0m\n"),
    Case(
        "window title and other screen",
        "printf '\\e]0;title\\a\\e[?1049h\\e[?1049l'",
        output="\x1b]0;title\x07\x1b[?1049h\x1b[?1049l",
    ),
    Case("terminal questions", "printf '\\e[6n\\e[c'", output="\x1b[6n\x1b[c"),
    Case("progress bar", "printf '1%%\\r2%%\\r3%%\\n'", output="1%\r2%\r3%\n"),
    Case("both line endings", "printf 'a\\r\\nb\\n'", output="a\r\nb\n"),
    Case("a line wider than any screen", "head -c 20000 /dev/zero | tr '\\0' x", output="x" * 20000),
    Case("a fake prompt", "echo 'user@host:~$ '", output="user@host:~$ \n"),
    Case("stderr among stdout", "echo a; echo b >&2; echo c", contains="a\n"),
]

CONTROL = [
    Case("return outside a function", "return 5", code=None),
    Case("break outside a loop", "break; continue; echo x", contains="x\n"),
    Case("exec of nothing there", "exec /nonexistent-program", code=None, contains="nonexistent"),
    Case("unset variable", "set -u; echo $no_such_variable", code=None, contains="unbound"),
    Case("subshell exit", "(exit 8)", output="", code=8),
    Case("signal to a child", "sh -c 'kill -TERM $$'", code=143),
    Case("wait for jobs", "sleep 0.2 & wait; echo waited", contains="waited\n"),
    Case("fg without a job", "fg", code=None),
    Case("deep recursion", "f() { f; }; ( ulimit -s 1024; f ); echo alive", contains="alive\n", within=10.0),
    Case("many arguments", "set -- $(seq 20000); echo $#", output="20000\n", within=3.0),
    Case("coprocess", "coproc cat; echo hi >&${COPROC[1]}; read -u ${COPROC[0]} x; kill %1; echo $x", contains="hi\n"),
    Case("file descriptors", "exec 7>/dev/null; echo x >&7; exec 7>&-; echo y", output="y\n"),
    Case("directory removed under it", "d=$(mktemp -d); cd $d; rmdir $d; echo x", output="x\n"),
]

BACKGROUND = [
    Case("a child in the background", "sleep 5 & echo started", contains="started\n", within=0.5),
    Case("a subshell in the background", "(sleep 5; echo late) & echo started", contains="started\n", within=0.5),
    Case("nohup", "nohup sleep 5 >/dev/null 2>&1 & echo started", contains="started\n", within=0.5),
    Case("disowned", "sleep 5 & disown; echo started", contains="started\n", within=0.5),
    Case("a session of its own", "setsid sleep 5 & echo started", contains="started\n", within=0.5),
    Case("a pipe into the background", "sleep 5 | sleep 5 & echo started", contains="started\n", within=0.5),
    Case("a daemon", "(setsid sleep 5 &) ; echo started", contains="started\n", within=0.5),
]

CASES = ENDINGS + SYNTAX + TEXT + CONTROL + BACKGROUND

# Changes to a living shell after which its next commands are still told apart and answered exactly.
SABOTAGE = [
    ("PS1", "PS1='>>> '"),
    ("PS1 with newlines", "PS1='\\n[$(exit 9)]\\n\\n'"),
    ("no PS1", "unset PS1 PS2 PS4"),
    ("PS1 that fails", "PS1='$(cat /nonexistent)'"),
    ("PS0", "PS0='NOISE\\n'"),
    ("read-only PS1", "readonly PS1 PS2"),
    ("PROMPT_COMMAND", "PROMPT_COMMAND='echo NOISE'"),
    ("PROMPT_COMMAND that fails", "PROMPT_COMMAND='false; nope'"),
    ("PROMPT_COMMAND array", "PROMPT_COMMAND=('echo NOISE' 'false')"),
    ("no PROMPT_COMMAND", "unset PROMPT_COMMAND"),
    ("read-only PROMPT_COMMAND", "readonly PROMPT_COMMAND"),
    ("PROMPT_COMMAND that exits", "PROMPT_COMMAND='exit 5'"),
    ("trap DEBUG", "trap 'echo DEBUG' DEBUG"),
    ("trap DEBUG that fails", "trap false DEBUG"),
    ("trap ERR", "trap 'echo ERR' ERR"),
    ("trap RETURN", "trap 'echo RETURN' RETURN"),
    ("trap EXIT", "trap 'echo EXIT' EXIT"),
    ("ignored signals", "trap '' INT TERM HUP QUIT"),
    ("set -x", "set -x"),
    ("set -v", "set -v"),
    ("set -e", "set -e"),
    ("set -u", "set -u"),
    ("set -n", "set -n"),
    ("set -f", "set -f"),
    ("set +m", "set +m"),
    ("set -o posix", "set -o posix"),
    ("set -o vi", "set -o vi"),
    ("set -T and -E", "set -TE"),
    ("IFS", "IFS=ok"),
    ("no PATH", "PATH="),
    ("a locale that is none", "LC_ALL=xx_YY.nonsense"),
    ("no aliases", "shopt -u expand_aliases"),
    ("printf redefined", "printf() { echo hijacked; }"),
    ("aliases over builtins", "alias eval='echo hijacked' trap=false"),
    ("stty -echo", "stty -echo"),
    ("stty raw", "stty raw -echo"),
    ("stty without newline mapping", "stty -onlcr"),
    ("stty without signals", "stty -isig -icanon"),
    ("a tiny screen", "stty cols 1 rows 1"),
    ("TMOUT", "TMOUT=1"),
    ("home gone", "unset HOME"),
    ("SHLVL and BASH_ENV", "export BASH_ENV=/nonexistent SHLVL=x"),
    ("every descriptor beyond 2 closed", 'for n in {3..255}; do eval "exec $n>&-"; done 2>/dev/null'),
    ("cwd removed", "d=$(mktemp -d); cd $d; rmdir $d"),
]
