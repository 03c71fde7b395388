"""Hostile archives: nothing outside is read, what is broken is named, and the rest goes in."""

import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from evald.archive.reading.archive import Archive
from evald.archive.reading.archives import members
from evald.archive.reading.limits import Limits, Meter, TooMuch
from evald.archive.reading.members import Member
from evald.archive.reading.records import Record
from tests.importing_archive.history import Object, history
from tests.importing_archive.importing import assert_kept, counts, imported, read_back
from tests.importing_archive.shapes import (
    as_folder,
    indented,
    langfuse_folder,
    lines,
    pull_archive,
    whole,
)
from tests.server import EvaldServer

OUTSIDE = "its path leads out of the archive"


def tar_of(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def test_members_that_climb_out_and_those_that_are_no_files_are_left_out(
    server: EvaldServer, tmp_path: Path
) -> None:
    given, other = history("climbing", runs=1), history("climbed", runs=1)
    [(name, content)] = langfuse_folder(given).items()
    [evil] = langfuse_folder(other).values()
    path = tar_of(
        tmp_path / "evil.tgz",
        (tarfile.TarInfo("../../outside.json"), evil),
        (tarfile.TarInfo("/tmp/outside.json"), evil),
        special("link.json", tarfile.SYMTYPE, "/etc/passwd"),
        special("hard.json", tarfile.LNKTYPE, name),
        special("device.json", tarfile.CHRTYPE),
        special("pipe.json", tarfile.FIFOTYPE),
        (tarfile.TarInfo(name), content),
    )

    found = imported(server.url, path)

    assert found.returncode == 1
    assert found.stderr.count(OUTSIDE) == 2
    assert found.stderr.count("it is a link") == 2
    assert found.stderr.count("it is no file") == 2
    assert counts(found)["evals"]["imported"] == 1
    assert_kept(read_back(server, given.eval["id"]), given)
    assert server.ask("GET", f"/v1/evals/{other.eval['id']}").status == 404


def test_a_zip_is_read_as_a_tar_is(server: EvaldServer, tmp_path: Path) -> None:
    given = history("zipped", runs=1)
    link = zipfile.ZipInfo("link.json")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        for name, content in langfuse_folder(given).items():
            archive.writestr(name, content)
        archive.writestr("../outside.json", b"[]")
        archive.writestr("C:\\outside.json", b"[]")
        archive.writestr(link, "/etc/passwd")

    found = imported(server.url, tmp_path / "evil.zip")

    assert found.returncode == 1
    assert found.stderr.count(OUTSIDE) == 2
    assert found.stderr.count("it is a link") == 1
    assert_kept(read_back(server, given.eval["id"]), given)


def test_links_pipes_and_sockets_in_a_folder_are_not_followed(
    server: EvaldServer, tmp_path: Path
) -> None:
    given, other = history("linked", runs=1), history("behind-a-link", runs=1)
    outside = as_folder(langfuse_folder(other), tmp_path / "outside")
    folder = as_folder(langfuse_folder(given), tmp_path / "archive")
    (folder / "folder").symlink_to(outside)
    (folder / "file.json").symlink_to(outside / f"{other.eval['id']}.json")
    os.mkfifo(folder / "pipe.json")

    found = imported(server.url, folder)

    assert found.returncode == 1
    assert found.stderr.count("it is a link") == 2
    assert "pipe.json: it is no file" in found.stderr
    assert_kept(read_back(server, given.eval["id"]), given)
    assert server.ask("GET", f"/v1/evals/{other.eval['id']}").status == 404


@pytest.mark.parametrize("kind", ["zip", "tgz", "gz"])
def test_a_bomb_is_not_unpacked_to_its_end(server: EvaldServer, tmp_path: Path, kind: str) -> None:
    given = history(f"bomb-{kind}", runs=1)
    [(name, content)] = langfuse_folder(given).items()
    zeros = b"0" * 20_000_000
    path = tmp_path / f"bomb.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)
            archive.writestr("z", b"[" + zeros)
    elif kind == "tgz":
        tar_of(path, (tarfile.TarInfo(name), content), (tarfile.TarInfo("z"), b"[" + zeros))
    else:
        path.write_bytes(gzip.compress(content + b"[" + zeros))

    found = imported(server.url, path, "--max-gb", "0.01")

    assert found.returncode == 1
    assert "it unpacks to more than 0.01 GB (--max-gb raises this)" in found.stderr
    assert_kept(read_back(server, given.eval["id"]), given)


def test_what_unpacks_to_many_times_its_size_ends(tmp_path: Path) -> None:
    meter = Meter(Limits(ratio=100), packed=10 * 2**20)
    meter.read(1000 * 2**20)

    with pytest.raises(TooMuch, match="more than 100 times its size"):
        meter.read(1)


def test_a_zip_whose_list_is_larger_than_all_its_names_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "list.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = b"a comment"
        for number in range(100):
            archive.writestr(f"{number}".zfill(60), b"")

    with pytest.raises(TooMuch, match="--max-members"):
        list(members(path, Limits(members=5)))
    assert len(list(members(path, Limits(members=100)))) == 100


def test_a_tar_whose_headers_lie_breaks_nothing(tmp_path: Path) -> None:
    for headers in (
        *({"size": "-1"}, {"size": "-512"}, {"size": "1" + "0" * 30}, {"size": "x"}),
        *({"mtime": "inf"}, {"mtime": "nan"}, {"path": "../x"}, {"GNU.sparse.map": "0,1,x"}),
        {"GNU.sparse.size": "1000000000000", "GNU.sparse.offset": "0"},
    ):
        info = tarfile.TarInfo("a.json")
        info.pax_headers = headers
        with tarfile.open(tmp_path / "lies.tar", "w", format=tarfile.PAX_FORMAT) as archive:
            archive.addfile(info)
        archive_of_lies = Archive(tmp_path / "lies.tar", Limits())

        for each in archive_of_lies.members():
            if isinstance(each, Member):
                assert [
                    found for found in archive_of_lies.records(each) if isinstance(found, Record)
                ] == []


def test_more_files_than_allowed_are_not_read(server: EvaldServer, tmp_path: Path) -> None:
    folder = as_folder({f"{number}": b"" for number in range(20)}, tmp_path)

    found = imported(server.url, folder, "--max-members", "10")

    assert found.returncode == 1
    assert "it holds more than 10 files (--max-members raises this)" in found.stderr


def test_what_is_broken_is_named_with_its_place_and_the_rest_goes_in(
    server: EvaldServer, tmp_path: Path
) -> None:
    given = history("broken", runs=1, items=4)
    text = lines(given.items).split(b"\n")
    text[1:1] = [b'{"id": "cut off', b'{"id": "nan", "score": NaN}', b"\xff\xfe", b"\x00"]
    text[0:0] = [b'\xef\xbb\xbf{"id": "x", "object": "eval.run.output_item"}']
    text.append(b'{"object": "eval.run.output_item", "id": "deep", "a": ' + b"[" * 3000)
    files = pull_archive(given)
    folder = f"evals/{given.eval['id']}/runs/{given.runs[0]['id']}"
    files[f"{folder}/output_items.jsonl"] = b"\r\n".join(text)
    files["empty.json"] = b""
    files["page.json"] = b"<html>"
    files["half.json"] = indented([given.items[0], given.items[1]])[:-900]
    files["none.json"] = b"[]"
    files["README.md"] = b"What this is."

    found = imported(server.url, as_folder(files, tmp_path))

    assert found.returncode == 1
    assert "Traceback" not in found.stderr
    told = found.stderr.splitlines()
    for place in ("line 1", "line 3", "line 4", "line 5", "line 6", "line 11"):
        assert [each for each in told if f"output_items.jsonl, {place} (byte" in each], place
    assert "(byte 0), x: Missing required parameter: 'run_id'" in found.stderr.replace("\n", " ")
    assert [each for each in told if ", nan: it is not valid JSON" in each]
    assert [each for each in told if each.endswith("the text is cut off")]
    assert "  empty.json: it is empty" in told
    assert "  page.json: it is no JSON" in told
    assert "none.json" not in found.stdout + found.stderr
    assert "Passed over, for nothing in it is known: README.md" in found.stdout
    assert_kept(read_back(server, given.eval["id"]), given)


WRONG: list[object] = [None, True, -1, 1.5, 10**25, "x\x00y", "../..", [], [[]], {}, {"id": {}}]


def test_a_wrong_type_in_any_field_is_refused_or_kept_and_breaks_nothing(
    server: EvaldServer, tmp_path: Path
) -> None:
    given = history("types", runs=1, items=1)
    wrong = [
        {**value, key: other, **({} if key == "id" else {"id": f"{value['id']}-{key}-{number}"})}
        for value in (given.eval, given.runs[0], given.items[0])
        for key in value
        for number, other in enumerate(WRONG)
    ]
    files = {"wrong.json": whole(wrong), **langfuse_folder(given)}

    found = imported(server.url, as_folder(files, tmp_path))
    again = imported(server.url, tmp_path)

    assert found.returncode == again.returncode == 1
    assert "Traceback" not in found.stderr + server.log()
    assert counts(again)["evals"]["imported"] == 0
    eval_path = f"/v1/evals/{given.eval['id']}"
    assert server.ask("GET", eval_path).json["name"] == given.eval["name"]


def test_an_id_that_comes_twice_is_kept_once_and_the_other_is_named(
    server: EvaldServer, tmp_path: Path
) -> None:
    given = history("twice", runs=1, items=2)
    other: Object = {**given.items[0], "datasource_item": {"text": "another"}}
    files = {**langfuse_folder(given), "z.jsonl": lines([given.items[1], other])}

    found = imported(server.url, as_folder(files, tmp_path))

    assert found.returncode == 1
    assert counts(found)["output items"] == {"imported": 2, "there already": 1, "different": 1}
    assert (
        f"z.jsonl, line 2 (byte {len(whole(given.items[1])) + 1}), {other['id']}: " in found.stderr
    )
    assert_kept(read_back(server, given.eval["id"]), given)
