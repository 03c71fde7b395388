"""Starting and stopping: what is refused says why, what to change, and shows no traceback.

The settings in all their forms are tested in `tests/settings`; here each cause once, by a real start.
"""

import signal
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.api.refusals import EVAL, ROW, created, run_of, sampled_run_of, status_of
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.server import CHECKOUT, EvaldServer, FreshServer, evald_command, evald_environment
from tests.waiting import until

ENDED_WITHIN_S = 60

Refused = Callable[..., str]
"""Starts a server that must not come up, and gives what it said."""


@pytest.fixture
def refused(tmp_path: Path) -> Refused:
    def start(
        *arguments: str, environment: Mapping[str, str] | None = None, config: str | None = None
    ) -> str:
        if config is not None:
            (tmp_path / "evald.toml").write_text(config)
            arguments = (*arguments, "--config", str(tmp_path / "evald.toml"))
        given = {"EVALD_PORT": "0", "EVALD_DATA_DIR": str(tmp_path / "data"), **(environment or {})}
        ended = subprocess.run(
            evald_command(*arguments),
            cwd=CHECKOUT,
            env=evald_environment(given),
            capture_output=True,
            text=True,
            timeout=ENDED_WITHIN_S,
            check=False,
        )
        assert ended.returncode != 0
        assert "ready" not in ended.stdout
        assert "Traceback" not in ended.stderr
        return ended.stderr

    return start


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_host_that_other_machines_reach_is_refused_with_the_reason(
    refused: Refused, host: str
) -> None:
    said = refused("--host", host)

    assert "evald keys create" in said
    assert f"'{host}'" in said
    assert "--host 127.0.0.1" in said


WRONG_SETTINGS = [
    ({"EVALD_PORT": "70000"}, "port"),
    ({"EVALD_UPSTREAM_BASE_URL": "127.0.0.1:8080"}, "upstream_base_url"),
    ({"EVALD_DATABASE_URL": "mysql://localhost/evald"}, "Postgres"),
    ({"EVALD_CONFIG": "/nowhere/evald.toml"}, "/nowhere/evald.toml"),
]


@pytest.mark.parametrize(
    ("environment", "says"), WRONG_SETTINGS, ids=[str(each) for each, _ in WRONG_SETTINGS]
)
def test_a_wrong_setting_is_named(refused: Refused, environment: dict[str, str], says: str) -> None:
    assert says in refused(environment=environment)


def test_all_wrong_settings_are_named_at_once(refused: Refused) -> None:
    said = refused(environment={"EVALD_PORT": "x", "EVALD_LOG_FORMAT": "xml"})

    assert "port: " in said
    assert "log_format: " in said


def test_an_option_that_is_no_number_is_named(refused: Refused) -> None:
    assert "--port" in refused("--port", "many")


def test_wrong_settings_are_told_before_the_server_is_imported() -> None:
    python, *module = evald_command("--port", "70000")
    ended = subprocess.run(
        [python, "-X", "importtime", *module],
        cwd=CHECKOUT,
        env=evald_environment({}),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, "evald cannot start. " in ended.stderr) == (1, True)
    assert "evald.settings" in ended.stderr
    assert "fastapi" not in ended.stderr
    assert "sqlalchemy" not in ended.stderr


PROVIDER = '[providers.main]\nbase_url = "http://127.0.0.1:9/v1"\n'

WRONG_FILES = {
    "an unknown key": ("prot = 8484\n", "prot"),
    "an unknown key of a provider": (PROVIDER + 'api_key = "hunter2"\n', "providers.main.api_key"),
    "no TOML": ("port: 8484\n", "not valid TOML"),
    "a missing key variable": (PROVIDER + 'api_key_env = "NO_SUCH_KEY"\n', "NO_SUCH_KEY"),
}


