"""Whose counts a report shows: those of imported runs are called by names."""

from evald.contract.json_types import JsonValue
from evald.dashboard.bars import Counts
from evald.dashboard.criteria import criteria_of, results_of

OTHER = "-99999999-2222-3333-4444-555555555555"
LONG = "a very long name " * 10


def test_counts_are_found_by_a_long_name_and_of_one_name_by_their_place() -> None:
    names = ["twice", LONG, "twice"]
    criteria = criteria_of(
        {"testing_criteria": [{"id": f"c{n}", "name": name} for n, name in enumerate(names)]}
    )
    called = ["twice", f"{LONG}{OTHER}", f"twice{OTHER}", "of nobody"]
    counts: list[JsonValue] = [
        {"testing_criteria": name, "passed": n, "failed": 0} for n, name in enumerate(called)
    ]

    results = results_of(criteria, {"per_testing_criteria_results": counts})

    assert [result.counts for result in results] == [
        Counts(passed=n, failed=0, errored=0) for n in range(4)
    ]
    assert results[3].criterion.name == "of nobody"
