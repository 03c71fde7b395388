"""`evald import registry` against a real server: what it makes, says and leaves alone."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from tests.importing_archive.proxy import Instead, Proxy
from tests.isolation import needs_isolation
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.registry import made
from tests.registry.made import CHAT, entry, imported
from tests.runs.making import asked, get_final, items_of
from tests.server import (
    CHECKOUT,
    ENDED_WITHIN_S,
    EvaldServer,
    evald_environment,
)
from tests.waiting import until

ROWS: list[dict[str, Any]] = [
    {"input": CHAT, "ideal": "blue"},
    {"input": "Say red.", "ideal": "red", "note": "ü"},
    {"input": "Say it.", "ideal": "it"},
]
EVALS = {
    "colours": {"id": "colours.dev"},
    "colours.dev": entry("Includes"),
    "begins.dev": entry("Match"),
    "judged.dev": entry("ModelBasedClassify", modelgraded_spec="quality"),
    "answered.dev": entry("ModelBasedClassify", "answers.jsonl", modelgraded_spec="quality"),
    "lost.dev": entry("Match", "lost.jsonl"),
    "other.dev": {"class": "evals.elsuite.lambada:Lambada"},
}
ANSWERS = [{"input": "Say blue.", "completion": "blue"}]
FILES = made.files_of(EVALS, {"rows.jsonl": ROWS, "answers.jsonl": ANSWERS})
GOOD = Step(text='{"steps": [], "result": "Good"}')


@pytest.fixture(scope="module")
def server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    needs_isolation()
    with EvaldServer(tmp_path_factory.mktemp("evald"), upstream=model_process.url) as server:
        yield server
        assert "Traceback" not in server.log()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A registry of a version of its own, so that no test finds the evals of another."""
    folder = made.write(tmp_path, FILES)
    (folder / "pyproject.toml").write_text(
        f'version = "0+{tmp_path.name[-30:].replace("_", ".")}"\n'
    )
    return folder


def evals_of(server: EvaldServer, place: Path) -> dict[str, Any]:
    """Give the evals that came from a registry, by their names."""
    version = (place / "pyproject.toml").read_text().split('"')[1]
    found = asked(server, "GET", "/v1/evals?limit=1000")["data"]
    ours = [each for each in found if each["metadata"].get("registry_version") == version]
    return {each["name"]: each for each in ours}


def test_an_eval_is_made_with_its_rows_and_says_where_it_is_from(
    server: EvaldServer, place: Path
) -> None:
    done = imported(server, place, "colours")

    (made_,) = evals_of(server, place).values()
    metadata = made_["metadata"]
    data_source = json.loads(metadata.pop("registry_run"))
    assert done.returncode == 0
    assert f"colours.dev: imported, 3 rows, string_check, {made_['id']}" in done.stdout
    assert made_["name"] == "colours.dev"
    assert metadata.pop("registry_version").startswith("0+")
    assert metadata == {
        "registry": "openai/evals",
        "registry_eval": "colours.dev",
        "registry_class": "evals.elsuite.basic.includes:Includes",
        "registry_rows": "3",
    }
    lines = server.ask("GET", f"/v1/files/{data_source['source']['id']}/content").body.splitlines()
    assert [json.loads(line)["item"]["ideal"] for line in lines] == ["blue", "red", "it"]


def test_a_second_import_finds_the_eval_and_changes_nothing(
    server: EvaldServer, place: Path
) -> None:
    imported(server, place, "colours", "begins.dev")
    before = evals_of(server, place)
    files = asked(server, "GET", "/v1/files")["data"]

    done = imported(server, place, "*", "colours")

    assert done.returncode == 0
    assert f"colours.dev: is here already, 3 rows, string_check, {before['colours.dev']['id']}" in (
        done.stdout
    )
    assert "0 imported, 2 were there already, 4 left out, 0 refused by the server." in done.stderr
    assert evals_of(server, place) == before
    assert asked(server, "GET", "/v1/files")["data"] == files


