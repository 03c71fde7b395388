#!/bin/sh
# See to it that the browser tests find a Chromium, and the library that Playwright's driver is linked with.
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
if [ -n "$missing" ]; then
    echo "The browser tests need what is missing here: $missing"
    # shellcheck disable=SC2086  # a list of words
    sh scripts/apt.sh $missing
fi
