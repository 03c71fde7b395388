"""A server with something on every page: runs of every status, history, and texts that attack."""

import json
from dataclasses import dataclass, field
from typing import Any

from openai import OpenAI

from tests.importing.making import imported, new_archive
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step
from tests.server import EvaldServer
from tests.waiting import until

TEAMS = ("billing", "shipping", "account", "technical")
SAID = {
    "billing": "You charged me twice for the November renewal, please return one of them.",
    "shipping": "Where is my parcel? Tracking has shown the same depot for six days.",
    "account": "I changed phones and the login code still goes to the old one.",
    "technical": "The invoice page for order 88213 gives a blank screen. Tried two browsers.",
}
ROWS = 60
HOSTILE = (
    "<img src=x onerror=alert(1)><script>alert(2)</script>\u202egnp.exe \x1b[31mred\x1b[0m "
    "👩‍👩‍👧‍👦 שלום العربية 'onfocus=alert(3) autofocus='"
)
MEGABYTE = "long-" * 200_000
Object = dict[str, Any]


@dataclass
class World:
    """What there is to look at, by the words that tests use."""

    server: EvaldServer
    eval_id: str = ""
    runs: dict[str, str] = field(default_factory=dict)
    """The ids of the eval's runs: baseline, candidate, canceled, failed, running."""
    imported: tuple[str, str] = ("", "")
    """Eval and run."""
    hostile: tuple[str, str] = ("", "")
    hostile_again: str = ""
    """Another run of the hostile eval, with another model."""
    file_id: str = ""


def make_world(server: EvaldServer, models: ModelServer) -> World:
    """Fill a server. The run that goes on waits for models in its third row, until they are released."""
    client = OpenAI(base_url=server.base_url, api_key="not needed", max_retries=0)
    models.script_rules(*_rules())
    world = World(server)
    world.eval_id = _triage(client)
    for name in ("baseline", "candidate"):
        world.runs[name] = _run(client, world.eval_id, name, rows=_rows())
    world.runs["failed"] = _run(client, world.eval_id, "refused", rows=_rows()[:8])
    for run_id in world.runs.values():
        _ended(client, world.eval_id, run_id)
    world.runs["canceled"] = _run(client, world.eval_id, "held", rows=_rows())
    models.wait(held=1)
    client.evals.runs.cancel(world.runs["canceled"], eval_id=world.eval_id)
    world.runs["running"] = _run(client, world.eval_id, "held", rows=_rows())
    models.wait(held=1)
    world.imported = _imported(server)
    world.hostile = _hostile(client)
    world.hostile_again = _hostile_run(client, world.hostile[0], model="upper")
    rows = "\n".join(json.dumps({"item": row}) for row in _rows())
    made = client.files.create(file=("tickets.jsonl", rows.encode()), purpose="evals")
    world.file_id = made.id
    return world


def _rules() -> list[Rule]:
    judged = {"steps": [{"description": "Polite?", "conclusion": "It thanks the customer."}]}
    judge = [
        Rule((Step(text=json.dumps({**judged, "result": score})),), "judge", f"ticket {number:02}")
        for number, score in enumerate([0.95, 0.86, 0.74, 0.62, 0.91, 0.99, 0.3, 0.81] * 8)
    ]
    broken = Step(status=400, message="This model's maximum context length is exceeded.")
    return [
        *judge,
        Rule((Step(text="I cannot say."),), "judge"),
        Rule((Step(echo="upper"),), "upper"),
        Rule((Step(status=400, message="The model does not take this request."),), "refused"),
        *(Rule((broken,), model, "ticket 13") for model in ("baseline", "candidate")),
        *(Rule((Step(text="technical"),), "baseline", f"ticket {n:02}") for n in range(4, 60, 7)),
        *(Rule((Step(text="shipping"),), "candidate", f"ticket {n:02}") for n in range(5, 60, 11)),
        *(Rule((Step(text="billing"),), "held", f"ticket {number:02}") for number in range(2)),
        Rule((Step(hold="before"),), "held"),
        *(Rule((Step(text=team),), "*", SAID[team]) for team in TEAMS),
    ]


