#!/usr/bin/env bash
# Puts LocalStack (Python 3.13) below .build/envs/localstack and its Kinesis engine (Node) below
# .build/localstack. Quick when there is nothing to do.
set -euo pipefail
cd "$(dirname "$0")/.."

environment=.build/envs/localstack
engine=.build/localstack
stamp=$engine/installed

wanted=$(cksum requirements/localstack.txt localstack/kinesalite/package-lock.json localstack/install.sh)
if [[ -x $environment/bin/python && -f $stamp && $(<"$stamp") == "$wanted" ]]; then
    exit 0
fi

fail() {
    echo "localstack: $1" >&2
    exit 1
}

# Where uv, PATH and pyenv keep interpreters. pyenv's own `python3.13` on PATH exists, but fails when
# 3.13 is not the selected version: each candidate is asked, and the first that answers is taken.
find_python() {
    local candidate
    for candidate in "$("$uv" python find --no-python-downloads 3.13 2>/dev/null || true)" \
        "$(command -v python3.13 || true)" \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13.*/bin/python3.13; do
        if [[ -x $candidate ]] && "$candidate" -c 'import ensurepip, ssl' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

uv=.build/envs/bootstrap/bin/uv
[[ -x $uv ]] || uv=$(command -v uv) || fail "no uv: run 'make install'"
python=$(find_python) || fail "no Python 3.13: install one with 'uv python install 3.13' or 'pyenv install 3.13'"
command -v npm >/dev/null || fail "no npm: install Node 20 or newer"

rm -f "$stamp"
# Bytecode is compiled now, so that the first start is as quick as the next.
"$uv" venv --quiet --clear --no-python-downloads --python "$python" "$environment"
"$uv" pip sync --quiet --compile-bytecode --require-hashes \
    --python "$environment/bin/python" requirements/localstack.txt

# Without its optional leveldown: streams are kept in memory, and nothing native is needed.
mkdir -p "$engine"
cp localstack/kinesalite/package.json localstack/kinesalite/package-lock.json "$engine/"
(cd "$engine" && npm ci --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error >&2)

# LocalStack's index of AWS's services: made at its first call it takes 4 seconds of every first start.
rm -rf "$engine/root"
mkdir -p "$engine/root/usr/lib/localstack"
OVERRIDE_IN_DOCKER=0 FILESYSTEM_ROOT="$PWD/$engine/root" DISABLE_EVENTS=1 \
    "$environment/bin/python" -m localstack.aws.spec

echo "$wanted" >"$stamp"
