"""The real small model as a judge: its verdicts are chance, but the way to them is the whole one."""

import json
from pathlib import Path
from typing import Any

from demo.local_model import MODEL_NAME
from demo.servers import ModelServer
from tests.runs.invariants import check
from tests.runs.making import create_eval, create_run, get_final, given
from tests.server import FreshServer

ASK = "Is this answer polite? Judge in one short step.\n\n{{ item.answer }}"
LABEL = {
    "type": "label_model",
    "name": "polite",
    "model": MODEL_NAME,
    "input": [{"role": "user", "content": ASK}],
    "labels": ["polite", "rude"],
    "passing_labels": ["polite"],
    "sampling_params": {"temperature": 0, "seed": 1, "max_completions_tokens": 300},
}


def test_a_real_model_judges_under_a_schema_and_every_answer_is_a_verdict_or_an_error(
    model: ModelServer, tmp_path: Path
) -> None:
    answers = ["Thank you for asking, gladly.", "Go away.", "The parcel comes on Monday."]
    content: list[Any] = [{"item": {"answer": answer}} for answer in answers]
    with FreshServer(tmp_path, upstream=model.base_url) as server:
        run = create_run(server, create_eval(server, LABEL), given(content))
        assert get_final(server, run, within=300)["status"] == "completed"
        run, items = check(server, run["eval_id"], run["id"])

    results = [item["results"][0] for item in items]
    verdicts = [result for result in results if "error" not in result]
    assert verdicts, results
    for result in verdicts:
        written = json.loads(result["sample"]["output"][0]["content"])
        assert result["label"] == written["result"]
        assert result["label"] in LABEL["labels"]
        assert result["passed"] == (result["label"] == "polite")
    assert run["per_model_usage"][0]["invocation_count"] >= len(answers)
