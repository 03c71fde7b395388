"""The code that goes along with an export: evald's own graders, as a package that stands alone."""

import ast
import re
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Final

from evald import __version__

PACKAGE: Final = "evald_graders"
HEAD: Final = (
    f'"""The graders of evald {__version__}, copied by its export (Apache-2.0).\n\n'
    'They need the packages orjson, pydantic, rapidfuzz and typing-extensions.\n"""\n'
)
_IMPORT = re.compile(r"^(\s*(?:from|import) )evald\b", re.MULTILINE)


def standalone(module: str) -> str:
    """Give the source of a module, importing from the package that goes along."""
    return _IMPORT.sub(rf"\g<1>{PACKAGE}", _source(module))


def package_of(roots: Sequence[str]) -> dict[str, str]:
    """Give the files of a package that has all that these modules import of evald, by their paths."""
    modules, waiting = set[str](), list(roots)
    while waiting:
        module = waiting.pop()
        if module not in modules:
            modules.add(module)
            waiting += _imported(module)
    files = {f"{PACKAGE}/__init__.py": HEAD}
    for module in sorted(modules - {"evald"}):
        path = "/".join([PACKAGE, *module.split(".")[1:]])
        files[f"{path}/__init__.py" if _is_package(module) else f"{path}.py"] = standalone(module)
    return files


def _imported(module: str) -> Iterator[str]:
    """Give the modules of evald that a module imports, and the packages that they are in."""
    for statement in ast.walk(ast.parse(_source(module))):
        if isinstance(statement, ast.ImportFrom) and statement.module:
            names = [statement.module, *(f"{statement.module}.{n.name}" for n in statement.names)]
            for name in names:
                if name.split(".")[0] == "evald" and _is_module(name):
                    yield name
    above, _, _ = module.rpartition(".")
    if above:
        yield above


def _is_package(module: str) -> bool:
    return _place(module).is_dir()


def _is_module(module: str) -> bool:
    place = _place(module)
    return place.is_dir() or _file(module).is_file()


def _source(module: str) -> str:
    return _file(module).read_text(encoding="utf-8")


def _file(module: str) -> resources.abc.Traversable:
    place = _place(module)
    if place.is_dir():
        return place / "__init__.py"
    *above, last = module.split(".")[1:]
    return resources.files("evald").joinpath(*above, f"{last}.py")


def _place(module: str) -> resources.abc.Traversable:
    return resources.files("evald").joinpath(*module.split(".")[1:])
