"""The form of a new eval: its fields as they were typed, what may be chosen, and an example."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

OUTPUT: Final = "{{ sample.output_text }}"

PROGRAM: Final = '''def grade(sample, item):
    """Give a score from 0 to 1; from 0.5 on a row passes."""
    return 1.0 if sample["output_text"].strip() else 0.0
'''


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values that a field may have."""

    value: str
    label: str
    words: str = ""


SOURCES: Final = (
    Choice("paste", "Paste"),
    Choice("upload", "Upload a file"),
    Choice("file", "File on this server"),
)
GRADERS: Final = (
    Choice("string_check", "Text match", "Equals or contains a reference"),
    Choice("text_similarity", "Similarity", "As alike as a metric says"),
    Choice("label_model", "Judge with labels", "A model chooses a label"),
    Choice("score_model", "Judge with a score", "A model gives a number"),
    Choice("python", "Python", "A program gives the score"),
)
OPERATIONS: Final = (
    Choice("eq", "equals"),
    Choice("ne", "does not equal"),
    Choice("like", "contains"),
    Choice("ilike", "contains (in any case)"),
)
METRICS: Final = (
    *("fuzzy_match", "bleu", "gleu", "meteor", "cosine"),
    *("rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5", "rouge_l"),
)


@dataclass(frozen=True, slots=True)
class NewEvalForm:
    """What somebody has typed, field by field; numbers are texts still."""

    name: str = ""
    model: str = ""
    rows_from: str = "paste"
    rows: str = ""
    file_id: str = ""
    system: str = ""
    user: str = ""
    temperature: str = ""
    max_tokens: str = ""
    grader: str = "string_check"
    check_input: str = OUTPUT
    check_operation: str = "eq"
    check_reference: str = ""
    alike_input: str = OUTPUT
    alike_metric: str = "fuzzy_match"
    alike_reference: str = ""
    alike_threshold: str = "0.8"
    label_judge: str = ""
    label_prompt: str = ""
    labels: str = "good\nbad"
    passing_labels: str = "good"
    score_judge: str = ""
    score_prompt: str = ""
    score_min: str = "0"
    score_max: str = "1"
    score_threshold: str = "0.5"
    python_source: str = PROGRAM


def new_eval_form(given: Mapping[str, str]) -> NewEvalForm:
    """Give the form as it was sent; a field that was not sent is as on a new form."""
    known = {each.name for each in fields(NewEvalForm)}
    texts = {name: text.replace("\r\n", "\n") for name, text in given.items() if name in known}
    form = NewEvalForm(**texts)
    return (
        form
        if form.grader in {each.value for each in GRADERS}
        else NewEvalForm(**{**texts, "grader": "string_check"})
    )


def typed_lines(text: str) -> list[str]:
    """Give what stands in the lines of a field, without blank ones."""
    return [line.strip() for line in text.split("\n") if line.strip()]


EXAMPLE: Final = NewEvalForm(
    name="Capitals",
    rows="question,answer\nWhat is the capital of France?,Paris\nWhat is the capital of Japan?,Tokyo\n"
    "What is the capital of Peru?,Lima\n",
    system="Answer with one word.",
    user="{{ item.question }}",
    temperature="0",
    check_operation="ilike",
    check_reference="{{ item.answer }}",
)
"""A form that can be started as soon as a model is named."""
