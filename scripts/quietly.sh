# shellcheck shell=sh
# Sourced by the other scripts.

# Say one line, run a command, and show what it printed only if it failed.
#   quietly MESSAGE COMMAND [ARGUMENT...]
# The command may be a function; `set -e` is off inside it, so join its steps by &&.
quietly() {
    echo "$1"
    shift
    output=$(mktemp)
    exec 7>"$output" 8<"$output"
    # Without a name it is gone with this process, even if Ctrl-C ends it.
    rm -f "$output"
    status=0
    "$@" >&7 2>&1 </dev/null 7>&- 8<&- || status=$?
    if [ "$status" -ne 0 ]; then
        cat <&8 >&2
        echo "This failed (exit $status): $*" >&2
    fi
    exec 7>&- 8<&-
    return "$status"
}