def _rows() -> list[Object]:
    return [
        {
            "ticket": f"ticket {number:02}: {SAID[TEAMS[number % 4]]}",
            "team": TEAMS[number % 4],
            "country": ("DE", "FR", "BR")[number % 3],
        }
        for number in range(ROWS)
    ]


def _triage(client: OpenAI) -> str:
    tone: Any = {
        "type": "score_model",
        "name": "Tone",
        "model": "judge",
        "input": [{"role": "user", "content": "Judge the reply to {{ item.ticket }}"}],
        "range": [0, 1],
        "pass_threshold": 0.7,
    }
    made = client.evals.create(
        name="Support ticket triage",
        metadata={"team": "support", "tier": "gold"},
        data_source_config={
            "type": "custom",
            "item_schema": {
                "type": "object",
                "properties": {
                    "ticket": {"type": "string"},
                    "team": {"type": "string"},
                    "country": {"type": "string"},
                },
                "required": ["ticket", "team"],
            },
            "include_sample_schema": True,
        },
        testing_criteria=[
            {
                "type": "string_check",
                "name": "Correct team",
                "input": "{{ sample.output_text }}",
                "reference": "{{ item.team }}",
                "operation": "eq",
            },
            {
                "type": "text_similarity",
                "name": "Close to reference",
                "input": "{{ sample.output_text }}",
                "reference": "{{ item.team }}",
                "evaluation_metric": "fuzzy_match",
                "pass_threshold": 0.8,
            },
            tone,
        ],
    )
    return made.id


def _run(client: OpenAI, eval_id: str, model: str, *, rows: list[Object]) -> str:
    source: Any = {
        "type": "completions",
        "model": model,
        "input_messages": {
            "type": "template",
            "template": [
                {"role": "system", "content": f"Route each ticket to one of {', '.join(TEAMS)}."},
                {"role": "user", "content": "{{ item.ticket }}"},
            ],
        },
        "sampling_params": {"temperature": 0},
        "source": {"type": "file_content", "content": [{"item": row} for row in rows]},
    }
    made = client.evals.runs.create(
        eval_id, name=f"{model}, prompt v14", data_source=source, metadata={"commit": "2f1c9e8"}
    )
    return made.id


def _ended(client: OpenAI, eval_id: str, run_id: str) -> None:
    def is_over() -> bool:
        status = client.evals.runs.retrieve(run_id, eval_id=eval_id).status
        return status in ("completed", "failed", "canceled")

    until(is_over)


def _imported(server: EvaldServer) -> tuple[str, str]:
    archive = new_archive()
    imported(server, *archive.whole)
    return archive.eval_id, archive.run_id


def _hostile(client: OpenAI) -> tuple[str, str]:
    made = client.evals.create(
        name=HOSTILE,
        metadata={HOSTILE[:60]: HOSTILE},
        data_source_config={
            "type": "custom",
            "item_schema": {"type": "object", "properties": {HOSTILE: {"type": "string"}}},
            "include_sample_schema": True,
        },
        testing_criteria=[
            {
                "type": "string_check",
                "name": HOSTILE,
                "input": "{{ sample.output_text }}",
                "reference": HOSTILE,
                "operation": "eq",
            }
        ],
    )
    return made.id, _hostile_run(client, made.id, model=HOSTILE)


def _hostile_run(client: OpenAI, eval_id: str, model: str) -> str:
    source: Any = {
        "type": "completions",
        "model": model,
        "input_messages": {
            "type": "template",
            "template": [{"role": "user", "content": "{{ item.text }}"}],
        },
        "source": {
            "type": "file_content",
            "content": [{"item": {"text": text, HOSTILE: text}} for text in (HOSTILE, MEGABYTE)],
        },
    }
    run = client.evals.runs.create(
        eval_id, name=HOSTILE, data_source=source, metadata={HOSTILE[:60]: HOSTILE}
    )
    _ended(client, eval_id, run.id)
    return run.id
