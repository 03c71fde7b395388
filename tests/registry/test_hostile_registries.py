"""A registry may be anyone's: nothing in it leads out of it, grows without bounds, or is run."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evald.openai_registry import files, rows
from evald.openai_registry.files import NoRegistry, open_registry
from evald.openai_registry.specs import Unusable, read_registry
from evald.openai_registry.turning import plan_of
from tests.registry import made
from tests.registry.made import ROW, entry
from tests.server import evald_ended

GOOD = {"one.dev": entry("Match")}


def reason(folder: Path, data: str = "rows.jsonl") -> str:
    """Say why an eval over this data file is left out."""
    made.write(folder, made.files_of({"one.dev": entry("Match", data)}, {}))
    read = made.opened(folder)
    with pytest.raises(Unusable) as error:
        plan_of(read.spec("one.dev"), read)
    return str(error.value)


@pytest.mark.parametrize(
    "data",
    ["../secret.jsonl", "a/../../secret.jsonl", "/etc/passwd", "a//b", "a\\b", "./rows.jsonl"],
)
def test_a_path_out_of_the_registry_is_refused(tmp_path: Path, data: str) -> None:
    made.write(tmp_path, {"registry/secret.jsonl": made.jsonl([ROW])})

    assert "its path leads out of the registry" in reason(tmp_path, data)


@pytest.mark.parametrize("path", ["rows.jsonl", "inside/rows.jsonl"])
def test_a_link_is_not_followed(tmp_path: Path, path: str) -> None:
    outside = made.write(tmp_path / "outside", {"rows.jsonl": made.jsonl([ROW])}) / "evals"
    data = made.write(tmp_path, {"registry/data/x": ""}) / "evals/registry/data"
    if "/" in path:
        (data / "inside").symlink_to(outside)
    else:
        (data / path).symlink_to(outside / path)

    assert "it is a link" in reason(tmp_path, path) or "Not a directory" in reason(tmp_path, path)


def test_a_linked_yaml_file_is_not_read(tmp_path: Path) -> None:
    made.write(tmp_path, made.files_of(GOOD, {}))
    yaml = tmp_path / "evals/registry/evals/some.yaml"
    yaml.rename(tmp_path / "some.yaml")
    yaml.symlink_to(tmp_path / "some.yaml")

    assert made.opened(tmp_path).names == []


def test_a_pipe_and_a_folder_are_no_rows_and_nothing_waits(tmp_path: Path) -> None:
    data = made.write(tmp_path, {"registry/data/folder/x": ""}) / "evals/registry/data"
    os.mkfifo(data / "pipe")

    assert "it is no file" in reason(tmp_path, "pipe")
    assert "it is no file" in reason(tmp_path, "folder")


def test_a_pointer_of_git_lfs_is_told_from_rows(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"
    made.write(tmp_path, {"registry/data/rows.jsonl": pointer})

    assert "git-lfs has left a pointer in its place" in reason(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"input": NaN}', "line 1 is no JSON"),
        ("[" * 100_000, "line 1 is no JSON"),
        ('{"input": "\\ud800", "ideal": ""}', "line 1 is no JSON"),
        ("[]", "line 1 is no object"),
        ("\n \n", "has no rows"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, text: str, said: str) -> None:
    made.write(tmp_path, {"registry/data/rows.jsonl": text})

    assert said in reason(tmp_path)


@pytest.mark.parametrize(
    ("limit", "size", "line"), [("LONGEST_LINE", 50, 1), ("LARGEST_FILE", 100, 2)]
)
def test_of_data_only_so_much_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, size: int, line: int
) -> None:
    monkeypatch.setattr(rows, limit, size)
    made.write(tmp_path, {"registry/data/rows.jsonl": made.jsonl([ROW] * 2)})

    assert reason(tmp_path) == f"rows.jsonl, line {line}: it is too large"


BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcd", "bcde"))  # noqa: B905


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "it has aliases, as *name, which are not followed"),
        ("a: &a {b: 1}\nc: {<<: *a}\n", "it has aliases"),
        ("[" * 200 + "]" * 200, "more than 50 levels"),
        ("a: [" + "x," * 100_001 + "]", "more than 100,000 values"),
        ("a: !!python/object/apply:os.system ['true']", "it is no YAML that can be read"),
        ("a: [1", "it is no YAML that can be read"),
        ("[1, 2]", "it is no mapping of names"),
        ("1: {class: x}", "it is no mapping of names"),
        ("x" * (files.LARGEST_TEXT + 1), "it is larger than 1,048,576 bytes"),
        ("a: 2000-99-99", "it is no YAML that can be read"),
        ("a: [1]", "'a' is no mapping"),
    ],
)
def test_yaml_that_is_broken_or_would_grow_is_named_and_the_rest_is_read(
    tmp_path: Path, text: str, said: str
) -> None:
    made.write(tmp_path, made.files_of(GOOD, {"rows.jsonl": [ROW]}))
    made.write(tmp_path, {"registry/evals/bad.yaml": text})

    read = made.opened(tmp_path)

    (named,) = read.broken
    assert named.startswith("registry/evals/bad.yaml: ")
    assert said in named
    assert read.names == ["one.dev"]


def test_names_that_lead_in_a_circle_or_nowhere_are_left_out(tmp_path: Path) -> None:
    evals = {"a": {"id": "b"}, "b": {"id": "a"}, "c": {"id": "gone"}, "d": "one.dev", **GOOD}
    read = made.registry(tmp_path, evals)

    assert read.matching("d") == ["one.dev"]
    assert read.names == ["one.dev"]
    (gone,) = read.matching("c")
    for name in (gone, *read.matching("a")):
        with pytest.raises(Unusable):
            plan_of(read.spec(name), read)


def test_a_star_stands_for_any_text_and_nothing_else_does(tmp_path: Path) -> None:
    evals = {"a.b.dev": entry("Match"), "aXb.dev": entry("Match"), "a.b": {"id": "a.b.dev"}}
    read = made.registry(tmp_path, evals)

    assert read.matching("a.b*") == ["a.b.dev"]
    assert read.matching("*") == ["a.b.dev", "aXb.dev"]
    assert read.matching("a.b") == ["a.b.dev"]
    assert read.matching("[a].*") == []


def with_member(place: Path, name: str) -> Path:
    made.write_wheel(place, made.files_of(GOOD, {"rows.jsonl": [ROW]}))
    with zipfile.ZipFile(place, "a") as wheel:
        wheel.writestr(name, "x: {class: y}")
    return place


@pytest.mark.parametrize(
    "name",
    ["evals/registry/evals/../../../x.yaml", "/etc/x.yaml", "evals/registry/evals/in/x.yaml"],
)
def test_a_member_of_a_wheel_outside_its_place_is_not_read(tmp_path: Path, name: str) -> None:
    read = made.opened(with_member(tmp_path / "evals.whl", name))

    assert (read.names, read.broken, read.files.version) == (["one.dev"], [], "9.9")


def test_a_wheel_of_which_a_member_is_broken_names_it(tmp_path: Path) -> None:
    place = made.write_wheel(
        tmp_path / "evals.whl", made.files_of(GOOD, {"rows.jsonl": [ROW] * 99})
    )
    content = place.read_bytes()
    with zipfile.ZipFile(place) as wheel:
        at = wheel.getinfo("evals/registry/data/rows.jsonl").header_offset + 70
    place.write_bytes(content[:at] + bytes(20) + content[at + 20 :])
    read = made.opened(place)

    with pytest.raises(Unusable) as error:
        plan_of(read.spec("one.dev"), read)
    assert "the wheel is broken" in str(error.value)


def test_a_wheel_that_would_unpack_without_end_is_read_to_a_limit(tmp_path: Path) -> None:
    bombs = {**made.files_of(GOOD, {}), "registry/data/rows.jsonl": " " * 40_000_000}
    bombs["registry/evals/bad.yaml"] = "#" * 40_000_000
    read = made.opened(made.write_wheel(tmp_path / "evals.whl", bombs))

    assert read.broken == ["registry/evals/bad.yaml: it is larger than 1,048,576 bytes"]
    with pytest.raises(Unusable, match="line 1: it is too large"):
        plan_of(read.spec("one.dev"), read)


def nothing(folder: Path) -> Path:
    return folder


def missing(folder: Path) -> Path:
    return folder / "gone"


def no_zip(folder: Path) -> Path:
    (folder / "a.whl").write_text("no zip")
    return folder / "a.whl"


def empty_wheel(folder: Path) -> Path:
    return made.write_wheel(folder / "a.whl", {})


@pytest.mark.parametrize("place", [nothing, missing, no_zip, empty_wheel])
def test_where_no_registry_is_it_says_how_to_get_one(
    tmp_path: Path, place: Callable[[Path], Path]
) -> None:
    with pytest.raises(NoRegistry, match="pip install --no-deps evals"):
        open_registry(place(tmp_path))


@pytest.mark.parametrize("inner", ["", "evals", "evals/registry"])
def test_a_checkout_is_found_from_its_top_and_from_its_folders(tmp_path: Path, inner: str) -> None:
    made.write(tmp_path, made.files_of(GOOD, {"rows.jsonl": [ROW]}))
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "evals"\nversion = "3.1"\n')

    read = read_registry(open_registry(tmp_path / inner))

    assert (read.names, read.files.version) == (["one.dev"], "3.1")


def test_what_a_terminal_would_obey_is_not_printed(tmp_path: Path) -> None:
    evals: dict[str, Any] = {"red\x1b[31m.dev": {"class": "a:\x1b[2J"}}
    place = made.write(tmp_path, made.files_of(evals, {}))

    listed = evald_ended("import", "registry", "--list", "--from", str(place))

    assert "red?[31m.dev" in listed.stdout
    assert "\x1b" not in listed.stdout + listed.stderr
