#!/bin/sh
# Install Debian packages, as root or by a sudo that asks no password.
#   apt.sh PACKAGE...
# Exit 1 where that cannot be, with the command that a person can run.

set -eu
cd "$(dirname "$0")/.."
. scripts/quietly.sh

packages=$*

apt_get() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@"
}

install() {
    # shellcheck disable=SC2086  # a list of words
    apt_get install --yes --no-install-recommends $packages
}

# The lists of packages are missing on a new machine, and may be too old on any other.
install_with_fresh_lists() {
    install || { apt_get update && install; }
}

if ! command -v apt-get >/dev/null; then
    echo "Install $packages by hand: this system has no apt-get." >&2
    exit 1
elif [ "$(id -u)" -eq 0 ]; then
    as_root=
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    echo "Installing $packages needs root. Run this, then the same make command again:" >&2
    echo "    sudo sh -c 'apt-get update && apt-get install --yes --no-install-recommends $packages'" >&2
    exit 1
fi
quietly "Installing the Debian package(s) $packages with apt-get, about a minute..." \
    install_with_fresh_lists
