"""Templates to HTML. Every printed text is escaped and its invisible characters are shown."""

from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from evald.dashboard import figures
from evald.dashboard.texts import visible

_HERE = Path(__file__).parent

STATIC_FOLDER = _HERE / "static"
"""The style sheets and the script module; the server serves them under `/static/`."""

THEMES = ("light", "dark")


def static_address(root: str, name: str) -> str:
    """Give a static file's address. It changes with the content, so it may be cached for ever."""
    return f"{root}static/{name}?v={_VERSIONS[name]}"


def known_theme(theme: str) -> str:
    """Give `light` or `dark`, or an empty text (follow the system) for anything else."""
    return theme if theme in THEMES else ""


def render(template: str, **values: object) -> str:
    """Give a template's HTML. A name that the template uses and nobody gave is an error."""
    return _ENVIRONMENT.get_template(template).render(values)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
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
    environment.filters["duration"] = figures.duration
    environment.filters["milliseconds"] = figures.milliseconds
    environment.filters["rate"] = figures.rate
    environment.filters["moment"] = figures.moment
    environment.filters["iso_moment"] = figures.iso_moment
    environment.globals["static_address"] = static_address
    return environment


_VERSIONS = {
    file.name: sha256(file.read_bytes()).hexdigest()[:12] for file in STATIC_FOLDER.iterdir()
}
_ENVIRONMENT = _environment()
