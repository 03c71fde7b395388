# shellcheck shell=sh
# Sourced by the other scripts.

# Say one line, run a command, and show what it printed only if it failed.
#   quietly MESSAGE COMMAND [ARGUMENT...]
# The command may be a function; `set -e` is off inside it, so join its steps by &&.
quietly() {
    echo "$1"
    shift
    output=$(mktemp)
    status=0
    "$@" >"$output" 2>&1 </dev/null || status=$?
    if [ "$status" -ne 0 ]; then
        cat "$output" >&2
        echo "This failed (exit $status): $*" >&2
    fi
    rm -f "$output"
    return "$status"
}
