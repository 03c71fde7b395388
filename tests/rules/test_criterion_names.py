"""Which criterion a result belongs to."""

from typing import Any

import pytest

from evald.rules.criterion_names import CriterionNames, bare_name

OWN = "-11111111-2222-3333-4444-555555555555"
OTHER = "-99999999-2222-3333-4444-555555555555"
NAMES = CriterionNames.of([(f"a{OWN}", "a"), (f"b{OWN}", "b"), ("c", f"b{OTHER}"), ("d", "")])


@pytest.mark.parametrize(
    ("result_name", "place"),
    [
        (f"b{OWN}", 1),
        ("a", 0),
        (f"a{OTHER}", 0),
        (f"b{OTHER}", 2),
        ("c", 2),
        ("", None),
        ("x", None),
        (f"x{OTHER}", None),
        (OWN, None),
        ("A", None),
    ],
)
def test_a_criterion_is_found_by_its_id_or_its_name_also_before_a_uuid(
    result_name: str, place: int | None
) -> None:
    assert {NAMES.place_of(result_name, at) for at in range(5)} == {place}


def test_of_criteria_of_one_name_the_one_at_the_place_of_the_result_is_meant() -> None:
    names = CriterionNames.of([("1", "a"), ("2", "b"), ("3", "a")])

    assert [names.place_of("a", at) for at in range(4)] == [0, None, 2, None]
    assert [names.place_of(f"a{OTHER}", at) for at in range(4)] == [0, None, 2, None]


def test_a_result_with_the_id_goes_before_one_with_the_name_and_the_first_before_others() -> None:
    by_name: Any = [{"name": "a", "score": n} for n in (1, 2)]
    by_id: Any = [{"name": f"a{OWN}", "score": n} for n in (3, 4)]

    assert NAMES.results_in([*by_name, *by_id]) == [by_id[0], None, None, None]
    assert NAMES.results_in(by_name) == [by_name[0], None, None, None]


@pytest.mark.parametrize("results", [None, 7, "a", {"a": 1}, [1, "a", None, {}, {"name": 1}]])
def test_odd_results_are_of_no_criterion(results: Any) -> None:
    assert NAMES.results_in(results) == [None] * 4


def test_only_a_whole_uuid_is_taken_from_a_name() -> None:
    names = [f"a{OWN}", f"a{OWN}{OTHER}", OWN, f"a{OWN}\n", OWN[1:], "a-1111", "a"]

    assert [bare_name(each) for each in names] == ["a", f"a{OWN}", "", *names[3:]]
