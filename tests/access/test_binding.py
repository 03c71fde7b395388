"""Where a server may listen: beyond loopback only with a key that is in force."""

from pathlib import Path

from tests.access.commands import make_key, revoke
from tests.api.refusals import check_refusal
from tests.server import EvaldServer, evald_ended

EVERYWHERE = {"EVALD_HOST": "0.0.0.0"}


def test_without_a_key_a_start_beyond_loopback_is_refused(tmp_path: Path) -> None:
    check_refused(tmp_path)


def check_refused(data_dir: Path) -> None:
    ended = evald_ended("serve", "--host", "0.0.0.0", "--port", "0", "--data-dir", str(data_dir))
    assert ended.returncode == 1
    assert ended.stderr.startswith("evald cannot start. Other machines reach '0.0.0.0'")
    assert "'evald keys create'" in ended.stderr


def test_a_revoked_key_does_not_count(tmp_path: Path) -> None:
    revoke(tmp_path, make_key(tmp_path))

    check_refused(tmp_path)


def test_with_a_key_it_starts_and_is_asked_under_any_name(tmp_path: Path) -> None:
    server = EvaldServer(tmp_path, environment=EVERYWHERE)
    key = make_key(server.data_dir)
    with server:
        program = server.with_key(key.secret)
        for host in ("127.0.0.1", "evald.example.org", "192.168.1.5:8484"):
            assert program.ask("GET", "/v1/evals", headers={"host": host}).status == 200
            answer = server.ask("GET", "/v1/evals", headers={"host": host})
            check_refusal(answer, 401, code="invalid_api_key")


def test_pages_of_other_sites_change_nothing_there_either(tmp_path: Path) -> None:
    server = EvaldServer(tmp_path, environment=EVERYWHERE)
    key = make_key(server.data_dir)
    with server:
        headers = {"origin": "https://elsewhere.example"}
        answer = server.with_key(key.secret).ask("POST", "/v1/evals", {}, headers)

        check_refusal(answer, 403, code="foreign_origin")


def test_a_last_key_that_is_revoked_opens_it_to_nobody(tmp_path: Path) -> None:
    server = EvaldServer(tmp_path, environment=EVERYWHERE)
    key = make_key(server.data_dir)
    with server:
        revoke(server.data_dir, key)

        for program in (server, server.with_key(key.secret)):
            assert program.ask("GET", "/v1/evals").status == 401
            assert program.ask("GET", "/healthz").status == 200
