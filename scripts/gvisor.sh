#!/bin/sh
# See to it that the tests of python graders find gVisor's runsc, their third isolation. Root alone can use it.
# Exit 1 if it is missing and cannot be installed.

set -eu
cd "$(dirname "$0")/.."

[ "$(id -u)" -eq 0 ] || exit 0
command -v runsc >/dev/null || {
    echo "The tests of python graders need what is missing here: gVisor's runsc"
    sh scripts/apt.sh runsc
}
