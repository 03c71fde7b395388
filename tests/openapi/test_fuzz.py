"""Whatever is sent, no answer is a fault of the server, and each has the form that is documented.

The requests are made from the document by schemathesis: such as it allows, and such as it forbids. They
are the same in every run of the tests.
"""

import copy
import re
from itertools import count
from typing import Any, TypeAlias

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import GenerationConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.contract.making import FINAL
from tests.openapi.document import document
from tests.openapi.known import NOWHERE, make_known
from tests.server import ANSWERED_WITHIN_S, EvaldServer
from tests.waiting import until

Case: TypeAlias = schemathesis.Case[Any]

SCHEMA = schemathesis.openapi.from_dict(document())
OPERATIONS = {
    each.ok().label: each.ok() for each in SCHEMA.get_all_operations() if isinstance(each, Ok)
}
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 20
"""Requests for each operation and mode, about half of which name objects that are there."""
BORDERS = 100
"""Requests at the borders of an operation's values; of more they are an even choice."""
FIXED = settings(
    max_examples=EXAMPLES,
    derandomize=True,  # the same requests every time
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
RUNS = "/v1/evals/{eval_id}/runs"
USABLE_KEY = re.compile("[!-~]+")


@schemathesis.serializer("application/jsonl")
def as_lines(_: Any, value: Any) -> Any:
    return {"data": value if isinstance(value, bytes) else str(value).encode(errors="replace")}


class Asking:
    """Sends requests over one connection, and checks every answer."""

    def __init__(self, server: EvaldServer) -> None:
        self.session = requests.Session()
        self.server = server
        self.known = make_known(server)
        self.numbers = count()

    def __call__(self, case: Case, *, of_known: bool) -> None:
        if of_known:
            case.path_parameters = self.known.named_in(case.path_parameters)
            self._name_file(case.body)
        _lead_nowhere(case.body)
        self._make_unique(case.headers)
        answer = case.call(
            base_url=self.server.url, session=self.session, timeout=ANSWERED_WITHIN_S
        )
        if of_known and case.method == "DELETE" and answer.status_code == 200:
            self.known = make_known(self.server)
        case.validate_response(answer, checks=CHECKS)

    def _name_file(self, body: Any) -> None:
        match body:
            case {"data_source": {"source": {"type": "file_id", "id": str()} as source}}:
                source["id"] = self.known.file_id

    def _make_unique(self, headers: Any) -> None:
        """Make a key that nobody used: the body of a known one is not looked at."""
        key = headers.get("Idempotency-Key")
        if isinstance(key, str) and USABLE_KEY.fullmatch(key):
            headers["Idempotency-Key"] = f"{id(self)}-{next(self.numbers)}"

    def of_run(self, label: str, run_id: str) -> Any:
        """Ask for what belongs to a run of the known eval; give the parsed answer."""
        named = {"eval_id": self.known.eval_id, "run_id": run_id}
        case = OPERATIONS[label].Case(path_parameters=named, query={"limit": 1000})
        answer = case.call(
            base_url=self.server.url, session=self.session, timeout=ANSWERED_WITHIN_S
        )
        case.validate_response(answer, checks=CHECKS)
        return answer.json()

    def every_example(self, label: str, mode: GenerationMode, number: int = EXAMPLES) -> None:
        """Ask what is drawn for an operation."""

        @settings(FIXED, max_examples=number)
        @given(case=OPERATIONS[label].as_strategy(generation_mode=mode), of_known=st.booleans())
        def ask(case: Case, of_known: bool) -> None:
            self(case, of_known=of_known)

        ask()


def _lead_nowhere(body: Any) -> None:
    """Have no sample and no event sent to a host that was made up."""
    match body:
        case {"url": str(url)} if url.startswith("http"):
            body["url"] = NOWHERE


def all_operations(mode: GenerationMode) -> list[str]:
    """Give the operations for which there is something to draw: any text may stand in a path."""
    refusable = mode is GenerationMode.POSITIVE
    return [
        label
        for label, operation in OPERATIONS.items()
        if refusable or operation.body or operation.query or operation.headers
    ]


@pytest.mark.parametrize("label", all_operations(GenerationMode.POSITIVE))
def test_what_is_allowed_is_answered_as_described(server: EvaldServer, label: str) -> None:
    Asking(server).every_example(label, GenerationMode.POSITIVE)


@pytest.mark.parametrize("label", all_operations(GenerationMode.NEGATIVE))
def test_what_is_forbidden_is_answered_as_described(server: EvaldServer, label: str) -> None:
    Asking(server).every_example(label, GenerationMode.NEGATIVE)


@pytest.mark.parametrize("label", OPERATIONS)
def test_values_at_every_border_are_answered_as_described(server: EvaldServer, label: str) -> None:
    ask = Asking(server)
    cases = list(
        SCHEMA.iter_coverage_cases(
            OPERATIONS[label],
            generation_modes=list(GenerationMode),
            generation_config=GenerationConfig(deterministic=True),
        )
    )
    for case in cases[:: -(-len(cases) // BORDERS)]:
        ask(case, of_known=True)


def test_what_odd_runs_give_is_as_described(server: EvaldServer) -> None:
    ask = Asking(server)
    # Of many kinds of sources few make a run: files and stored objects of random ids are not there.
    ask.every_example(f"POST {RUNS}", GenerationMode.POSITIVE, 5 * EXAMPLES)

    def runs_when_all_are_final() -> Any:
        runs = ask.of_run(f"GET {RUNS}", "")["data"]
        return all(run["status"] in FINAL for run in runs) and runs

    runs = until(runs_when_all_are_final)

    items = [
        item
        for run in runs
        for item in ask.of_run(f"GET {RUNS}/{{run_id}}/output_items", run["id"])["data"]
    ]
    assert len(runs) > 1
    assert len(items) > len(runs)


def test_an_answer_that_is_not_as_described_is_noticed(server: EvaldServer) -> None:
    wrong = copy.deepcopy(document())
    wrong["components"]["schemas"]["EvalObject"]["properties"]["name"] = {"type": "integer"}
    operation = schemathesis.openapi.from_dict(wrong)["/v1/evals/{eval_id}"]["GET"]
    case = operation.Case(path_parameters={"eval_id": make_known(server).eval_id})

    answer = case.call(base_url=server.url)

    with pytest.raises(FailureGroup, match="not of type"):
        case.validate_response(answer, checks=CHECKS)
