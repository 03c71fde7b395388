"""`evald import registry`: evals of openai/evals, listed, made on a running server, and run."""

import json
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any, Final

import click

from evald.cli.registry_evals import NO_MODEL, Imported, RegistryEvals
from evald.cli.running_server import RunningServer, ServerFailed
from evald.openai_registry.files import NoRegistry, open_registry
from evald.openai_registry.plan import Plan
from evald.openai_registry.specs import Registry, Unusable, read_registry
from evald.openai_registry.turning import plan_of
from evald.rules.terminal import printable

STOPPED: Final = 130


class CannotImport(Exception):
    """The import cannot begin. The message says why and what to do."""


@dataclass(frozen=True)
class Options:
    """The options of the command, as `evald import registry --help` has them."""

    names: tuple[str, ...]
    is_list: bool
    is_all: bool
    place: Path | None
    judge: str | None
    model: str | None
    limit: int | None
    is_print: bool
    url: str
    project: str | None
    api_key: str | None


def import_registry(options: Options) -> int:
    """List or import what is asked for, say what became of it, and give the exit status.

    Raises CannotImport.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _listed_or_imported(options)
    except KeyboardInterrupt:
        click.echo("Stopped. Nothing was sent yet.", err=True)
        return STOPPED


def _listed_or_imported(options: Options) -> int:
    if options.names and options.is_all:
        raise CannotImport("Name evals, or ask for --all, not both.")
    if not options.names and not options.is_list and not options.is_all:
        raise CannotImport("Name evals, or ask for --list or --all. `*` stands for any text.")
    try:
        registry = read_registry(open_registry(options.place))
    except NoRegistry as error:
        raise CannotImport(str(error)) from None
    for reason in registry.broken:
        click.echo(f"Left out: {printable(reason)}", err=True)
    names = _names(registry, options)
    unknown = [each for each in options.names if not registry.matching(each)]
    for name in unknown:
        click.echo(_no_eval(registry, name), err=True)
    if unknown and not names:
        raise CannotImport("None of these evals is in the registry.")
    if options.is_list:
        _list(registry, names)
        return 1 if unknown else 0
    try:
        server = RunningServer.at(options.url, options.api_key, options.project)
        evals = RegistryEvals.on(server, registry.files)
    except ServerFailed as error:
        raise CannotImport(str(error)) from None
    status = _import(registry, names, evals, options)
    return status or (1 if unknown else 0)


def _names(registry: Registry, options: Options) -> list[str]:
    if not options.names:
        return registry.names
    found = (name for pattern in options.names for name in registry.matching(pattern))
    return list(dict.fromkeys(found))


def _no_eval(registry: Registry, pattern: str) -> str:
    close = ", ".join(registry.close_to(pattern))
    also = f" Did you mean {printable(close)}?" if close else ""
    return f"The registry has no eval '{printable(pattern)}'.{also}"


# --list

_KINDS: Final[Mapping[str, str]] = {
    "string_check": "string_check",
    "python": "python",
    "label_model": "label_model, with --judge MODEL",
}


def _list(registry: Registry, names: Sequence[str]) -> None:
    width = max((len(printable(name)) for name in names), default=0)
    click.echo(f"{'eval':{width}}  {'class':20}  {'rows':>7}  becomes")
    turned = 0
    for name in names:
        class_name, rows, becomes = "", "", ""
        try:
            spec = registry.spec(name)
            class_name = spec.short_class
            plan = plan_of(spec, registry)
            rows, becomes = f"{plan.rows:,}", _KINDS[plan.kind]
            turned += 1
        except Unusable as error:
            becomes = f"nothing: {error}"
        line = f"{printable(name):{width}}  {printable(class_name):20}  {rows:>7}  {printable(becomes)}"
        click.echo(line)
    click.echo(f"{turned:,} of {len(names):,} evals can be imported.", err=True)


# The import


@dataclass
class _Count:
    new: int = 0
    existing: int = 0
    left_out: int = 0
    refused: int = 0
    plans: list[Plan] = field(default_factory=list)
    """The first two of those that are on the server now."""

    def add(self, plan: Plan, imported: Imported) -> None:
        self.new += imported.is_new
        self.existing += not imported.is_new
        self.plans = [*self.plans, plan][:2]


def _import(
    registry: Registry, names: Sequence[str], evals: RegistryEvals, options: Options
) -> int:
    count, is_stopped = _Count(), False
    try:
        for name in names:
            _import_one(registry, name, evals, options, count)
        _say_how_to_run(count.plans, options)
    except KeyboardInterrupt:
        is_stopped = True
        click.echo("Stopped. What was sent is kept; the same command goes on from there.", err=True)
    click.echo(
        f"{count.new:,} imported, {count.existing:,} were there already, "
        f"{count.left_out:,} left out, {count.refused:,} refused by the server.",
        err=True,
    )
    if is_stopped:
        return STOPPED
    is_chosen = bool(options.names) and not any("*" in name for name in options.names)
    return 1 if count.refused or (is_chosen and count.left_out) else 0


def _import_one(
    registry: Registry, name: str, evals: RegistryEvals, options: Options, count: _Count
) -> None:
    try:
        plan = plan_of(registry.spec(name), registry, options.judge)
        if plan.needs_judge and options.judge is None:
            raise Unusable("a judge has to label its answers: name one with --judge MODEL")
    except Unusable as error:
        count.left_out += 1
        click.echo(f"{printable(name)} is left out: {printable(str(error))}", err=True)
        return
    try:
        imported = evals.imported(plan, options.judge)
        count.add(plan, imported)
        _say(plan, imported, evals, options)
    except (ServerFailed, Unusable) as error:
        count.refused += 1
        click.echo(f"{printable(name)}: {printable(str(error))}", err=True)


def _say(plan: Plan, imported: Imported, evals: RegistryEvals, options: Options) -> None:
    if options.is_print:
        model = options.model or "MODEL"
        body = {"eval_id": imported.id, **evals.run_body(plan, imported, model, options.limit)}
        click.echo(json.dumps(body, ensure_ascii=False))
        return
    state = "imported" if imported.is_new else "is here already"
    click.echo(
        f"{printable(plan.name)}: {state}, {plan.rows:,} rows, {plan.kind}, {printable(imported.id)}"
    )
    if options.model is not None:
        run = evals.run(plan, imported, options.model, options.limit)
        click.echo(f"  {printable(str(run.get('report_url')))}")


def _say_how_to_run(plans: Sequence[Plan], options: Options) -> None:
    """Say once with which command a run begins; of several evals it names none."""
    if not plans or options.is_print or options.model is not None:
        return
    if len(plans) > 1:
        name, is_judged, model = "NAME", True, "MODEL"
    else:
        [plan] = plans
        name, is_judged = quote(printable(plan.name)), plan.needs_judge
        model = "MODEL" if plan.messages else NO_MODEL
    given: list[tuple[str, Any]] = [("--from", options.place)]
    given += [("--judge", options.judge)] if is_judged else []
    given += [("--url", options.url), ("--project", options.project)]
    named = "".join(f" {key} {quote(str(value))}" for key, value in given if value is not None)
    click.echo(f"  evald import registry {name}{named} --run {model}")
