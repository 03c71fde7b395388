"""Asks the python assert of an export as promptfoo does: for each of the asks on standard input."""

import importlib
import json
import sys


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    asserts = importlib.import_module("evald_assert")
    asks = json.loads(sys.stdin.read())
    answers = [asserts.get_assert(output, context) for output, context in asks]
    assert "evald" not in sys.modules
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
