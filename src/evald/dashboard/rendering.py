"""Templates to HTML. Every printed text is escaped and its invisible characters are shown."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from evald.dashboard import figures
from evald.dashboard.assets import static_address
from evald.dashboard.frame import Frame
from evald.dashboard.texts import as_typed, visible


def render(template: str, frame: Frame, **values: object) -> str:
    """Give a template's HTML. A name that the template uses and nobody gave is an error.

    Of its frame a template sees all, and the way to the root as `root`.
    """
    return _ENVIRONMENT.get_template(template).render(values, frame=frame, root=frame.root)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = figures.number
    environment.filters["percent"] = figures.percent
    environment.filters["score"] = figures.score
    environment.filters["exact"] = figures.exact
    environment.filters["signed"] = figures.signed
    environment.filters["duration"] = figures.duration
    environment.filters["milliseconds"] = figures.milliseconds
    environment.filters["about_milliseconds"] = figures.about_milliseconds
    environment.filters["points"] = figures.points
    environment.filters["money"] = figures.money
    environment.filters["large"] = figures.large
    environment.filters["rate"] = figures.rate
    environment.filters["moment"] = figures.moment
    environment.filters["iso_moment"] = figures.iso_moment
    environment.filters["ago"] = figures.ago
    environment.filters["size"] = figures.size
    environment.filters["typed"] = as_typed
    environment.globals["static_address"] = static_address
    return environment


_ENVIRONMENT = _environment()
