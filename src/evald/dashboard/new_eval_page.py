"""The page of the form for a new eval."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from evald.contract.files import File
from evald.dashboard import new_eval_form
from evald.dashboard.form_faults import FormFaults
from evald.dashboard.form_preview import Preview
from evald.dashboard.frame import Frame
from evald.dashboard.new_eval_form import NewEvalForm
from evald.dashboard.rendering import render
from evald.dashboard.texts import clip

_NAME_LIMIT = 120


@dataclass(frozen=True, slots=True)
class NewEvalPage:
    """All that the page shows. `preview` is None before one was asked for.

    `kept` is the file that an upload has become just now.
    """

    frame: Frame
    form: NewEvalForm
    nonce: str
    faults: FormFaults
    models: Sequence[str]
    files: Sequence[File]
    kept: File | None
    preview: Preview | None


def render_new_eval(page: NewEvalPage) -> str:
    """Give the page as HTML."""
    return render(
        "new_eval.html",
        page.frame,
        page=page,
        values=asdict(page.form),
        faults=page.faults,
        models=[clip(model, _NAME_LIMIT).shown for model in page.models],
        files=[(each.id, clip(each.filename, _NAME_LIMIT).shown) for each in page.files],
        kept=page.kept and clip(page.kept.filename, _NAME_LIMIT).shown,
        sources=new_eval_form.SOURCES,
        graders=new_eval_form.GRADERS,
        operations=[(each.value, each.label) for each in new_eval_form.OPERATIONS],
        metrics=[(metric, metric) for metric in new_eval_form.METRICS],
    )
