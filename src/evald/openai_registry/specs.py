"""The evals of the registry by their names: YAML read with bounds, aliases followed, splits found."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

import yaml

from evald.contract.json_types import JsonObject
from evald.openai_registry.files import RegistryFiles, Unreadable, text_of

MOST_VALUES: Final = 100_000
"""Values in one YAML file."""
DEEPEST: Final = 50
MOST_ALIASES: Final = 20
"""Names that lead to other names before an eval is given up."""
# The C parser is ten times faster; a PyYAML without it has the same one in Python.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unusable(Exception):
    """An eval cannot be turned into ours. The message says why."""


@dataclass(frozen=True)
class EvalSpec:
    """An eval as the registry describes it, its aliases followed."""

    name: str
    class_name: str
    """The Python class that carries it out there, as `evals.elsuite.basic.match:Match`."""
    args: JsonObject

    @property
    def short_class(self) -> str:
        """Give the class without its module."""
        return self.class_name.rpartition(":")[2]


@dataclass
class Registry:
    """Everything that the YAML files of a registry say."""

    files: RegistryFiles
    evals: dict[str, JsonObject] = field(default_factory=dict)
    """By name. One with an `id` is another name of the eval with that name."""
    graders: dict[str, JsonObject] = field(default_factory=dict)
    """The model-graded specs, by name."""
    broken: list[str] = field(default_factory=list)
    """The files, and entries of files, that could not be taken, each with the reason."""

    @property
    def names(self) -> list[str]:
        """Give the names of all evals, without their other names."""
        return [name for name, entry in self.evals.items() if "id" not in entry]

    def matching(self, pattern: str) -> list[str]:
        """Give the names of the evals that are meant, in the order of the registry.

        `*` stands for any text. A name without a split is one of the other names.
        """
        form = re.compile(
            ".*".join(re.escape(part) for part in re.split(r"\*+", pattern)), re.DOTALL
        )
        found: dict[str, None] = {}
        for name in self.evals:
            if form.fullmatch(name):
                found[self._followed(name)] = None
        return list(found)

    def close_to(self, name: str) -> list[str]:
        """Give names that are like one that is not there."""
        return get_close_matches(name, self.evals, n=3)

    def spec(self, name: str) -> EvalSpec:
        """Give an eval by its name. Raises Unusable."""
        entry = self.evals.get(name)
        if entry is None:
            raise Unusable("it is another name of an eval that is not there")
        class_name, args = entry.get("class"), entry.get("args") or {}
        if not isinstance(class_name, str):
            raise Unusable("it names no class")
        if not isinstance(args, dict):
            raise Unusable("its args are no mapping")
        return EvalSpec(name, class_name, args)

    def _followed(self, name: str) -> str:
        for _ in range(MOST_ALIASES):
            target = self.evals.get(name, {}).get("id")
            if not isinstance(target, str):
                break
            name = target
        return name


def read_registry(files: RegistryFiles) -> Registry:
    """Read all YAML files of a registry. One that is broken is named, and the rest is read."""
    registry = Registry(files)
    _read_folder(registry, "registry/evals", registry.evals)
    _read_folder(registry, "registry/modelgraded", registry.graders)
    return registry


def _read_folder(registry: Registry, folder: str, into: dict[str, JsonObject]) -> None:
    for file in registry.files.names(folder):
        if not file.endswith(".yaml"):
            continue
        path = f"{folder}/{file}"
        try:
            entries = _entries(text_of(registry.files, path))
        except Unreadable as error:
            registry.broken.append(f"{path}: {error}")
            continue
        for name, entry in entries.items():
            if name in into:
                registry.broken.append(f"{path}: '{name}' is in another file, too")
            elif isinstance(entry, str):  # the short form of another name
                into[name] = {"id": entry}
            elif isinstance(entry, dict):
                into[name] = entry
            else:
                registry.broken.append(f"{path}: '{name}' is no mapping")


def _entries(text: str) -> Mapping[str, Any]:
    """Give the entries of a YAML file. Raises Unreadable."""
    try:
        _check_size(yaml.parse(text, Loader=_LOADER))
        found = yaml.load(text, Loader=_LOADER)  # noqa: S506  (a safe loader, in C where there is one)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:300]
        raise Unreadable(f"it is no YAML that can be read: {reason}") from None
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise Unreadable("it is no mapping of names")
    return found


def _check_size(events: Iterator[yaml.Event]) -> None:
    """Refuse what would grow or nest without bounds. Raises Unreadable."""
    values = depth = 0
    for event in events:
        # The registry has none, and a few of them make a billion values of ten.
        if isinstance(event, yaml.AliasEvent):
            raise Unreadable("it has aliases, as *name, which are not followed")
        values += isinstance(event, yaml.NodeEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if values > MOST_VALUES or depth > DEEPEST:
            raise Unreadable(
                f"it has more than {MOST_VALUES:,} values, or more than {DEEPEST} levels"
            )


def known_args(spec: EvalSpec, *names: str) -> None:
    """See that an eval has no argument but these. Raises Unusable."""
    for name in spec.args:
        if name not in names:
            raise Unusable(f"its argument '{name}' is not known")


def text_arg(args: JsonObject, name: str) -> str:
    """Give an argument that is a text. Raises Unusable."""
    value = args.get(name)
    if not isinstance(value, str) or not value:
        raise Unusable(f"its argument '{name}' is no text")
    return value


def count_arg(args: JsonObject, name: str, default: int) -> int:
    """Give an argument that is a whole number from 0 on. Raises Unusable."""
    value = args.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Unusable(f"its argument '{name}' is no number")
    return value


def flag_arg(args: JsonObject, name: str) -> bool:
    """Give an argument that is true or false; false where it is not there. Raises Unusable."""
    value = args.get(name, False)
    if not isinstance(value, bool):
        raise Unusable(f"its argument '{name}' is neither true nor false")
    return value


def object_arg(args: JsonObject, name: str) -> JsonObject:
    """Give an argument that is a mapping, empty where it is not there. Raises Unusable."""
    value = args.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unusable(f"its argument '{name}' is no mapping")
    return value


def texts(values: Sequence[object]) -> bool:
    """Say whether all of these are texts."""
    return all(isinstance(value, str) for value in values)
