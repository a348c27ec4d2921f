#!/usr/bin/env bash
# Installs LocalStack (Python 3.13) in .build/envs/localstack and its Kinesis engine (Node) in
# .build/localstack. Returns at once when both are up to date.
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

# Prints the first Python 3.13 of uv, PATH and pyenv that runs. pyenv's own `python3.13` on PATH fails when
# 3.13 is not the selected version.
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
# Bytecode is compiled now, so that the first start is as fast as later ones.
"$uv" venv --quiet --clear --no-python-downloads --python "$python" "$environment"
"$uv" pip sync --quiet --compile-bytecode --require-hashes \
    --python "$environment/bin/python" requirements/localstack.txt

# leveldown comes with binaries, so nothing is compiled; without one for this machine, streams are in memory.
mkdir -p "$engine"
cp localstack/kinesalite/package.json localstack/kinesalite/package-lock.json "$engine/"
(cd "$engine" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)

# LocalStack's index of AWS's services: built here, it does not cost the first start 4 seconds.
rm -rf "$engine/root"
mkdir -p "$engine/root/usr/lib/localstack"
OVERRIDE_IN_DOCKER=0 FILESYSTEM_ROOT="$PWD/$engine/root" DISABLE_EVENTS=1 \
    "$environment/bin/python" -m localstack.aws.spec

echo "$wanted" >"$stamp"
