#!/bin/sh
# ensure-venv.sh VENV REQUIREMENTS: a virtual environment with what the file pins, made anew only when the file or the
# Python changes.
venv=$1 requirements=$2
wanted="$(python3 --version) $(cksum < "$requirements")"
[ "$(cat "$venv/.made-from" 2>/dev/null)" = "$wanted" ] && exit 0
echo "== making $venv from $requirements"
rm -rf "$venv"
python3 -m venv "$venv" || { echo "python3 cannot make a virtual environment; install python3-venv" >&2; exit 1; }
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$requirements" || exit 1
echo "$wanted" > "$venv/.made-from"
