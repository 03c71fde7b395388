"""Judges that answer wrongly, each in its own way, and what comes of it."""

import json
from typing import Any

from tests.model_server.client import ModelServer
from tests.model_server.script import Fault, Rule, Step, ToolCall

LABEL = {
    "type": "label_model",
    "name": "mood",
    "model": "judge",
    "input": [{"role": "user", "content": "{{ item.question }}"}],
    "labels": ["good", "bad"],
    "passing_labels": ["good"],
}
SCORE = {
    "type": "score_model",
    "name": "quality",
    "model": "judge",
    "input": [{"role": "user", "content": "{{ item.question }}"}],
    "range": [0, 1],
}


def said(result: Any, **also: Any) -> str:
    """Give a judgement with this result."""
    steps = [{"description": "Compare", "conclusion": "Fits"}]
    return json.dumps({"steps": steps, "result": result, **also})


def text(said: str, **also: Any) -> Step:
    """Give an answer with this text."""
    return Step(text=said, **also)


Case = tuple[Step, str | None]
"""An answer, and the code of its error; without one it is a verdict that passes."""

UPSTREAM: dict[str, Case] = {
    "cut connection": (Step(fault=Fault.CUT_BEFORE), "judge_unavailable"),
    "cut within": (text(said(1), fault=Fault.CUT_WITHIN), "judge_unavailable"),
    "broken body": (text(said(1), fault=Fault.BROKEN_JSON), "judge_unavailable"),
    "error within": (text(said(1), fault=Fault.ERROR_WITHIN), "judge_unavailable"),
    "unended": (text(said(1), fault=Fault.UNENDED), "judge_unavailable"),
    "mute": (Step(fault=Fault.HANG_BEFORE), "judge_unavailable"),
    "overloaded": (Step(status=503), "judge_unavailable"),
    "no key": (Step(status=401), "judge_unavailable"),
    "no such model": (Step(status=404), "judge_unavailable"),
    "too many": (Step(status=429, headers={"retry-after": "9999"}), "judge_unavailable"),
    "not allowed": (Step(status=400, message="No."), "judge_unavailable"),
    "no completion": (Step(body='{"ok": true}'), "judge_unavailable"),
    "no choice": (Step(body='{"choices": []}'), "judge_unavailable"),
}
NOT_GIVEN: dict[str, Case] = {
    "refusal": (Step(refusal="I will not."), "judge_refused"),
    "truncated": (text('{"steps": [{"desc', finish_reason="length"), "judge_truncated"),
    "whole but truncated": (text(said(1), finish_reason="length"), "judge_truncated"),
    "filtered": (text(said(1), finish_reason="content_filter"), "judge_filtered"),
    "empty": (text(""), "judge_empty"),
    "blank": (text(" \n "), "judge_empty"),
    "tool call": (Step(tool_calls=[ToolCall("score", "{}")]), "judge_empty"),
    "only reasoning": (text("", reasoning=said(1)), "judge_empty"),
}
UNREADABLE: dict[str, Case] = {
    "prose": (text("I would say one."), "judge_unparseable"),
    "bare number": (text("1"), "judge_unparseable"),
    "bare list": (text("[1]"), "judge_unparseable"),
    "empty object": (text("{}"), "judge_unparseable"),
    "other key": (text('{"score": 1}'), "judge_unparseable"),
    "nested result": (text('{"verdict": {"result": 1}}'), "judge_unparseable"),
    "single quotes": (text("{'result': 1}"), "judge_unparseable"),
    "trailing comma": (text('{"result": 1,}'), "judge_unparseable"),
    "cut json": (text('{"steps": [], "result": 1'), "judge_unparseable"),
    "two verdicts": (text(said(1) + said(0)), "judge_unparseable"),
    "a key twice": (text('{"result": 0, "result": 1}'), "judge_unparseable"),
    "a quoted verdict": (text('It says {"result": 1}, which is wrong.'), "judge_unparseable"),
    "deep": (text('{"result": ' + "[" * 100_000), "judge_unparseable"),
    "long": (text(said(1) + " " * 10 + "x" * 200_000), "judge_unparseable"),
}
NO_SCORE: dict[str, Case] = {
    "null": (text(said(None)), "judge_score_invalid"),
    "true": (text(said(True)), "judge_score_invalid"),
    "string": (text(said("1")), "judge_score_invalid"),
    "half a character": (text('{"result": "\\ud800"}'), "judge_score_invalid"),
    "list": (text(said([1])), "judge_score_invalid"),
    "object": (text(said({"value": 1})), "judge_score_invalid"),
    "NaN": (text('{"result": NaN}'), "judge_score_invalid"),
    "infinity": (text('{"result": Infinity}'), "judge_score_invalid"),
    "beyond a float": (text('{"result": 1e999}'), "judge_score_invalid"),
    "huge integer": (text('{"result": 1' + "0" * 400 + "}"), "judge_score_invalid"),
}
A_SCORE: dict[str, Case] = {
    "as asked for": (text(said(1)), None),
    "in a fence": (text(f"```json\n{said(0.5)}\n```"), None),
    "after thoughts": (text(f"<think>{said(0)}</think>\n{said(1)}"), None),
    "amid prose": (text(f"Here it is: {said(1)} Done."), None),
    "without steps": (text('{"result": 1}'), None),
    "above the range": (text(said(9)), None),
}
NO_LABEL: dict[str, Case] = {
    "other label": (text(said("maybe")), "judge_label_unknown"),
    "other case": (text(said("Good")), "judge_label_unknown"),
    "with a blank": (text(said("good ")), "judge_label_unknown"),
    "empty label": (text(said("")), "judge_label_unknown"),
    "number": (text(said(1)), "judge_label_unknown"),
    "list of labels": (text(said(["good"])), "judge_label_unknown"),
    "half a character": (text('{"result": "\\ud800"}'), "judge_label_unknown"),
    "null label": (text(said(None)), "judge_label_unknown"),
    "right label": (text(said("good")), None),
}

SECOND_ANSWERS = [
    Rule([text(said(None))], contains="where a finite number was asked for"),
    Rule([text(said("maybe"))], contains="none of the labels"),
    Rule([text("again in prose")], contains="That cannot be read"),
]
"""A judge that is asked once more because of its form errs in the same way again."""


def script_cases(models: ModelServer, cases: dict[str, Case]) -> None:
    """Have the judge answer each case to the question that holds its name in `<>`."""
    scripted = [Rule([step], contains=f"<{name}>") for name, (step, _) in cases.items()]
    models.script_rules(*SECOND_ANSWERS, *scripted)


def hasty(models: ModelServer) -> str:
    """Give the config of a server that asks once, and waits a second for the first byte."""
    provider = f'[providers.p]\nbase_url = "{models.url}"\n'
    return provider + "max_attempts = 1\nfirst_byte_timeout = 1.0\n"
