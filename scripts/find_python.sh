#!/bin/sh
# Print the command of a Python that can run evald: $PYTHON if it is set, else the first of the usual names.

set -eu

is_new_enough() {
    command -v "$1" >/dev/null &&
        "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

for candidate in ${PYTHON:-python3 python3.11 python3.12 python3.13}; do
    if is_new_enough "$candidate"; then
        echo "$candidate"
        exit
    fi
done

if [ -n "${PYTHON-}" ]; then
    echo "PYTHON is set to $PYTHON, which is not a Python 3.11 or newer." >&2
else
    echo "evald needs Python 3.11 or newer, and there is none under the names python3, python3.11," >&2
    echo "python3.12 and python3.13. On Debian 12 run: sudo apt-get install python3" >&2
    echo "If it has another name or place, name it: make PYTHON=/path/to/python3.12 ..." >&2
fi
exit 1
