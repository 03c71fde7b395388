"""`evald keys`: what it prints, what it refuses, and with which exit status."""

import re
import sqlite3
from pathlib import Path

import pytest

from tests.access.commands import keys, make_key, revoke
from tests.access.projects import TwoProjects, logged
from tests.server import EvaldServer, evald_ended, fresh_evald_ended


def test_a_key_is_all_that_create_prints_to_standard_output(tmp_path: Path) -> None:
    made = keys(tmp_path / "new", "create", "--project", "support", "--name", "ci")

    assert made.returncode == 0
    assert re.fullmatch(r"sk-evald-[0-9a-f]{48}\n", made.stdout)
    assert "for the new project 'support'" in made.stderr
    assert str(tmp_path / "new" / "evald.db") in made.stderr
    assert made.stdout.strip() not in made.stderr


def test_no_two_keys_are_the_same(tmp_path: Path) -> None:
    one, other = make_key(tmp_path), make_key(tmp_path)

    assert one.id != other.id
    assert one.secret != other.secret


def test_a_list_names_every_key_and_shows_none(tmp_path: Path) -> None:
    gone = make_key(tmp_path, "--project", "support", "--name", "ci")
    kept = make_key(tmp_path)
    revoke(tmp_path, gone)

    headings, first, second = keys(tmp_path, "list").stdout.splitlines()

    assert headings.split() == ["ID", "PROJECT", "NAME", "KEY", "CREATED", "STATUS"]
    assert first.split()[:4] == [gone.id, "support", "ci", f"sk-evald-…{gone.secret[-4:]}"]
    assert second.split()[:4] == [kept.id, "default", "-", f"sk-evald-…{kept.secret[-4:]}"]
    assert ("revoked" in first, "in force" in second) == (True, True)


def test_a_database_without_keys_has_an_empty_list(tmp_path: Path) -> None:
    server = EvaldServer(tmp_path)
    with server:
        listed = keys(server.data_dir, "list")

    assert (listed.returncode, listed.stdout) == (0, "")
    assert "There are no keys" in listed.stderr


def test_a_second_revoke_changes_nothing_and_is_no_error(tmp_path: Path) -> None:
    key = make_key(tmp_path)
    revoke(tmp_path, key)
    before = keys(tmp_path, "list").stdout

    again = keys(tmp_path, "revoke", key.id)

    assert again.returncode == 0
    assert "was revoked before" in again.stdout
    assert keys(tmp_path, "list").stdout == before


@pytest.mark.parametrize("shown", ["key_000000000000", "", "the key itself"])
def test_an_id_that_no_key_has_is_refused(tmp_path: Path, shown: str) -> None:
    key = make_key(tmp_path)

    refused = keys(tmp_path, "revoke", key.secret if shown == "the key itself" else shown)

    assert refused.returncode == 1
    assert refused.stderr.startswith("Nothing was changed. No key in ")
    assert key.secret not in refused.stderr


@pytest.mark.parametrize("command", [("list",), ("revoke", "key_0")])
def test_a_folder_without_a_database_is_refused_and_stays_empty(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    refused = keys(tmp_path / "mistyped", *command)

    assert refused.returncode == 1
    assert f"There is no database at {tmp_path / 'mistyped'}" in refused.stderr
    assert not (tmp_path / "mistyped").exists()


@pytest.mark.parametrize("name", ["", " x", "x" * 65, "a\nb", "a'b", "ü", "-x"])
@pytest.mark.parametrize("option", ["--project", "--name"])
def test_a_name_that_cannot_stand_in_a_header_is_refused(
    tmp_path: Path, option: str, name: str
) -> None:
    if (option, name) == ("--name", ""):
        return  # a key need not have one

    refused = keys(tmp_path, "create", f"{option}={name}")

    assert refused.returncode == 1
    assert f"{option} takes 1 to 64 letters" in refused.stderr
    assert not (tmp_path / "evald.db").exists()


def test_the_database_is_named_as_for_the_server(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/other.db"
    config = tmp_path / "evald.toml"
    config.write_text(f'data_dir = "{tmp_path}"\ndatabase_url = "{url}"\n')

    made = fresh_evald_ended("keys", "create", "--config", str(config))
    by_option = fresh_evald_ended("keys", "list", "--database-url", url)
    by_variable = evald_ended("keys", "list", environment={"EVALD_DATABASE_URL": url})

    assert made.returncode == 0
    assert f"{tmp_path}/other.db" in made.stderr
    assert by_option.stdout == by_variable.stdout
    assert made.stdout.strip()[-4:] in by_option.stdout


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    refused = evald_ended("keys", "list", "--database-url", "mysql://localhost/evald")

    assert refused.returncode == 1
    assert "SQLite" in refused.stderr


@pytest.mark.parametrize("url", ["postgres://x", "no url"])
@pytest.mark.parametrize("command", [("list",), ("create",), ("revoke", "key_0")])
def test_a_wrong_database_is_blamed_on_what_named_it(url: str, command: tuple[str, ...]) -> None:
    by_option = evald_ended("keys", *command, "--database-url", url)
    by_variable = evald_ended("keys", *command, environment={"EVALD_DATABASE_URL": url})

    assert "--database-url" in by_option.stderr
    assert "EVALD_DATABASE_URL" not in by_option.stderr
    assert "EVALD_DATABASE_URL" in by_variable.stderr


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "evald.db").write_text("no database " * 1000)

    for command in (("list",), ("create",), ("revoke", "key_0")):
        refused = keys(tmp_path, *command)

        assert refused.returncode == 1
        assert refused.stderr.startswith("Nothing was changed. The database cannot be used: ")


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    make_key(tmp_path)
    with sqlite3.connect(tmp_path / "evald.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    refused = keys(tmp_path, "create")

    assert refused.returncode == 1
    assert "newer evald" in refused.stderr


def test_nobody_else_may_read_the_database_that_create_makes(tmp_path: Path) -> None:
    make_key(tmp_path / "new")

    assert {file.stat().st_mode & 0o077 for file in (tmp_path / "new").iterdir()} == {0}


def send(two: TwoProjects, file: Path, *options: str, key: str | None) -> tuple[int, str]:
    environment = {} if key is None else {"EVALD_API_KEY": key}
    command = ("logs", "import", str(file), "--url", two.nobody.url, *options)
    ended = evald_ended(*command, environment=environment)
    return ended.returncode, ended.stdout + ended.stderr


def test_logs_are_imported_into_the_project_of_the_key(two: TwoProjects, tmp_path: Path) -> None:
    file = tmp_path / "logs.jsonl"
    file.write_bytes(logged("chatcmpl-by-command"))

    ended, said = send(two, file, "--project", "first", key=two.first_key)

    assert (ended, said.split(",")[0]) == (0, "1 imported")
    path = "/v1/chat/completions/chatcmpl-by-command"
    assert two.first.ask("GET", path).status == 200
    assert two.second.ask("GET", path).status == 404


def test_logs_are_imported_with_no_wrong_key(two: TwoProjects, tmp_path: Path) -> None:
    file = tmp_path / "logs.jsonl"
    file.write_bytes(logged("chatcmpl-refused"))

    for options, key, says in (
        ((), None, "401: You didn't provide an API key"),
        ((), "sk-wrong", "401: Incorrect API key"),
        (("--project", "first"), two.second_key, "403: This request is for the project 'first'"),
        (("--api-key", "ü"), None, "printable ASCII"),
    ):
        ended, said = send(two, file, *options, key=key)

        assert ended == 1
        assert says in said
    assert two.first.ask("GET", "/v1/chat/completions/chatcmpl-refused").status == 404
