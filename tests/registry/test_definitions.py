"""Each criterion decides what its class decides: by the package's own functions, and by what they mean.

Outputs come as samples of rows, and programs run in the server's sandbox, many rows at once.
"""

import json
import string
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from evald.openai_registry.programs import MATCH_FNS, metaeval
from tests.isolation import needs_isolation
from tests.registry import made
from tests.registry.meaning import meant
from tests.registry.package import Verdict, verdicts
from tests.runs.making import asked, create_eval, create_run, get_final, items_of, upload
from tests.server import EvaldServer

TEXTS = [{"input": made.CHAT, "ideal": "blue"}]
LISTS = [{"input": made.CHAT, "ideal": ["blue", "red"]}]
CRITERIA: list[tuple[str, Any, dict[str, Any]]] = [
    ("Match", LISTS, {}),
    ("Includes", LISTS, {}),
    ("Includes", LISTS, {"ignore_case": True}),
    ("FuzzyMatch", LISTS, {}),
    ("JsonMatch", [{"input": made.CHAT, "ideal": "[1]"}], {}),
    ("JsonValidator", LISTS, {}),
    ("Includes", TEXTS, {}),
]
"""Of each criterion that an import makes its class, rows that lead to it, and arguments."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvaldServer]:
    needs_isolation()
    with EvaldServer(tmp_path_factory.mktemp("evald")) as server:
        yield server


@pytest.fixture(scope="module")
def eval_id(server: EvaldServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """One eval with every criterion, so that each row is decided by all of them."""
    criteria = []
    for number, (name, rows, args) in enumerate(CRITERIA):
        planned = made.plan(tmp_path_factory.mktemp("registry"), name, rows, **args)
        criteria.append({**planned.criterion, "name": str(number)})
    assert [each["type"] for each in criteria] == ["python"] * 6 + ["string_check"]
    return create_eval(server, *criteria)


signs = st.text(
    st.sampled_from("aAnNtThHeEßẞİıſςσΣé\u0301 \t\n\u00a0\u2028.,'\"!-_{}[]0¹"), max_size=8
)
words = st.sampled_from(
    ["", "a", "the", "The", "an", "blue", "BLUE", "Straße", "STRASSE", "null", "a b"]
)
texts = st.one_of(
    words, signs, st.text(max_size=12), st.lists(words | signs, max_size=5).map(" ".join)
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([1.0, 0.5, 1e400, "", "1", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)
documents = st.builds(json.dumps, values, indent=st.sampled_from([None, 1]))


@st.composite
def cases(draw: st.DrawFn, ideal: st.SearchStrategy[str]) -> tuple[str, Any]:
    """Give an output and its ideals: often alike, seldom the same."""
    ideals = draw(st.lists(ideal, max_size=3))
    chosen = draw(st.sampled_from(ideals)) if ideals else draw(ideal)
    changes: list[Callable[[str], str]] = [
        str,
        str.upper,
        str.lower,
        str.title,
        str.strip,
        str.swapcase,
        lambda text: text[1:-1],
    ]
    changed = draw(st.sampled_from(changes))(chosen)
    around = st.just("") | signs
    output = draw(
        st.just(changed) | ideal | st.builds(lambda a, b: a + changed + b, around, around)
    )
    return output, draw(st.sampled_from([ideals, chosen]))


@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.generate],  # a failure names its case, which needs no shrinking
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(st.one_of(cases(texts), cases(documents)), min_size=150, max_size=150))
def test_a_criterion_decides_what_its_class_decides(
    server: EvaldServer, eval_id: str, batch: list[tuple[str, Any]]
) -> None:
    ours = decided_here(server, eval_id, batch)
    theirs = verdicts(
        [
            (name, output, ideal, args.get("ignore_case", False))
            for output, ideal in batch
            for name, _, args in CRITERIA
        ]
    )

    wrong = [
        (name, args, output, ideal, here, there)
        for (output, ideal), row, package in zip(batch, ours, batched(theirs), strict=True)
        for (name, rows, args), here, there in zip(CRITERIA, row, package, strict=True)
        if rows is not TEXTS or isinstance(ideal, str)  # else no such row leads to it
        if not here == there == by_meaning(name, output, ideal, bool(args))
    ]
    assert wrong == []


def batched(flat: list[Verdict]) -> list[list[Verdict]]:
    size = len(CRITERIA)
    return [flat[start : start + size] for start in range(0, len(flat), size)]


def by_meaning(name: str, output: str, ideal: Any, ignores_case: bool) -> Verdict:
    try:
        return meant(name, output, ideal, ignores_case)
    except ValueError:
        return "ValueError"


def decided_here(server: EvaldServer, eval_id: str, batch: list[tuple[str, Any]]) -> list[Any]:
    """Give for each row what each criterion decided: passed or not, or the name of an error."""
    rows = [
        {"item": {"ideal": ideal}, "sample": {"output_text": output}} for output, ideal in batch
    ]
    source = {"type": "file_id", "id": upload(server, rows)}
    run = create_run(server, eval_id, {"type": "jsonl", "source": source})
    assert get_final(server, run)["status"] == "completed"
    items = items_of(server, run, "limit=1000&order_by=datasource_item_id")
    assert [item["datasource_item"]["ideal"] for item in items] == [ideal for _, ideal in batch]
    return [[verdict_of(result) for result in item["results"]] for item in items]


def verdict_of(result: Any) -> Verdict:
    if "error" not in result:
        return bool(result["passed"])
    assert result["error"]["code"] == "python_exception"
    return "RecursionError" if "Recursion" in result["error"]["message"] else "ValueError"


CHOICES = ["Yes", "No", "Unsure"]
answers = st.lists(
    st.lists(st.sampled_from(["Yes", "No", "yes", "Unsure.", '"No"', "**Yes**", "so", " ", "..."]))
    .map(" ".join)
    .map(lambda line: line[:20]),
    max_size=4,
).map("\n".join)


@settings(
    max_examples=2, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(st.lists(st.tuples(answers, st.sampled_from([*CHOICES, "yes"])), min_size=100, max_size=100))
def test_a_metaeval_reads_the_choice_that_the_package_reads(
    server: EvaldServer, batch: list[tuple[str, str]]
) -> None:
    types = ["classify", "cot_classify"]
    programs = [metaeval(CHOICES, each, "starts_or_endswith") for each in types]
    criteria = [{"type": "python", "name": each[:9], "source": each} for each in programs]
    rows = [
        {"item": {"choice": choice}, "sample": {"output_text": answer}} for answer, choice in batch
    ]
    run = create_run(
        server,
        create_eval(server, *criteria),
        {"type": "jsonl", "source": {"type": "file_id", "id": upload(server, rows)}},
    )
    get_final(server, run)

    items = items_of(server, run, "limit=1000&order_by=datasource_item_id")
    ours = [result["passed"] for item in items for result in item["results"]]
    named = [("choice", a, [t, CHOICES, c], False) for a, c in batch for t in types]
    assert ours == verdicts(named)


@pytest.mark.parametrize("match_fn", MATCH_FNS)
def test_every_way_to_find_a_choice_is_a_program_that_an_eval_takes(
    server: EvaldServer, match_fn: str
) -> None:
    source = metaeval(["あ", "No"], "classify", match_fn)

    criterion = {"type": "python", "name": "choice", "source": source}
    eval_id = create_eval(server, criterion)

    kept = asked(server, "GET", f"/v1/evals/{eval_id}")["testing_criteria"][0]
    assert "'あ'" in kept["source"]
    assert not set(string.punctuation) & {"あ"}
