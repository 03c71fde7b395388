"""What a template names and rows lack is told before a run."""

from evald.rules.pasted_rows import RowAt, pasted_rows
from evald.rules.template import compile_template
from evald.rules.template_use import TemplateUse, reference_to, template_use

ROWS = pasted_rows('{"question": "a", "deep": {"x": 1}}\n\n{"question": "b", "extra": ""}').rows


def use(text: str, *, sees_sample: bool = False) -> TemplateUse:
    return template_use(text, ROWS, sees_sample=sees_sample)


def test_a_place_that_all_rows_have_is_used_rightly() -> None:
    assert use("{{ item.question }} {{item}} {{ other }}") == TemplateUse((), ())


def test_a_place_that_no_row_has_is_a_fault_that_names_the_fields() -> None:
    assert use("{{ item.qestion }}").faults == (
        "No row has item.qestion. The fields are question, deep, extra.",
    )


def test_a_place_that_some_rows_lack_is_a_note_with_their_lines() -> None:
    assert use("{{ item.deep.x }} {{ item.extra }}").notes == (
        "The row in line 3 has no item.deep.x: nothing is put there.",
        "The row in line 1 has no item.extra: nothing is put there.",
    )


def test_a_field_without_its_namespace_is_told_how_to_be_written() -> None:
    (fault,) = use("{{ question }}").faults

    assert fault.endswith("write {{ item.question }}.")


def test_a_prompt_cannot_name_the_sample_and_a_grader_can() -> None:
    assert use("{{ sample.output_text }}").faults
    assert not use("{{ sample.output_text }}", sees_sample=True).faults


def test_references_lead_to_fields_of_odd_names() -> None:
    for name in ("plain", "two words", "a.b", "x[0]", "日本"):
        row = RowAt(1, {"item": {name: "found"}})
        if "[" in name:  # such a name no template can call
            continue
        assert compile_template(reference_to(name)).render(row.row) == "found"


def test_however_many_places_and_rows_there_are_each_of_few_is_looked_up_and_few_are_told() -> None:
    rows = pasted_rows("a\n" + "x\n" * 20_000).rows
    many = "".join(f"{{{{ item.missing_{number} }}}}" for number in range(5_000))

    found = template_use(many, rows, sees_sample=False)

    assert found.faults[0] == "No row has item.missing_0. The fields are a."
    assert len(found.faults) == 20
    assert template_use("{{ item.a }}", rows, sees_sample=False) == TemplateUse((), ())
