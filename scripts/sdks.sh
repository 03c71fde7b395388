#!/bin/sh
# Install the older openai SDKs, each into a folder of its own under .sdks; the tests take one by PYTHONPATH.

set -eu
cd "$(dirname "$0")/.."
. scripts/quietly.sh

python=.venv/bin/python
# A pip.conf that says `user = true` would break installing into .venv and .sdks.
export PIP_USER=0

install_sdk() {
    $python -m pip install --quiet --disable-pip-version-check --no-input --no-compile \
        --only-binary :all: --require-hashes --target ".sdks/$1" -r "requirements/$1.txt"
}

exec 9<Makefile
! command -v flock >/dev/null || flock 9

for sdk in openai-1 openai-2; do
    wanted=$($python --version; cksum "requirements/$sdk.txt")
    if [ "$(cat ".sdks/$sdk/installed-from" 2>/dev/null)" != "$wanted" ]; then
        rm -rf ".sdks/$sdk"
        quietly "Installing the older SDK $sdk..." install_sdk "$sdk"
        echo "$wanted" >".sdks/$sdk/installed-from"
    fi
done
