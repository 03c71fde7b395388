"""What becomes of an eval: its criterion, its items, how a model is asked, and why it is left out."""

from pathlib import Path
from typing import Any

import pytest

from evald.contract.evals import CreateEval
from evald.contract.validation import read_request
from evald.openai_registry.judge_prompts import ANSWER_PROMPTS
from evald.openai_registry.specs import Unusable
from evald.openai_registry.turning import plan_of
from evald.rules.rows import RowCheck
from tests.registry import made
from tests.registry.made import CHAT, ROW, entry

ONE = {"input": CHAT, "ideal": ["blue"]}
TWO = {"input": CHAT, "ideal": ["blue", "red"]}
SAID = {"input": "Say blue.", "ideal": "blue"}
EVERY_TEXT_CLASS = ["Match", "Includes", "FuzzyMatch", "JsonMatch", "JsonValidator"]


def judged(folder: Path, graders: str, rows: Any, **args: Any) -> Any:
    """Give the plan of a model-graded eval, from its spec as YAML."""
    evals = {"one.dev": entry("ModelBasedClassify", modelgraded_spec="quality", **args)}
    made.write(folder, made.files_of(evals, {"rows.jsonl": rows}, graders))
    read = made.opened(folder)
    return plan_of(read.spec("one.dev"), read, "judge")


@pytest.mark.parametrize(
    ("rows", "args", "criterion"),
    [
        ([ROW], {}, ("string_check", "{{ item.ideal }}")),
        ([ONE, ONE], {}, ("string_check", "{{ item.ideal[0] }}")),
        ([TWO], {}, ("python", None)),
        ([ROW, ONE], {}, ("python", None)),
        ([ROW], {"ignore_case": False}, ("string_check", "{{ item.ideal }}")),
        # `ilike` folds case, and ß is ss there; str.lower keeps them apart.
        ([ROW], {"ignore_case": True}, ("python", None)),
    ],
)
def test_includes_is_a_string_check_only_where_that_says_the_same(
    tmp_path: Path, rows: Any, args: Any, criterion: Any
) -> None:
    planned = made.plan(tmp_path, "Includes", rows, **args)

    assert (planned.kind, planned.criterion.get("reference")) == criterion


@pytest.mark.parametrize(
    ("name", "args", "params"),
    [
        ("Match", {"max_tokens": 7}, {"temperature": 0}),
        ("Includes", {}, None),
        ("FuzzyMatch", {}, {"temperature": 0, "max_completion_tokens": 100}),
        ("FuzzyMatch", {"max_tokens": 7}, {"temperature": 0, "max_completion_tokens": 7}),
        ("JsonMatch", {}, {"temperature": 0, "max_completion_tokens": 512}),
        ("JsonValidator", {}, {"temperature": 0}),
    ],
)
def test_a_model_is_sampled_as_the_class_samples_it(
    tmp_path: Path, name: str, args: Any, params: Any
) -> None:
    rows = [{"input": CHAT, "ideal": "{}"}]

    assert (
        made.plan(tmp_path, name, rows, **args).data_source("file-1").get("sampling_params")
        == params
    )


@pytest.mark.parametrize("name", EVERY_TEXT_CLASS)
@pytest.mark.parametrize(
    "row", [{"input": CHAT, "ideal": "{}"}, {"input": "Say {}.", "ideal": ["{}"]}]
)
def test_every_item_fits_the_schema_of_its_eval_and_the_eval_can_be_created(
    tmp_path: Path, name: str, row: Any
) -> None:
    planned = made.plan(tmp_path, name, [row])
    config: Any = planned.eval_config()

    read_request(
        CreateEval, {"data_source_config": config, "testing_criteria": [planned.criterion]}
    )
    check = RowCheck(config["item_schema"])
    for item in made.items(planned, tmp_path):
        assert check.checked({"item": item}, "row")["item"] == item


def test_a_chat_is_sent_as_it_is_and_a_text_as_what_the_system_says(tmp_path: Path) -> None:
    chat = made.plan(tmp_path / "chat", "Match", [ROW])
    text = made.plan(tmp_path / "text", "Match", [SAID, ROW])

    assert (chat.messages, made.items(chat, tmp_path / "chat")) == ("item.input", [ROW])
    system = {"messages": [{"role": "system", "content": "Say blue."}]}
    assert text.messages == "item.evald.messages"
    assert made.items(text, tmp_path / "text") == [
        {**SAID, "evald": system},
        {**ROW, "evald": {"messages": CHAT}},
    ]


def test_examples_stand_before_the_last_message(tmp_path: Path) -> None:
    shots = [
        {"sample": [{"role": "system", "name": "example_user", "content": str(n)}]}
        for n in range(3)
    ]
    asked = [{"role": "system", "content": "Count."}, {"role": "user", "content": "Go."}]
    evals = {"one.dev": entry("Match", num_few_shot=2, few_shot_jsonl="shots.jsonl")}
    rows = [{"input": asked, "ideal": "1"}]
    made.write(tmp_path, made.files_of(evals, {"rows.jsonl": rows, "shots.jsonl": shots}))
    read = made.opened(tmp_path)

    (item,) = made.items(plan_of(read.spec("one.dev"), read), tmp_path)

    contents = [each["content"] for each in item["evald"]["messages"]]
    assert contents == ["Count.", "0", "1", "Go."]
    assert item["input"] == asked


