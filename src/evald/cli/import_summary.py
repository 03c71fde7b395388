"""What an import says at its end: what became of each kind, what was not taken, what to do next."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

import click

from evald.archive.sending.import_archive import Import
from evald.archive.sending.outcome import Counts, Origin
from evald.archive.sending.server import Address, Server, ServerGone

NAMED: Final = 50
"""Things of one sort that are named; of the others only the number is told."""
_COLUMNS: Final = ("imported", "there already", "replaced", "different", "failed")


def say_what_became(work: Import, address: Address) -> int:
    """Tell the reader, and give the exit status."""
    outcome = work.outcome
    if not any(each.total for each in outcome.kinds.values()) and not outcome.not_taken_count:
        click.echo("Nothing was imported: nothing in it is known to evald.", err=True)
        return 1
    if work.is_dry:
        click.echo("A dry run: nothing was changed. This would become of it:")
    if any(each.total for each in outcome.kinds.values()):
        _say_counts(work)
    _say_each("Not taken", outcome.not_taken, outcome.not_taken_count, address)
    _say_each("To know", outcome.notes, len(outcome.notes), address)
    _say_what_is_missing(work, address)
    _say_what_was_passed_over(work, address)
    _say_what_next(work, address)
    return 0 if outcome.is_all_taken else 1


def _say_counts(work: Import) -> None:
    kinds = {name: each for name, each in work.outcome.kinds.items() if each.total}
    rows = {name: _numbers(counts) for name, counts in kinds.items()}
    shown = [
        place
        for place, _ in enumerate(_COLUMNS)
        if place < 2 or any(numbers[place] for numbers in rows.values())
    ]
    width = max(len(name) for name in rows)
    click.echo("  ".join([" " * width, *(_COLUMNS[place] for place in shown)]))
    for name, numbers in rows.items():
        cells = [f"{numbers[place]:>{len(_COLUMNS[place])},}" for place in shown]
        click.echo("  ".join([name.ljust(width), *cells]))
    if work.outcome.is_all_taken and not work.outcome.changed:
        click.echo("All of it was there already: nothing is new.")


def _numbers(counts: Counts) -> tuple[int, ...]:
    return (counts.imported, counts.existing, counts.replaced, counts.different, counts.failed)


def _say_each(title: str, found: list[tuple[Origin, str]], count: int, address: Address) -> None:
    if not count:
        return
    click.echo(f"{title} ({count:,}):", err=True)
    for origin, message in found[:NAMED]:
        click.echo(f"  {address.safe(origin)}: {address.safe(message)}", err=True)
    if count > NAMED:
        click.echo(f"  and {count - NAMED:,} more", err=True)


def _say_what_is_missing(work: Import, address: Address) -> None:
    runs = [each for each in work.survey.incomplete_runs() if each[0] not in work.refused_runs]
    if runs:
        click.echo(f"Output items that are not in the archive ({_n(len(runs), 'run')}):")
    for run_id, items, told in runs[:NAMED]:
        click.echo(f"  {address.safe(run_id)}: it says {told:,}, the archive has {items:,}")
    if len(runs) > NAMED:
        click.echo(f"  and {len(runs) - NAMED:,} runs more")
    if work.survey.gaps:
        click.echo(f"The pull could not have {_n(work.survey.gaps, 'thing')} (failures.jsonl).")
    if work.survey.is_unfinished or work.parts:
        click.echo(
            "The pull of this archive is not complete. Of what it had begun to read the whole lines "
            "went in; 'evald pull openai' into the same folder gets the rest."
        )


def _say_what_was_passed_over(work: Import, address: Address) -> None:
    if work.unknown:
        names = ", ".join(address.safe(name) for name in work.unknown[:5])
        more = ", …" if len(work.unknown) > 5 else ""
        click.echo(f"Passed over, for nothing in it is known: {names}{more}")


def _say_what_next(work: Import, address: Address) -> None:
    for name in sorted(work.models.keys() - work.survey.replaced):
        click.echo(f"--map {address.safe(name)}=…: no judge of an eval in it asks for this model.")
    if work.models and work.outcome.evals.different:
        click.echo("An eval that is here already keeps its judges; --map is for its first import.")
    server = Server(address, lambda _: None)
    try:
        _say_models(work, _served(server), address)
        if not work.is_dry:
            _say_where(work, server, address)
    except ServerGone:
        return  # what it would say is a hint and no more
    finally:
        server.close()


def _served(server: Server) -> dict[str, bool] | None:
    """Give the models that the server lists, and of each whether it is an alias; None if it cannot."""
    said = server.ask("GET", "models")
    try:
        data = said.value["data"] if said.status == 200 else None
        return None if data is None else {str(each["id"]): _is_alias(each) for each in data}
    except (KeyError, TypeError):
        return None


def _is_alias(model: Mapping[str, Any]) -> bool:
    added = model.get("evald")
    return isinstance(added, dict) and "alias_of" in added


def _say_models(work: Import, served: Mapping[str, bool] | None, address: Address) -> None:
    if served is None:
        return
    missing = sorted(work.survey.judges - served.keys())
    if not missing:
        return
    names = [address.safe(name) for name in missing]
    models = sorted(name for name, is_alias in served.items() if not is_alias)
    instead = models[0] if models else "MODEL"
    maps = " ".join(f"--map {name}={instead}" for name in names)
    click.echo(f"Judges that the server lists no model for: {', '.join(names)}")
    click.echo("  Give them a name in the configuration of the server:")
    click.echo("    [aliases]")
    for name in names:
        click.echo(f'    "{name}" = "{instead}"')
    first = "" if work.is_dry else "delete the evals here and "
    click.echo(f"  or {first}import with {maps}")


def _say_where(work: Import, server: Server, address: Address) -> None:
    for run_id, eval_id in _runs(work):
        said = server.ask("GET", f"evals/{quote(eval_id, safe='')}/runs/{quote(run_id, safe='')}")
        if said.status == 200 and isinstance(said.value, dict):
            click.echo(f"Look at {address.safe(said.value.get('report_url'))}")
            return
    for eval_id in list(work.survey.evals)[:3]:
        name = quote(eval_id, safe="")
        if server.ask("GET", f"evals/{name}").status == 200:
            click.echo(f"Look at {address.url.geturl()}/evaluations/{name}")
            return


def _runs(work: Import) -> Iterable[tuple[str, str]]:
    known = [(name, run.eval_id) for name, run in work.survey.runs.items()]
    rebuilt = [(name, tally.eval_id) for name, tally in work.survey.tallies.items()]
    return [(name, eval_id) for name, eval_id in [*known, *rebuilt] if eval_id][:3]


def _n(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
