"""What cannot be used at the start is named in one sentence: files, URLs and keys."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.test_start import PROVIDER, Refused, free_port, refused
from tests.server import EvaldServer, FreshServer

__all__ = ["refused"]  # the fixture

SECRET = "sk-very-secret"


def a_folder_instead_of_the_lock(data: Path) -> None:
    (data / "evald.db.lock").mkdir()


def a_folder_instead_of_the_database(data: Path) -> None:
    (data / "evald.db").mkdir()


def a_link_that_leads_to_itself(data: Path) -> None:
    (data / "evald.db").symlink_to("evald.db")


def a_link_to_a_folder_that_is_not_there(data: Path) -> None:
    (data / "evald.db").symlink_to("nowhere/evald.db")


def a_schema_without_its_tables(data: Path) -> None:
    with sqlite3.connect(data / "evald.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('0001')")
    connection.close()


@pytest.mark.parametrize(
    "spoil",
    [
        a_folder_instead_of_the_lock,
        a_folder_instead_of_the_database,
        a_link_that_leads_to_itself,
        a_link_to_a_folder_that_is_not_there,
        a_schema_without_its_tables,
    ],
)
def test_a_data_directory_that_cannot_be_used_is_refused(
    refused: Refused, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    (tmp_path / "data").mkdir()
    spoil(tmp_path / "data")

    assert refused().startswith("evald cannot start. The database ")


def test_a_folder_where_nobody_may_write_is_refused(refused: Refused) -> None:
    assert "evald cannot start. The database /proc/evald.db" in refused("--data-dir", "/proc")


@pytest.mark.parametrize(
    "path", ["/nowhere/evald.db", "/dev/null/evald.db", "/proc/evald.db", "/proc/self"]
)
def test_a_database_that_cannot_be_opened_is_named(refused: Refused, path: str) -> None:
    said = refused(environment={"EVALD_DATABASE_URL": f"sqlite+aiosqlite:///{path}"})

    assert said.startswith(f"evald cannot start. The database {path} ")
    assert "EVALD_DATABASE_URL" in said


def test_a_database_in_memory_is_refused(refused: Refused) -> None:
    said = refused(environment={"EVALD_DATABASE_URL": "sqlite+aiosqlite://"})

    assert said.startswith("evald cannot start. ")
    assert "EVALD_DATABASE_URL" in said


WRONG_URLS = [
    "http://h:99999/v1",
    "http://h:abc/v1",
    "http://[::1/v1",
    f"http://{'a' * 64}.example/v1",
]


@pytest.mark.parametrize("url", WRONG_URLS)
@pytest.mark.parametrize("name", ["EVALD_UPSTREAM_BASE_URL", "EVALD_PUBLIC_URL"])
def test_a_url_that_leads_nowhere_is_named_by_its_setting(
    refused: Refused, name: str, url: str
) -> None:
    said = refused(environment={name: url})

    setting = name.removeprefix("EVALD_").lower()
    assert said.startswith("evald cannot start. ")
    assert f"  {setting}: The host or the port of this URL is wrong" in said


def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(refused: Refused) -> None:
    said = refused(environment={"EVALD_UPSTREAM_API_KEY": f"{SECRET}\nx-more: 1"})

    assert "upstream_api_key: The key has characters that cannot be sent" in said
    assert SECRET not in said


def test_a_key_of_a_provider_that_cannot_be_sent_is_refused_by_the_name_of_its_variable(
    refused: Refused,
) -> None:
    config = PROVIDER + 'api_key_env = "MODEL_KEY"\n'

    said = refused(environment={"MODEL_KEY": f"{SECRET}\nx-more: 1"}, config=config)

    assert "MODEL_KEY: The key has characters that cannot be sent" in said
    assert SECRET not in said


def test_a_key_in_the_file_is_refused(refused: Refused) -> None:
    said = refused(config=f'upstream_api_key = "{SECRET}"\n')

    assert "Set the environment variable EVALD_UPSTREAM_API_KEY" in said
    assert SECRET not in said


def test_a_provider_may_not_take_the_name_of_the_upstream(refused: Refused) -> None:
    assert "'upstream'" in refused(config=PROVIDER.replace("main", "upstream"))


def test_a_database_in_use_is_not_opened_under_another_name(
    refused: Refused, server: EvaldServer, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "evald.db").symlink_to(server.data_dir / "evald.db")
    (tmp_path / "linked").symlink_to(server.data_dir)

    assert "Another evald uses the database" in refused()
    assert "Another evald uses the database" in refused("--data-dir", str(tmp_path / "linked"))


@pytest.mark.parametrize("existed", [False, True], ids=["a new folder", "a folder that was there"])
def test_nobody_else_may_read_what_is_kept(tmp_path: Path, existed: bool) -> None:
    if existed:
        (tmp_path / "data").mkdir(mode=0o755)
    before = os.umask(0o022)
    try:
        with FreshServer(tmp_path) as server:
            modes = {each.name: each.stat().st_mode & 0o777 for each in server.data_dir.iterdir()}
    finally:
        os.umask(before)

    names = ("evald.db", "evald.db-wal", "evald.db-shm", "evald.db.lock")
    assert modes == dict.fromkeys(names, 0o600)


def test_an_address_in_brackets_is_served(tmp_path: Path) -> None:
    port = free_port()
    environment = {"EVALD_HOST": "[::1]", "EVALD_UPSTREAM_BASE_URL": f"http://127.0.0.1:{port}"}
    with FreshServer(tmp_path, environment=environment) as server:
        assert server.url == f"http://[::1]:{server.port}"


def test_an_embedding_model_that_no_provider_serves_is_refused(refused: Refused) -> None:
    said = refused(environment={"EVALD_EMBEDDINGS_MODEL": "embedder"})

    assert said.startswith("evald cannot start. EVALD_EMBEDDINGS_MODEL is 'embedder'")
    assert "no provider serves it" in said


def test_an_alias_of_a_model_that_no_provider_serves_is_refused(refused: Refused) -> None:
    said = refused(config='[aliases]\n"gpt-4o" = "qwen3"\n')

    assert "The alias 'gpt-4o' stands for 'qwen3', and no provider serves that." in said