BAD_ROWS: list[tuple[str, Any, str]] = [
    ("Match", {"ideal": "blue"}, "a row has no 'input'"),
    ("Match", {"input": CHAT}, "the 'ideal' of a row is neither a text nor a list of texts"),
    ("Match", {"input": CHAT, "ideal": ["a", 1]}, "the 'ideal' of a row is neither"),
    ("Match", {"input": [], "ideal": "a"}, "the input of a row is neither a text nor a list"),
    ("Match", {"input": ["a"], "ideal": "a"}, "the input of a row is neither a text nor a list"),
    ("Match", {"input": [{"role": "user"}], "ideal": "a"}, "the input of a row is neither"),
    ("JsonMatch", {"input": CHAT, "ideal": "{"}, "the 'ideal' of a row is no JSON"),
    ("Match", {**ROW, "evald": 1}, "a row has the key 'evald', which the import needs"),
]


@pytest.mark.parametrize(("name", "row", "reason"), BAD_ROWS)
def test_an_eval_with_a_row_that_its_class_refuses_is_left_out_with_the_line(
    tmp_path: Path, name: str, row: Any, reason: str
) -> None:
    with pytest.raises(Unusable) as error:
        made.plan(tmp_path, name, [{"input": CHAT, "ideal": "1"}, row])

    assert f"rows.jsonl, line 2: {reason}" in str(error.value)


BAD_ARGS: list[tuple[dict[str, Any], str]] = [
    ({"num_few_shot": 1}, "its argument 'few_shot_jsonl' is no text"),
    ({"num_few_shot": True}, "its argument 'num_few_shot' is no number"),
    ({"num_few_shot": 1, "few_shot_jsonl": "rows.jsonl"}, "its 'sample' is no list of messages"),
    ({"temperature": 1}, "its argument 'temperature' is not known"),
]


@pytest.mark.parametrize(("args", "reason"), BAD_ARGS)
def test_an_eval_with_an_argument_that_cannot_be_honoured_is_left_out(
    tmp_path: Path, args: Any, reason: str
) -> None:
    with pytest.raises(Unusable) as error:
        made.plan(tmp_path, "Match", [ROW], **args)

    assert reason in str(error.value)


# Model-graded


def test_a_judge_is_asked_with_the_prompt_of_its_spec(tmp_path: Path) -> None:
    planned = judged(tmp_path, made.VERDICT_OF, [SAID])

    assert planned.criterion == {
        "type": "label_model",
        "name": "ModelBasedClassify",
        "model": "judge",
        "input": [
            {
                "role": "user",
                "content": "Is {{ sample.output_text }} a good answer to {{ item.input }}?\n\n"
                'The result is one of "Good" or "Bad".',
            }
        ],
        "labels": ["Good", "Bad"],
        "passing_labels": ["Good"],
        "sampling_params": {"temperature": 0},
    }
    assert (planned.needs_judge, planned.scores) == (True, {"Good": 1.0, "Bad": 0.0})
    params = {"temperature": 0, "max_completion_tokens": 1024, "top_p": 1}
    assert planned.sampling_params == params


def test_a_judge_is_shown_a_chat_as_lines_and_a_list_as_the_registry_writes_it(
    tmp_path: Path,
) -> None:
    graders = made.VERDICT_OF.replace("Is", "{ideal} {{x}}: is")
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]

    planned = judged(tmp_path, graders, [{"input": chat, "ideal": ["a", "b"]}])

    content = planned.criterion["input"][0]["content"]
    assert content.startswith("{{ item.evald.texts.ideal }} {x}: is {{ sample.output_text }}")
    (item,) = made.items(planned, tmp_path)
    assert item["evald"]["texts"] == {"ideal": "['a', 'b']", "input": "Be brief.\nUser: Hi\n"}


def test_arguments_of_the_eval_win_over_the_keys_of_its_rows(tmp_path: Path) -> None:
    graders = made.VERDICT_OF.replace("Is", "{ideal} of {n}: is")

    planned = judged(tmp_path, graders, [SAID], modelgraded_spec_args={"ideal": {"a": "b"}})

    assert planned.criterion["input"][0]["content"].startswith("{'a': 'b'} of 1: is")


SPEC = "quality: {{prompt: 'Is {{completion}} good?', input_outputs: {{input: completion}}, {0}}}"