def test_a_file_that_an_import_left_when_it_was_ended_is_taken_again(
    server: EvaldServer, place: Path
) -> None:
    imported(server, place, "colours")
    (first,) = evals_of(server, place).values()
    asked(server, "DELETE", f"/v1/evals/{first['id']}")

    imported(server, place, "colours")

    (second,) = evals_of(server, place).values()
    assert second["metadata"]["registry_run"] == first["metadata"]["registry_run"]


def test_a_run_begins_at_once_and_asks_the_model_as_the_registry_does(
    server: EvaldServer, place: Path, models: ModelServer
) -> None:
    done = imported(server, place, "colours", "--run", "scripted", "--limit", "2")

    (made_,) = evals_of(server, place).values()
    (run,) = asked(server, "GET", f"/v1/evals/{made_['id']}/runs")["data"]
    assert run["report_url"] in done.stdout
    assert get_final(server, run)["result_counts"]["total"] == 2
    by_row = items_of(server, run, "order_by=datasource_item_id")
    assert [item["sample"]["input"] for item in by_row] == [
        CHAT,
        [{"role": "system", "content": "Say red."}],
    ]
    assert by_row[1]["datasource_item"] == {
        **ROWS[1],
        "evald": {"messages": [{"role": "system", "content": "Say red."}]},
    }
    assert all("temperature" not in each.body for each in models.requests())


def test_what_print_gives_is_the_body_of_a_run_for_the_sdk(
    server: EvaldServer, place: Path, models: ModelServer
) -> None:
    done = imported(server, place, "begins.dev", "--print", "--run", "scripted")

    (made_,) = evals_of(server, place).values()
    assert asked(server, "GET", f"/v1/evals/{made_['id']}/runs")["data"] == []
    with OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
        run = client.evals.runs.create(**json.loads(done.stdout))
        source: Any = json.loads(made_["metadata"]["registry_run"])
        source["model"] = "scripted"
        from_metadata = client.evals.runs.create(made_["id"], data_source=source)
    for each in (run, from_metadata):
        final = get_final(server, each.to_dict())
        assert final["result_counts"] == {"total": 3, "passed": 0, "failed": 3, "errored": 0}
    assert {each.body["temperature"] for each in models.requests()} == {0}


def test_model_graded_evals_are_another_eval_for_each_judge_and_need_one(
    server: EvaldServer, place: Path, models: ModelServer
) -> None:
    models.script(GOOD)
    unjudged = imported(server, place, "judged.dev")
    imported(server, place, "judged.dev", "--judge", "one")
    done = imported(server, place, "judged.dev", "answered.dev", "--judge", "two", "--run", "-")

    assert unjudged.returncode == 1
    assert "judged.dev is left out: a judge has to label its answers" in unjudged.stderr
    assert "2 imported, 0 were there already" in done.stderr
    answered = evals_of(server, place)["answered.dev"]
    assert answered["metadata"]["registry_judge"] == "two"
    assert json.loads(answered["metadata"]["registry_scores"]) == {"Good": 1.0, "Bad": 0.0}
    (run,) = asked(server, "GET", f"/v1/evals/{answered['id']}/runs")["data"]
    assert get_final(server, run)["result_counts"]["passed"] == 1
    (item,) = items_of(server, run)
    assert item["results"][0]["sample"]["input"][0]["content"].startswith("Is blue a good answer")


def test_a_name_that_the_registry_has_not_stops_no_other(server: EvaldServer, place: Path) -> None:
    done = imported(server, place, "colour", "begins.dev", "none*")
    listed = imported(None, place, "colour", "begins.dev", "--list")

    assert (done.returncode, listed.returncode) == (1, 1)
    assert "The registry has no eval 'colour'. Did you mean colours" in done.stderr
    assert "The registry has no eval 'none*'." in done.stderr
    assert list(evals_of(server, place)) == ["begins.dev"]
    assert "begins.dev  Match" in listed.stdout


