"""The shapes in which archives lie on disks."""

import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.importing_archive.history import History, Object

Files = dict[str, bytes]
Shape = Callable[[History], Files]


def whole(value: object) -> bytes:
    return json.dumps(value).encode()


def indented(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode()


def lines(values: Sequence[object], end: bytes = b"\n") -> bytes:
    return b"".join(whole(each) + end for each in values)


def a_page(values: Sequence[Object]) -> Object:
    ids = {"first_id": values[0]["id"], "last_id": values[-1]["id"], "has_more": False}
    return {"object": "list", "data": list(values), **ids}


def pull_archive(found: History) -> Files:
    top = f"evals/{found.eval['id']}"
    files = {
        "manifest.json": indented({"format": "evald archive", "version": 1, "is_complete": True}),
        "failures.jsonl": b"",
        ".lock": b"",
        f"{top}/eval.json": indented(found.eval),
    }
    for run in found.runs:
        files[f"{top}/runs/{run['id']}/run.json"] = indented(run)
        files[f"{top}/runs/{run['id']}/output_items.jsonl"] = lines(found.items_of(run))
    return files


def langfuse_folder(found: History) -> Files:
    runs = [{"run": each, "output_items": found.items_of(each)} for each in found.runs]
    rows = [each["datasource_item"] for each in found.items]
    return {f"{found.eval['id']}.json": indented({"eval": found.eval, "rows": rows, "runs": runs})}


def codereview_folders(found: History) -> Files:
    files: Files = {}
    for run in found.runs:
        files |= {
            f"{run['id']}/eval.json": indented(found.eval),
            f"{run['id']}/run.json": indented(run),
            f"{run['id']}/output_items.json": indented(found.items_of(run)),
            f"{run['id']}/summary.json": indented({"passed": 1, "failed": 1}),
        }
    return files


def pages(found: History) -> Files:
    return {
        "evals.json": whole(a_page([found.eval])),
        "runs.json": whole(a_page(found.runs)),
        **{f"{each['id']}.json": indented(a_page(found.items_of(each))) for each in found.runs},
    }


def curl_aggregates(found: History) -> Files:
    return {
        "1": whole({"object": "list", "data": list(found.items)}),
        "2": whole({"object": "list", "data": list(found.runs)}),
        "3": whole({"object": "list", "data": [found.eval]}),
    }


def bare_lists(found: History) -> Files:
    return {"all.json": whole([*found.items, *found.runs, found.eval])}


def json_lines(found: History) -> Files:
    return {"dump.txt": lines([*found.items, found.eval, *found.runs], b"\r\n")}


def objects_in_objects(found: History) -> Files:
    runs = [{**each, "output_items": a_page(found.items_of(each))} for each in found.runs]
    by_id = {each["id"]: each for each in runs}
    return {"deep.json": indented([{**found.eval, "runs": by_id}])}


def one_after_the_other(found: History) -> Files:
    return {
        "jq.out": b"\n".join(indented(each) for each in (found.eval, *found.runs, *found.items))
    }


def utf_16(found: History) -> Files:
    text = indented([found.eval, *found.runs, *found.items]).decode()
    return {"powershell.json": text.encode("utf-16")}


SHAPES: Mapping[str, Shape] = {
    each.__name__: each
    for each in (
        *(pull_archive, langfuse_folder, codereview_folders, pages, curl_aggregates, bare_lists),
        *(json_lines, objects_in_objects, one_after_the_other, utf_16),
    )
}


def as_folder(files: Files, folder: Path) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def as_zip(files: Files, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def as_tar(files: Files, path: Path, mode: str = "w:gz") -> Path:
    folder = as_folder(files, path.with_name(f"{path.name}.files"))
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        archive.add(folder, arcname="dump")
    return path
