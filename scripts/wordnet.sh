#!/bin/sh
# See to it that the tests find a whole WordNet, on which they compare meteor with nltk's.
# Exit 1 if it is missing and cannot be installed.

set -eu
cd "$(dirname "$0")/.."

has_wordnet() {
    .venv/bin/python -c 'from evald.graders.metrics.wordnet import installed_wordnet as open; open()' 2>/dev/null
}

if ! has_wordnet; then
    echo "The tests of meteor need what is missing here: wordnet-base"
    sh scripts/apt.sh wordnet-base
fi