def test_the_command_of_a_run_is_said_once_however_many_evals_come(
    server: EvaldServer, place: Path
) -> None:
    one = imported(server, place, "colours").stdout.splitlines()
    several = imported(server, place, "--all", "--judge", "one").stdout.splitlines()

    options = f"--from {place} --url {server.url} --run MODEL"
    assert one[1:] == [f"  evald import registry colours.dev {options}"]
    assert [each for each in several if "evald import registry" in each] == [
        f"  evald import registry NAME --from {place} --judge one --url {server.url} --run MODEL"
    ]


def test_an_import_that_is_stopped_says_what_is_kept(server: EvaldServer, place: Path) -> None:
    command = [sys.executable, "-m", "evald", "import", "registry", "--from", str(place), "--all"]
    with Proxy(server.port) as proxy:

        def evals_sent() -> int:
            return sum(b"testing_criteria" in body for body in proxy.posts)

        proxy.fault = lambda _: Instead("hold") if evals_sent() == 2 else None
        process = subprocess.Popen(
            [*command, "--url", proxy.url],
            cwd=CHECKOUT,
            env=evald_environment({}),
            stderr=subprocess.PIPE,
            text=True,
        )
        until(lambda: evals_sent() == 2)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=ENDED_WITHIN_S)

    assert process.returncode == 130
    assert "Stopped. What was sent is kept; the same command goes on from there." in said
    assert "1 imported, 0 were there already" in said
    assert len(evals_of(server, place)) == 1


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        ((), 1, "Name evals, or ask for --list or --all."),
        (("colours", "--all"), 1, "Name evals, or ask for --all, not both."),
        (("colour",), 1, "Did you mean colours"),
        (("lost.dev",), 1, "lost.dev is left out: lost.jsonl cannot be read: No such file"),
        (("other.dev",), 1, "the class Lambada is not one that evald can turn"),
        (("lost*",), 0, "0 imported, 0 were there already, 1 left out"),
        (("colours", "--project", "elsewhere"), 1, "Nothing was imported. 40"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_exit_status(
    server: EvaldServer, place: Path, options: tuple[str, ...], status: int, said: str
) -> None:
    done = imported(server, place, *options)

    assert (done.returncode, said in done.stderr) == (status, True), done.stderr


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "ftp://a", "http://[", "http://a:b"])
def test_a_server_that_does_not_answer_is_said_once(place: Path, url: str) -> None:
    done = imported(None, place, "--all", "--url", url)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert url in done.stderr


def test_a_list_says_what_each_eval_becomes_and_why_not(place: Path) -> None:
    listed = imported(None, place, "--list").stdout.splitlines()

    becomes = {line.split()[0]: line.split(maxsplit=3)[1:] for line in listed[1:]}
    assert becomes["colours.dev"] == ["Includes", "3", "string_check"]
    assert becomes["judged.dev"] == ["ModelBasedClassify", "3", "label_model, with --judge MODEL"]
    assert " ".join(becomes["lost.dev"]).startswith("Match nothing: lost.jsonl cannot be read")
    assert " ".join(becomes["other.dev"]).startswith("Lambada nothing: the class Lambada")


def test_an_installed_package_is_found_and_none_of_its_code_is_run(tmp_path: Path) -> None:
    made.write(tmp_path, {**FILES, "__init__.py": "raise SystemExit('it was imported')\n"})
    metadata = tmp_path / "evals-3.9.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: evals\nVersion: 3.9\n")

    listed = subprocess.run(
        [sys.executable, "-m", "evald", "import", "registry", "--list", "colours"],
        cwd=CHECKOUT,
        env=evald_environment({"PYTHONPATH": str(tmp_path)}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (listed.returncode, listed.stderr) == (0, "1 of 1 evals can be imported.\n")
    assert "colours.dev  Includes" in listed.stdout
