"""A server begins on Postgres, keeps its data there, and says what is wrong with it."""

import subprocess
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.model_server.client import ModelServer
from tests.postgres import PostgresServer
from tests.runs.making import create_eval, create_run, get_final, rows, sampled
from tests.server import EvaldServer, evald_command, evald_ended
from tests.waiting import until

SECRET = "not-for-logs"


def test_what_is_made_is_there_after_a_restart(server: EvaldServer, models: ModelServer) -> None:
    run = get_final(server, create_run(server, create_eval(server), sampled(rows(30))))

    server.restart()

    found = server.ask("GET", f"/v1/evals/{run['eval_id']}/runs/{run['id']}").json
    assert found == run
    assert found["status"] == "completed"
    assert not list(server.data_dir.glob("evald.db*"))


def test_a_server_that_was_killed_goes_on_with_its_runs(
    server: EvaldServer, models: ModelServer
) -> None:
    run = create_run(server, create_eval(server), sampled(rows(600)))
    until(lambda: models.stats().finished > 50)
    server.kill()
    server.start()

    assert get_final(server, run)["status"] == "completed"


def test_keys_and_doctor_work_on_the_same_database(server: EvaldServer) -> None:
    environment = {"EVALD_DATABASE_URL": server.environment["EVALD_DATABASE_URL"]}

    made = evald_ended("keys", "create", "--project", "support", environment=environment)
    key = made.stdout.strip()
    listed = evald_ended("keys", "list", environment=environment)
    found = evald_ended("doctor", environment=environment)

    assert made.returncode == listed.returncode == 0, made.stderr
    assert "support" in listed.stdout
    until(lambda: server.ask("GET", "/v1/evals").status == 401)
    assert server.with_key(key).ask("GET", "/v1/evals").status == 200
    assert "Postgres 1" in " ".join(found.stdout.split())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"port": 1}, "[Errno 111]"),
        ({"database": "nowhere"}, 'database "nowhere" does not exist'),
        ({"username": "nobody"}, 'role "nobody" does not exist'),
        ({"host": "nowhere.invalid"}, "Name or service not known"),
    ],
    ids=["nobody listens", "no database", "no role", "no host"],
)
def test_a_database_that_cannot_be_had_is_a_refused_start_without_its_password(
    own_postgres: PostgresServer, tmp_path: Path, changes: dict[str, str | int], says: str
) -> None:
    url = make_url(own_postgres.url()).set(password=SECRET).set(**changes)  # type: ignore[arg-type]
    environment = {"EVALD_DATABASE_URL": url.render_as_string(hide_password=False)}
    arguments = evald_command("--port", "0", "--data-dir", str(tmp_path / "data"))[3:]

    ended = evald_ended(*arguments, environment=environment)

    assert_is_told(ended, ended.stderr, says)


def test_doctor_tells_of_a_database_that_cannot_be_had() -> None:
    url = f"postgresql://evald:{SECRET}@127.0.0.1:1/evald"

    doctor = evald_ended("doctor", environment={"EVALD_DATABASE_URL": url})

    assert_is_told(doctor, doctor.stdout, "[Errno 111]")


def assert_is_told(ended: subprocess.CompletedProcess[str], said: str, reason: str) -> None:
    assert ended.returncode == 1
    assert reason in " ".join(said.split())
    assert SECRET not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
