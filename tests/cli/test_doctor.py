"""`evald doctor`: what works is called ok, what does not is told with its reason; nothing is changed."""

from pathlib import Path

import pytest

from tests.isolation import needs_isolation
from tests.model_server.client import ModelServer
from tests.server import EvaldServer, evald_ended, fresh_evald_ended

DEAD = "http://127.0.0.1:9/v1"


def lines_of(told: str) -> dict[str, str]:
    """Give what was told of each thing in one line, beginning with its mark."""
    found: dict[str, str] = {}
    name = ""
    for line in told.splitlines():
        if line[:6].strip() in ("ok", "-", "wrong"):
            name = line[6:26].strip()
            found[name] = f"{line[:6].strip()} {line[26:]}"
        elif line.startswith(" " * 26):
            found[name] += f" {line.strip()}"
    return found


def test_a_machine_on_which_all_is_well_has_nothing_wrong(
    models: ModelServer, tmp_path: Path
) -> None:
    needs_isolation()
    environment = {
        "EVALD_UPSTREAM_BASE_URL": models.url,
        "EVALD_EMBEDDINGS_MODEL": "ada",
        "EVALD_ALIASES": '{"ada": "embedder"}',
    }

    ended = evald_ended("doctor", "--data-dir", str(tmp_path / "new"), environment=environment)

    found = lines_of(ended.stdout)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert found["settings"].startswith("ok no config file")
    assert f"{tmp_path}/new/evald.db, not made yet" in found["data"]
    assert found["provider upstream"] == f"ok {models.url} lists 1 model"
    assert found["aliases"] == "ok 'ada' is 'embedder' at the provider upstream"
    assert found["embeddings"] == "ok 'ada' at the provider upstream"
    assert found["python graders"].startswith("ok isolated by ")
    assert " escapes were tried there, and each failed" in found["python graders"]
    assert "of 16 for python graders" in found["packages"]
    assert ended.stdout.endswith("\nNothing is wrong.\n")
    assert not (tmp_path / "new").exists()


def test_what_is_set_up_and_does_not_work_is_wrong(models: ModelServer, tmp_path: Path) -> None:
    config = tmp_path / "evald.toml"
    config.write_text(
        f'embeddings_model = "nobody"\n[aliases]\n"gpt-4o" = "gone"\n'
        f'[providers.dead]\nbase_url = "{DEAD}"\nmodels = ["a"]\n'
        f'[providers.lost]\nbase_url = "{models.url}/elsewhere"\nmodels = ["b"]\n'
    )
    (tmp_path / "evald.db").write_text("no database at all, and long enough to be read as one")

    ended = evald_ended("doctor", "--data-dir", str(tmp_path), "--config", str(config))

    found = lines_of(ended.stdout)
    assert ended.returncode == 1
    assert found["settings"].startswith(f"ok {config}")
    assert found["data"].startswith("wrong The database cannot be used: file is not a database")
    assert found["provider dead"].startswith(f"wrong {DEAD} cannot be reached: ")
    assert found["provider lost"].endswith("answered 404; it does not list its models")
    assert found["aliases"].startswith("wrong 'gpt-4o': no provider serves 'gone'.")
    assert found["embeddings"].startswith("wrong no provider serves 'nobody'")
    assert ended.stdout.endswith("\n4 things are wrong.\n")


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"EVALD_PORT": "many"}, "port: Input should be a valid integer"),
        ({"EVALD_CONFIG": "/nowhere.toml"}, "cannot be read"),
    ],
)
def test_settings_that_are_wrong_are_told_and_the_rest_is_looked_at(
    environment: dict[str, str], says: str
) -> None:
    ended = evald_ended("doctor", environment=environment)

    found = lines_of(ended.stdout)
    assert ended.returncode == 1
    assert found["settings"].startswith("wrong ")
    assert says in found["settings"]
    assert {"wordnet", "python graders", "packages"} <= found.keys()


def test_a_running_server_is_not_disturbed(models: ModelServer, tmp_path: Path) -> None:
    with EvaldServer(tmp_path, upstream=models.url) as server:
        ended = fresh_evald_ended("doctor", "--data-dir", str(server.data_dir))

        assert lines_of(ended.stdout)["data"].startswith(f"ok {server.data_dir}/evald.db, 0.")
        assert server.ask("GET", "/healthz").status == 200
