"""The page `docs/contract-coverage.md`: `python -m tests.openapi.coverage_page` writes it anew."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from tests.openapi.coverage import Coverage, Side, Verdict, coverage
from tests.openapi.reasons import REASONS

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "contract-coverage.md"
SIDES: Final[tuple[Side, Side]] = ("taken", "answered")
HEAD: Final = """\
# Contract coverage

OpenAI's published schema of the Evals API, and whether evald has it: every endpoint, every field and
every word that a field may hold (`field = word`). This page is made of that schema and of evald's own
OpenAPI document, which the tests hold against what the server answers; nobody writes in it. What evald
adds, and where it differs on purpose, is in [API coverage](api-coverage.md).

`yes`: evald reads it, or answers it. `as sent`: it is kept or passed on to the model as it is. `no`: see
the last column. Empty: the schema has it on the other side only.
"""


class Unexplained(Exception):
    """Something is missing without a reason, or a reason is given for what is there."""


def page() -> str:
    """Give the text of the page. Raises Unexplained."""
    found = coverage()
    _check_reasons(found)
    return "\n".join([HEAD, *_endpoints(found), *_schemas(found)]) + "\n"


def _check_reasons(found: Coverage) -> None:
    missing = {
        (owner, f"{owner}.{way}")
        for owner, fields in found.fields.items()
        for way, verdicts in fields.items()
        if "no" in verdicts.values()
    }
    unexplained = [way for owner, way in missing if not {owner, way} & REASONS.keys()]
    needless = REASONS.keys() - {name for names in missing for name in names}
    if unexplained or needless:
        raise Unexplained(f"no reason: {sorted(unexplained)}; needless reason: {sorted(needless)}")


def _endpoints(found: Coverage) -> Iterator[str]:
    yield "## Endpoints\n"
    yield from _row("endpoint", "served", "parameters")
    yield from _row("---", "---", "---")
    for endpoint, parameters in found.endpoints.items():
        if "no" in parameters.values():
            raise Unexplained(f"{endpoint} lacks {parameters}")
        yield from _row(f"`{endpoint}`", "yes", ", ".join(f"`{name}`" for name in parameters))


def _schemas(found: Coverage) -> Iterator[str]:
    for owner, fields in sorted(found.fields.items()):
        yield f"\n## {owner or 'Without a name'}\n"
        yield from _row("field", *SIDES, "why not")
        yield from _row("---", "---", "---", "---")
        for way, verdicts in fields.items():
            cells = [verdicts.get(side, "") for side in SIDES]
            yield from _row(f"`{way}`", *cells, _why(owner, way, verdicts.values()))


def _why(owner: str, way: str, verdicts: Iterable[Verdict]) -> str:
    if "no" not in verdicts:
        return ""
    return REASONS.get(f"{owner}.{way}") or REASONS[owner]


def _row(*cells: str) -> Iterator[str]:
    yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
