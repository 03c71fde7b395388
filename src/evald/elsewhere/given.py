"""What an export is made of: an eval with one of its runs, as the API shows them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.api_params import NotSayable, chat_params
from evald.rules.response import chat_form, is_response, response_fault

ABOUT_TOOLS: Final = ("tool_choice", "parallel_tool_calls")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the run."""

    number: int
    item: JsonObject
    sample: JsonObject | None
    """The chat completion that it brings, or None where the model is asked."""


@dataclass(frozen=True)
class Exported:
    """An eval with the run that says how its rows are sampled."""

    eval_id: str
    name: str
    criteria: Sequence[JsonObject]
    """As the eval shows them."""
    run_id: str | None = None
    """None for an eval that never ran: there is nothing then but the criteria."""
    model: str | None = None
    """None where the rows bring their samples."""
    params: JsonObject = field(default_factory=dict)
    """The sampling params, in the words of chat completions."""
    asked: JsonObject | None = None
    """The messages, as `asked_messages` takes them; None where none are asked."""
    rows: Sequence[Row] = ()
    notes: Sequence[str] = ()
    """What of the run is not carried, whatever the criterion."""


def exported_eval(of_eval: JsonObject) -> Exported:
    """Give an eval without a run."""
    criteria = of_eval.get("testing_criteria")
    return Exported(
        eval_id=str(of_eval.get("id")),
        name=str(of_eval.get("name") or of_eval.get("id")),
        criteria=[each for each in _listed(criteria) if isinstance(each, dict)],
        notes=["The eval has no run, so there is no model, no prompt and no row here."],
    )


def exported_run(of_eval: JsonObject, run: JsonObject, rows: Iterable[JsonValue]) -> Exported:
    """Give an eval with a run, whose rows these are, each with its `item` and maybe its `sample`."""
    source = run.get("data_source")
    source = source if isinstance(source, dict) else {}
    model = source.get("model")
    asks = isinstance(model, str)
    notes: list[str] = []
    eval_alone = exported_eval(of_eval)
    return Exported(
        eval_id=eval_alone.eval_id,
        name=eval_alone.name,
        criteria=eval_alone.criteria,
        run_id=str(run.get("id")),
        model=model if isinstance(model, str) else None,
        params=_params(source, notes) if asks else {},
        asked=_asked(source),
        rows=list(_rows(rows, asks, notes)),
        notes=notes,
    )


def _params(source: JsonObject, notes: list[str]) -> JsonObject:
    params = source.get("sampling_params")
    params = params if isinstance(params, dict) else {}
    if source.get("type") != "responses":
        return params
    notes.append("The run asked `/responses`; here the model is asked by chat completions.")
    said, unsaid = _sayable(params)
    if unsaid:
        notes.append(
            f"No chat completion has {', '.join(unsaid)}: left out of the sampling params."
        )
    return chat_params(said)


def _sayable(params: JsonObject) -> tuple[JsonObject, list[str]]:
    """Give the params that chat completions have words for, and name the others."""
    said: JsonObject = {}
    unsaid: dict[str, None] = {}
    for name, value in params.items():
        if name == "tools" and isinstance(value, list):
            tools = [tool for tool in value if _is_said(name, [tool], unsaid)]
            if tools:
                said[name] = tools
        elif _is_said(name, value, unsaid):
            said[name] = value
    if "tools" in params and "tools" not in said:  # no endpoint takes these without one
        said = {name: value for name, value in said.items() if name not in ABOUT_TOOLS}
    return said, list(unsaid)


def _is_said(name: str, value: JsonValue, unsaid: dict[str, None]) -> bool:
    try:
        chat_params({name: value})
    except NotSayable as error:
        unsaid[str(error)] = None
        return False
    return True


def _asked(source: JsonObject) -> JsonObject | None:
    api = "responses" if source.get("type") == "responses" else "chat"
    match source:
        case {"input_messages": {"type": "template", "template": list(template)}}:
            return {"template": template}
        case {"input_messages": {"type": "item_reference", "item_reference": str(reference)}}:
            return {"reference": reference, "api": api}
        case {"source": {"type": "stored_completions" | "responses"}}:
            return {"reference": "item.input", "api": api}
    return None


def _rows(rows: Iterable[JsonValue], asks: bool, notes: list[str]) -> Iterator[Row]:
    left_out = 0
    for number, row in enumerate(rows):
        match row:
            case {"item": dict(item), "sample": dict(sample)}:
                pass
            case {"item": dict(item)}:
                sample = {}
            case _:
                left_out += 1
                continue
        if asks:
            yield Row(number, item, None)
        elif not is_response(sample):
            yield Row(number, item, sample)
        elif response_fault(sample) is None:
            yield Row(number, item, chat_form(sample))
        else:
            left_out += 1
    if left_out:
        one, many = (
            "1 row is left out, since it has",
            f"{left_out:,} rows are left out, since they have",
        )
        notes.append(f"{one if left_out == 1 else many} no item or a failed sample.")


def row_of_output_item(output_item: JsonObject) -> JsonObject:
    """Give the row that an output item was made of; its sample is the message that the item shows."""
    shown = output_item.get("sample")
    shown = shown if isinstance(shown, dict) else {}
    said = [each for each in _listed(shown.get("output")) if isinstance(each, dict)]
    choices: list[JsonValue] = [
        {"index": 0, "message": message, "finish_reason": shown.get("finish_reason")}
        for message in said[:1]
    ]
    sample: JsonObject = {"choices": choices, "model": shown.get("model")}
    return {"item": output_item.get("datasource_item"), "sample": sample}


def _listed(value: JsonValue) -> Sequence[JsonValue]:
    return value if isinstance(value, list) else []
