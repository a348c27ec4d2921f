#!/usr/bin/env bash
# Prints the Python that the project is installed with: the one that PYTHON names, else `python3` when it is 3.11 or
# newer, else a newer one that has its version in its name, on PATH, under pyenv or under uv.
set -euo pipefail

name_one="or name one with PYTHON="

fail() {
  echo "$1" >&2
  exit 1
}

# Every Python parses these, Python 2 as well.
is_new_enough() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}
makes_environments() {
  "$1" -c 'import ensurepip, venv' 2>/dev/null
}
version() {
  "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null
}

candidates=(
  python3 python3.13 python3.12 python3.11 python3.14
  "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3.1[1-4].*/bin/python3
  "${UV_PYTHON_INSTALL_DIR:-${HOME:-}/.local/share/uv/python}"/cpython-3.1[1-4].*/bin/python3
)
if [[ -n ${PYTHON:-} ]]; then
  candidates=("$PYTHON")
fi

incomplete=
for candidate in "${candidates[@]}"; do
  if ! is_new_enough "$candidate"; then
    continue
  fi
  if makes_environments "$candidate"; then
    command -v "$candidate"
    exit
  fi
  incomplete=${incomplete:-$candidate}
done

if [[ -n $incomplete ]]; then
  fail "$incomplete has no ensurepip: install it (Debian and Ubuntu: apt install ${incomplete##*/}-venv), $name_one"
fi
first=${candidates[0]}
found=$(version "$first") || fail "there is no $first that runs: install Python 3.11 or newer, $name_one"
fail "$first is $found, not 3.11 or newer: install Python 3.11 or newer, $name_one"