@pytest.mark.parametrize(("config", "says"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_a_wrong_config_file_is_refused_and_the_line_named(
    refused: Refused, config: str, says: str
) -> None:
    said = refused(config=config)

    assert says in said
    assert "hunter2" not in said


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{}/v1", "http://localhost:{}", "http://[::1]:{}/"]
)
def test_a_server_is_not_its_own_model_endpoint(refused: Refused, url: str) -> None:
    port = str(free_port())

    said = refused("--port", port, environment={"EVALD_UPSTREAM_BASE_URL": url.format(port)})

    assert "is an evald server, not a model endpoint" in said


def test_another_evald_is_no_model_endpoint(refused: Refused, server: EvaldServer) -> None:
    assert "evald server" in refused(environment={"EVALD_UPSTREAM_BASE_URL": server.base_url})
    assert "'main'" in refused(config=PROVIDER.replace("http://127.0.0.1:9/v1", server.base_url))


def test_a_port_in_use_is_named(refused: Refused, server: EvaldServer) -> None:
    said = refused("--port", str(server.port))

    assert f"127.0.0.1:{server.port} cannot be used" in said
    assert "--port" in said


def test_a_data_directory_in_use_is_named(refused: Refused, server: EvaldServer) -> None:
    said = refused("--data-dir", str(server.data_dir))

    assert str(server.data_dir) in said
    assert "--data-dir" in said
    assert server.ask("GET", "/healthz").status == 200


def test_a_data_directory_that_is_a_file_is_refused(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    assert "data directory" in refused("--data-dir", str(tmp_path / "file"))
    assert "data directory" in refused("--data-dir", str(tmp_path / "file" / "below"))


def test_a_database_of_a_newer_evald_is_refused_and_left_as_it_is(
    refused: Refused, tmp_path: Path
) -> None:
    with FreshServer(tmp_path) as server:
        created(server, "/v1/evals", EVAL)
    database = tmp_path / "data" / "evald.db"
    execute(database, "UPDATE alembic_version SET version_num = '9999'")

    said = refused()

    assert "newer evald (schema 9999" in said
    assert execute(database, "SELECT version_num FROM alembic_version") == [("9999",)]
    assert execute(database, "SELECT count(*) FROM evals") == [(1,)]


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(
    refused: Refused, tmp_path: Path
) -> None:
    database = tmp_path / "data" / "evald.db"
    database.parent.mkdir()
    database.write_bytes(b"this is a text and no database" * 1_000)

    said = refused()

    assert "database" in said
    assert database.read_bytes()[:4] == b"this"


def execute(database: Path, statement: str) -> list[tuple[object, ...]]:
    """Run one statement on a SQLite file and give its rows."""
    connection = sqlite3.connect(database)
    try:
        rows: list[tuple[object, ...]] = connection.execute(statement).fetchall()
        connection.commit()
    finally:
        connection.close()
    return rows


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_server_with_a_run_in_flight_and_the_next_one_goes_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    with (
        ModelServer() as models,
        FreshServer(tmp_path, upstream=models.url) as server,
    ):
        models.script(Step(hold="before"))
        eval_id = created(server, "/v1/evals", EVAL)
        run_id = created(server, f"/v1/evals/{eval_id}/runs", sampled_run_of(ROW, ROW))
        models.wait(held=2)

        server.process.send_signal(number)

        assert server.ended() == 0
        assert models.wait(in_flight=0).aborted == 2
        assert "Traceback" not in server.log()

        models.release()
        server.restart()
        until(lambda: status_of(server, eval_id, run_id) == "completed")
        counts = server.ask("GET", f"/v1/evals/{eval_id}/runs/{run_id}").json["result_counts"]
        assert counts == {"total": 2, "errored": 0, "failed": 0, "passed": 2}


def test_a_server_stops_although_a_connection_stays_open(tmp_path: Path) -> None:
    with FreshServer(tmp_path) as server:
        request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with socket.create_connection(("127.0.0.1", server.port)) as idle:
            idle.sendall(request)
            assert idle.recv(1000).startswith(b"HTTP/1.1 200")

            assert server.stop() == 0


def test_without_a_provider_everything_but_sampling_works(tmp_path: Path) -> None:
    with FreshServer(tmp_path) as server:
        eval_id = created(server, "/v1/evals", EVAL)

        refused = server.ask("POST", f"/v1/evals/{eval_id}/runs", sampled_run_of(ROW))

        assert refused.json["error"]["code"] == "model_not_found"
        assert server.ask("GET", "/v1/models").json == {"object": "list", "data": []}


def test_an_endpoint_that_is_not_there_yet_is_no_reason_to_refuse(tmp_path: Path) -> None:
    with FreshServer(tmp_path, upstream=f"http://127.0.0.1:{free_port()}/v1") as server:
        answer = server.ask("GET", "/v1/models")

        assert answer.status == 502
        assert answer.json["error"]["type"] == "upstream_error"
        assert server.ask("GET", "/healthz").json["status"] == "ok"


def test_the_public_url_is_the_one_of_reports_and_a_name_of_the_server(tmp_path: Path) -> None:
    environment = {"EVALD_PUBLIC_URL": "https://evald.example/tools"}
    with FreshServer(tmp_path, environment=environment) as server:
        eval_id = created(server, "/v1/evals", EVAL)
        run = server.ask("POST", f"/v1/evals/{eval_id}/runs", run_of(ROW)).json

        report = f"https://evald.example/tools/evaluations/{eval_id}?run_id={run['id']}"
        assert run["report_url"] == report
        assert server.ask("GET", "/healthz", headers={"host": "evald.example"}).status == 200
        assert server.ask("GET", "/healthz", headers={"host": "other.example"}).status == 403
