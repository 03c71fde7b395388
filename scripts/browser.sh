#!/bin/sh
# See to it that the tests of the pages find a Chromium, the library that Playwright's driver is linked with,
# and curl, which the reports write commands for.
# Exit 1 if either is missing and cannot be installed.

set -eu
cd "$(dirname "$0")/.."

has_chromium() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        ! command -v "$name" >/dev/null || return 0
    done
    return 1
}

has_libatomic() {
    [ "$(uname)" != Linux ] || .venv/bin/python -c 'import ctypes; ctypes.CDLL("libatomic.so.1")' 2>/dev/null
}

missing=
has_chromium || missing=chromium
has_libatomic || missing="$missing libatomic1"
command -v curl >/dev/null || missing="$missing curl"
if [ -n "$missing" ]; then
    echo "The tests of the pages need what is missing here: $missing"
    # shellcheck disable=SC2086  # a list of words
    sh scripts/apt.sh $missing
fi
