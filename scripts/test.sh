#!/bin/sh
# Run every test, then the contract tests again with each older openai SDK.
#   test.sh WORKERS
# A pass that fails does not hide the next one; the exit is 1 if any failed.

set -eu
cd "$(dirname "$0")/.."

workers=$1
python=.venv/bin/python
failed=

# pass NAME FOLDER: run the tests in FOLDER with the SDK that PYTHONPATH (or .venv) gives.
pass() {
    sdk=$($python -c 'from importlib.metadata import version; print(version("openai"))')
    echo
    echo "== $1, openai SDK $sdk"
    $python -m pytest -n "$workers" "$2" || failed="$failed
    $1, openai SDK $sdk"
}

no_browser=
sh scripts/browser.sh || no_browser=yes
no_wordnet=
sh scripts/wordnet.sh || no_wordnet=yes
no_bubblewrap=
sh scripts/bubblewrap.sh || no_bubblewrap=yes
no_gvisor=
sh scripts/gvisor.sh || no_gvisor=yes

pass "All tests" tests
for sdk in openai-1 openai-2; do
    export PYTHONPATH="$PWD/.sdks/$sdk"
    pass "Contract tests" tests/contract
done

echo
if [ -n "$no_browser" ]; then
    echo "!! THE BROWSER TESTS DID NOT RUN: something is missing here, see the first lines."
    [ -z "${CI-}" ] || failed="$failed
    Browser tests: in CI none may be left out"
fi
if [ -n "$no_wordnet" ]; then
    echo "!! METEOR WAS COMPARED ON A SMALL WORDNET ALONE: the whole one is missing, see the first lines."
    [ -z "${CI-}" ] || failed="$failed
    A whole WordNet: in CI it may not be left out"
fi
if [ -n "$no_bubblewrap" ]; then
    echo "!! THE SANDBOXES OF PYTHON GRADERS WERE NOT TESTED: bubblewrap is missing, see the first lines."
    [ -z "${CI-}" ] || failed="$failed
    Tests in sandboxes: in CI none may be left out"
fi
if [ -n "$no_gvisor" ]; then
    echo "!! THE SANDBOX OF GVISOR WAS NOT TESTED: runsc is missing, see the first lines."
    [ -z "${CI-}" ] || failed="$failed
    Tests in gVisor: in CI none may be left out"
fi
if [ -n "$failed" ]; then
    echo "FAILED:$failed"
    exit 1
fi
echo "All passes are green."