@pytest.mark.parametrize(
    ("choices", "labels", "passing"),
    [
        ("choice_strings: YN, choice_scores: {Y: 1, N: 0}", "YN", "Y"),
        ("choice_strings: '12345', choice_scores: from_strings", "12345", "45"),
        ("choice_strings: ABC, choice_scores: {A: 1, B: 0.5, C: 0}", "ABC", "A"),
        ("choice_strings: AB, choice_scores: {A: 1, B: 1}", "AB", "AB"),
        ("choice_strings: AB", "AB", "AB"),
        ("choice_strings: from_n_abc", "a", "a"),
    ],
)
def test_labels_above_the_middle_of_the_scores_pass_and_without_scores_all(
    tmp_path: Path, choices: str, labels: str, passing: str
) -> None:
    criterion = judged(tmp_path, SPEC.format(choices), [SAID]).criterion

    assert (criterion["labels"], criterion["passing_labels"]) == (list(labels), list(passing))


@pytest.mark.parametrize(
    ("spec", "passing"), [("fact", "ABCE"), ("possible", "A"), ("rhyming", "A")]
)
def test_specs_of_the_package_without_scores_have_passing_labels_of_their_own(
    tmp_path: Path, spec: str, passing: str
) -> None:
    graders = SPEC.format("choice_strings: ABCDE").replace("quality", spec)
    evals = {"one.dev": entry("ModelBasedClassify", modelgraded_spec=spec)}
    made.write(tmp_path, made.files_of(evals, {"rows.jsonl": [SAID]}, graders))
    read = made.opened(tmp_path)

    assert plan_of(read.spec("one.dev"), read).criterion["passing_labels"] == list(passing)


def test_answers_in_the_rows_are_judged_and_no_model_is_sampled(tmp_path: Path) -> None:
    planned = judged(tmp_path, made.VERDICT_OF, [{**SAID, "completion": "Blue!"}])

    assert planned.messages is None
    assert planned.data_source("file-1") == {
        "type": "jsonl",
        "source": {"type": "file_id", "id": "file-1"},
    }
    assert "{{ item.completion }}" in planned.criterion["input"][0]["content"]


PROMPTS = """
ANSWER_PROMPTS = {
    "classify": "Print one of {choices}.".strip(),
    "cot_classify": '''
Think, then print one of {choices}.
'''.strip(),
}
"""


def test_a_metaeval_asks_the_judge_itself_as_the_package_does(tmp_path: Path) -> None:
    rows = [{**SAID, "completion": "Blue!", "choice": "Good"}]
    made.write(tmp_path, {ANSWER_PROMPTS: PROMPTS})

    planned = judged(tmp_path, made.VERDICT_OF, rows, metaeval=True, eval_type="cot_classify")

    (item,) = made.items(planned, tmp_path)
    assert item["evald"]["messages"] == [
        {
            "role": "user",
            "content": "Is Blue! a good answer to Say blue.?\n\n"
            'Think, then print one of "Good" or "Bad".',
        }
    ]
    assert (planned.kind, planned.needs_judge) == ("python", False)
    assert "FROM_THE_END = True" in str(planned.criterion["source"])


BAD_SPECS: list[tuple[str, Any, dict[str, Any], str]] = [
    (made.VERDICT_OF, SAID, {"multicomp_n": 3}, "several answers to a row"),
    (made.VERDICT_OF, {"ideal": "a"}, {}, "line 1: the row has no 'input'"),
    (made.VERDICT_OF, SAID, {"metaeval": True}, "rows with a 'completion' and a 'choice'"),
    (made.VERDICT_OF.replace("good", "{worth}"), SAID, {}, "needs 'worth', which not every row"),
    (made.VERDICT_OF.replace("good", "{a.b}"), SAID, {}, "the place 'a.b', which is no plain name"),
    (made.VERDICT_OF.replace("good", "{{{{ item.x }}}}"), SAID, {}, "that evald would fill in"),
    (
        made.VERDICT_OF.replace("good", "{"),
        SAID,
        {},
        "the prompt of its model-graded spec is broken",
    ),
    (made.VERDICT_OF.replace("{completion}", "it"), SAID, {}, "would not see the answer"),
    (made.VERDICT_OF.replace('"Bad"]', '"Bad."]'), SAID, {}, "has punctuation"),
    (made.VERDICT_OF.replace('"Bad": 0.0', '"Poor": 0'), SAID, {}, "no number for each choice"),
    (made.VERDICT_OF.replace("quality", "other"), SAID, {}, "no model-graded spec 'quality'"),
    (made.VERDICT_OF.replace("input:", "a.b:"), SAID, {}, "no input_outputs that are plain names"),
    (
        made.VERDICT_OF.replace("input:", "one: first, input:"),
        {**SAID, "one": "a"},
        {},
        "it asks for several answers to a row",
    ),
]


@pytest.mark.parametrize(("graders", "row", "args", "reason"), BAD_SPECS)
def test_a_model_graded_eval_that_cannot_be_turned_says_why(
    tmp_path: Path, graders: str, row: Any, args: Any, reason: str
) -> None:
    with pytest.raises(Unusable) as error:
        judged(tmp_path, graders, [row], **args)

    assert reason in str(error.value)
