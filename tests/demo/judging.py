"""What is true of a sample and of a result, whichever model is behind them."""

import json
from typing import Any

import jsonschema_rs

NO_VERDICT = {"judge_truncated", "judge_score_invalid"}
"""A small model may list steps until it is cut off, or write a number beyond a float."""
TOO_LONG = "exceeds the available context size"
"""A judge that is shown a long sample has little room."""
NO_EMBEDDINGS = "does not support embeddings"
"""The engine gives them alone or not at all."""


def check_sample(sample: Any) -> None:
    """See that a model's answer is shown in the form that clients read."""
    usage = sample["usage"]
    assert sample["error"] is None
    assert sample["finish_reason"] in ("stop", "length")
    assert [(each["role"], type(each["content"])) for each in sample["output"]] == [
        ("assistant", str)
    ]
    assert sample["input"]
    assert sample["model"]
    assert usage["prompt_tokens"] > 0 < usage["completion_tokens"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def check_form(sample: Any, data_source: Any) -> None:
    """See that a chat is held to its run's schema; it may be cut off within."""
    match data_source["sampling_params"]:
        case {"response_format": {"json_schema": {"schema": schema}}}:
            text = sample["output"][0]["content"]
            assert text.lstrip().startswith("{")
            if sample["finish_reason"] == "stop":
                jsonschema_rs.validate(schema, json.loads(text))


def check_result(result: Any, criterion: Any) -> bool:
    """See that a result follows from what was said; say if it is a judge's verdict."""
    if criterion["type"] in ("label_model", "score_model"):
        return check_judgement(result, criterion)
    error = result.get("error")
    if criterion.get("evaluation_metric") == "cosine" and error is not None:
        assert error["code"] == "embeddings_unavailable"
        assert NO_EMBEDDINGS in error["message"]
    elif criterion["type"] == "python" and error is not None:
        assert error["code"] == "python_exception"  # it trips over JSON that it did not expect
    else:
        assert error is None
    return False


def check_judgement(result: Any, criterion: Any) -> bool:
    """See that a judge's answer is a verdict as it was written, or an error and no score."""
    if (error := result.get("error")) is not None:
        assert error["code"] in NO_VERDICT or TOO_LONG in error["message"]
        assert (result["passed"], result["score"]) == (False, 0)
        return False
    check_sample(result["sample"])
    verdict = json.loads(result["sample"]["output"][0]["content"])["result"]
    if criterion["type"] == "label_model":
        assert result["label"] == verdict
        assert verdict in criterion["labels"]
        assert result["passed"] == (verdict in criterion["passing_labels"])
    else:
        lowest, highest = criterion.get("range") or (verdict, verdict)
        assert result["score"] == min(max(verdict, lowest), highest)
        assert result["passed"] == (result["score"] >= criterion["pass_threshold"])
    return True
