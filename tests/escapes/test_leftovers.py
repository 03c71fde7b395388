"""What one row leaves behind, no other row finds; and what it writes, no other row has for an answer."""

import secrets
from typing import Any

from tests.escapes.inside import leftovers
from tests.escapes.place import Place, printed, results, source_of
from tests.escapes.test_attempts import told, trying_of

WRITING = "writing everywhere "
ENDING = ("every_descriptor_closed", "every_descriptor_another")
LEAVING = {"leaving": "a score"}
MOST_RUNS = 5
"""Rows that wait may get a sandbox of their own, where nothing was left; their attempts come again."""


def test_no_row_finds_what_another_has_left(place: Place) -> None:
    secret = f"row-of-another-{secrets.token_hex(8)}"
    other = {"score": 0.25, "text": secret * 50}
    names = [name for name in trying_of(leftovers) if not name.startswith((WRITING, *ENDING))]
    for _ in range(MOST_RUNS):
        tried = [
            told(place) | {"attempt": name, "letters": list(secret.encode())} for name in names
        ]
        rows = [row for each in tried for row in (other, LEAVING, each)]

        items = place.run(source_of(leftovers), rows)

        found = dict(zip(names, zip(results(items[2::3]), items[2::3], strict=True), strict=True))
        assert {name: printed(item) for name, (score, item) in found.items() if score != 0.0} == {}
        assert results(items[::3]) == [0.25] * len(names)
        assert all("has left everything" in printed(item) for item in items[1::3])
        used = {zygote_of(item) for item in items[1::3]}
        names = [name for name, (_, item) in found.items() if zygote_of(item) not in used]
        if not names:
            break
    assert names == []
    place.check()


def zygote_of(item: Any) -> str:
    return printed(item).partition("\n")[0]


def test_however_a_row_ends_the_next_one_begins_as_new(place: Place) -> None:
    looking = [{"attempt": "files_left"}, {"attempt": "the_working_folder"}]
    rows = [row for end in leftovers.ENDS for row in ({"leaving": end}, *looking)]

    scores = results(place.run(source_of(leftovers), rows))

    assert scores[1::3] == scores[2::3] == [0.0] * len(leftovers.ENDS)
    ended = dict(zip(leftovers.ENDS, scores[::3], strict=True))
    assert (ended["an exit"], ended["a signal"]) == ("python_died", "python_died")
    if place.has_namespaces:  # else there is no scratch space
        assert {ended[each] for each in ("many files", "deep folders", "a closed folder")} == {1.0}
    place.check()


def test_forged_answers_are_nobody_elses(place: Place) -> None:
    names = [name for name in trying_of(leftovers) if name.startswith((WRITING, *ENDING))]
    attacks: list[Any] = [{"attempt": name} for name in names]
    honest = [{"score": number / 64} for number in range(1, 4 * len(names) + 1)]
    rows = [row for place_of, each in enumerate(attacks)
            for row in (each, *honest[4 * place_of : 4 * place_of + 4])]  # fmt: skip

    scores = results(place.run(source_of(leftovers), rows))

    others = [score for number, score in enumerate(scores) if number % 5]
    assert others == [row["score"] for row in honest]
    place.check()
