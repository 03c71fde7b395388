#!/bin/sh
# Run every test, then the contract tests again with each older openai SDK.
#   test.sh WORKERS
# A pass that fails does not hide the next one; the exit is 1 if any failed.

set -eu
cd "$(dirname "$0")/.."

workers=$1
python=.venv/bin/python
failed=

# pass NAME FOLDER WORKERS: run the tests in FOLDER with the SDK that PYTHONPATH (or .venv) gives.
pass() {
    sdk=$($python -c 'from importlib.metadata import version; print(version("openai"))')
    echo
    echo "== $1, openai SDK $sdk"
    $python -m pytest -n "$3" "$2"
}

# beside SDK: run the contract tests with an older SDK on half of the workers, to its log. The tests of a
# pass and their one server take turns: two passes beside each other take less than one after the other.
beside() {
    half=$((workers > 3 ? workers / 2 : 0)) # 0 is this very process, without a worker
    PYTHONPATH="$PWD/.sdks/$1" pass "Contract tests" tests/contract "$half" >".sdks/$1.log" 2>&1
}

no_browser=
sh scripts/browser.sh || no_browser=yes
no_wordnet=
sh scripts/wordnet.sh || no_wordnet=yes
no_bubblewrap=
sh scripts/bubblewrap.sh || no_bubblewrap=yes
no_gvisor=
sh scripts/gvisor.sh || no_gvisor=yes

pass "All tests" tests "$workers" || failed="$failed
    All tests"
beside openai-1 &
first=$!
beside openai-2 &
second=$!
wait "$first" || failed="$failed
    Contract tests with .sdks/openai-1"
wait "$second" || failed="$failed
    Contract tests with .sdks/openai-2"
cat .sdks/openai-1.log .sdks/openai-2.log

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
