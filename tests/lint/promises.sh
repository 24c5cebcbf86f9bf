#!/bin/sh
# Every test that SECURITY.md names exists. Prints one line per finding.
cd "$(dirname "$0")/../.." || exit 2
bad=0
for named in $(grep -o '`[a-z0-9_]*/[a-z0-9_]*\.py::[a-z0-9_]*`' SECURITY.md | tr -d '`' | sort -u); do
    grep -q "^def ${named#*::}(" "tests/${named%%::*}" 2>/dev/null || {
        echo "SECURITY.md: there is no test $named"
        bad=1
    }
done
exit $bad
