#!/bin/sh
# See to it that the tests of python graders find bubblewrap, which isolates them.
# Exit 1 if it is missing and cannot be installed, or if this system does not let it isolate.

set -eu
cd "$(dirname "$0")/.."

command -v bwrap >/dev/null || {
    echo "The tests of python graders need what is missing here: bubblewrap"
    sh scripts/apt.sh bubblewrap
}

# Containers often forbid it.
if ! refusal=$(bwrap --unshare-user --unshare-pid --unshare-net --ro-bind / / true 2>&1); then
    echo "bubblewrap is here, and this system does not let it isolate: $refusal" >&2
    exit 1
fi
