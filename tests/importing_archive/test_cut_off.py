"""Archives that break in the middle: what came before the break is read, and the break is said."""

import gzip
import tarfile
import zipfile
from pathlib import Path

import pytest

from evald.archive.reading.archive import Archive
from evald.archive.reading.limits import Limits
from evald.archive.reading.members import Member
from evald.archive.reading.records import Broken, Record
from tests.importing_archive.shapes import lines

ITEMS = 20_000
LINES = lines(
    [
        {"object": "eval.run.output_item", "id": f"{number * 7919 % ITEMS}", "run_id": "run"}
        for number in range(ITEMS)
    ]
)


def read(path: Path) -> tuple[int, list[str]]:
    """Give how many objects an archive has, and what is said of what it has not."""
    archive = Archive(path, Limits())
    found: list[Record | Broken] = []
    for member in archive.members():
        found += archive.records(member) if isinstance(member, Member) else [member]
    broken = [each.reason for each in found if isinstance(each, Broken)]
    return len(found) - len(broken), broken


def unpacked(path: Path) -> bytes:
    """Give what gzip makes of a file, up to where it breaks."""
    found = b""
    with gzip.open(path) as file:
        try:
            while piece := file.read1():
                found += piece
        except EOFError:
            pass
    return found


def cut(path: Path) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 9 // 10])
    return path


def test_of_a_gzip_that_was_cut_off_every_whole_line_is_read(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl.gz"
    path.write_bytes(gzip.compress(LINES))

    items, broken = read(cut(path))

    assert items == unpacked(path).count(b"\n") > ITEMS // 2
    assert broken == ["Compressed file ended before the end-of-stream marker was reached"]


@pytest.mark.parametrize("is_packed", [True, False])
def test_of_a_tar_that_was_cut_off_every_whole_line_is_read(
    tmp_path: Path, is_packed: bool
) -> None:
    (tmp_path / "items.jsonl").write_bytes(LINES)
    path = tmp_path / "items.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(tmp_path / "items.jsonl", "items.jsonl")
    if is_packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    cut(path)
    content = unpacked(path) if is_packed else path.read_bytes()

    items, broken = read(path)

    assert items == content.count(b"}\n") > ITEMS // 2
    assert len(broken) >= 1


def test_of_a_zip_whose_bytes_are_damaged_most_of_what_comes_before_is_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "items.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("items.jsonl", LINES)
    content = bytearray(path.read_bytes())
    at = len(content) * 9 // 10
    content[at : at + 256] = b"\xff" * 256
    path.write_bytes(content)

    items, broken = read(path)

    assert items > ITEMS // 2
    assert len(broken) >= 1


def test_a_gzip_that_breaks_at_once_is_said(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl.gz"
    path.write_bytes(gzip.compress(LINES)[:12])

    assert read(path) == (
        0,
        [
            "Compressed file ended before the end-of-stream marker was reached; "
            "nothing behind it is read"
        ],
    )
