"""Keys that come and go while a server runs: the first closes it, and none opens it again."""

from pathlib import Path

import pytest

from tests.access.commands import keys, make_key, revoke
from tests.api.refusals import check_refusal
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step
from tests.runs.making import asked, create_eval, create_run, get_final, rows, sampled
from tests.server import EvaldServer
from tests.waiting import until


@pytest.fixture
def server(tmp_path: Path, models: ModelServer) -> EvaldServer:
    """A server that is not started yet."""
    return EvaldServer(tmp_path, upstream=models.url)


def test_a_key_that_is_made_meanwhile_is_taken_at_once(server: EvaldServer) -> None:
    make_key(server.data_dir)
    with server:
        assert server.ask("GET", "/v1/evals").status == 401

        late = make_key(server.data_dir, "--project", "late")

        assert server.with_key(late.secret).ask("GET", "/v1/evals").status == 200


def test_when_revoke_has_ended_the_key_is_refused(server: EvaldServer) -> None:
    gone, other = make_key(server.data_dir), make_key(server.data_dir)
    with server:
        assert server.with_key(gone.secret).ask("GET", "/v1/evals").status == 200

        revoke(server.data_dir, gone)

        refused = server.with_key(gone.secret).ask("GET", "/v1/evals")
        check_refusal(refused, 401, code="invalid_api_key")
        assert server.with_key(other.secret).ask("GET", "/v1/evals").status == 200


def test_a_run_goes_on_when_the_key_that_began_it_is_revoked(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script_rules(Rule((Step(hold="before"),), model="scripted"))
    gone, other = make_key(server.data_dir), make_key(server.data_dir)
    with server:
        program = server.with_key(gone.secret)
        run = create_run(program, create_eval(program), sampled(rows(3)))
        models.wait(held=3)

        revoke(server.data_dir, gone)
        models.release(3)

        assert get_final(server.with_key(other.secret), run)["status"] == "completed"


def test_the_first_key_closes_a_server_that_runs_and_what_is_there_is_in_the_default_project(
    server: EvaldServer,
) -> None:
    with server:
        eval_id = create_eval(server)  # nobody is asked who he is

        default = make_key(server.data_dir)
        other = make_key(server.data_dir, "--project", "other")

        until(lambda: server.ask("GET", "/v1/evals").status == 401)
        path = f"/v1/evals/{eval_id}"
        assert server.with_key(default.secret).ask("GET", path).status == 200
        assert server.with_key(other.secret).ask("GET", path).status == 404


def test_a_server_whose_last_key_is_revoked_stays_closed_also_after_a_restart(
    server: EvaldServer,
) -> None:
    only = make_key(server.data_dir)
    with server:
        revoke(server.data_dir, only)
        assert server.ask("GET", "/v1/evals").status == 401

        server.restart()

        assert server.ask("GET", "/v1/evals").status == 401
        assert server.with_key(only.secret).ask("GET", "/v1/evals").status == 401
        again = make_key(server.data_dir)
        assert server.with_key(again.secret).ask("GET", "/v1/evals").status == 200


def test_an_open_server_takes_any_key_and_knows_no_project_but_the_default(
    server: EvaldServer,
) -> None:
    with server:
        eval_id = create_eval(server)

        for headers in ({"authorization": "Bearer not needed"}, {"evald-project": "default"}):
            assert server.ask("GET", f"/v1/evals/{eval_id}", headers=headers).status == 200
        named = server.ask("GET", "/v1/evals", headers={"evald-project": "other"})
        check_refusal(
            named, 403, param="evald-project", code="mismatched_project", says="has no keys"
        )


def test_keys_and_tokens_reach_neither_the_database_nor_the_log(
    server: EvaldServer, tmp_path: Path
) -> None:
    server.environment |= {"EVALD_LOG_LEVEL": "debug", "EVALD_LOG_FORMAT": "json"}
    good, gone = make_key(server.data_dir), make_key(server.data_dir)
    wrong = "sk-evald-" + "f00d" * 12
    with server:
        for key in (good.secret, gone.secret, wrong):
            server.ask("GET", "/v1/evals", headers={"authorization": f"Bearer {key}"})
            server.ask("GET", "/v1/evals", headers={"api-key": key})
            server.ask("POST", "/v1/evals", b"{", {"authorization": f"Bearer {key}"})
        token = sign_in(server, good.secret)
        asked(server.with_key(good.secret), "GET", "/v1/evals")
        revoke(server.data_dir, gone)
        kept = b"".join(file.read_bytes() for file in server.data_dir.iterdir())
    everything = kept + server.log_file.read_bytes()

    assert good.id.encode() in kept
    for secret in (good.secret, gone.secret, wrong, token):
        assert secret.encode() not in everything


def sign_in(server: EvaldServer, key: str) -> str:
    """Sign in and give the token of the session."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = server.ask("POST", "/sign-in", f"key={key}".encode(), form)
    assert answer.status == 303
    return answer.headers["set-cookie"].partition("=")[2].partition(";")[0]


def test_the_pages_that_a_key_has_opened_are_closed_with_it(server: EvaldServer) -> None:
    gone, other = make_key(server.data_dir), make_key(server.data_dir)
    with server:
        cookies = [
            {"cookie": f"evald_session_{server.port}={sign_in(server, key.secret)}"}
            for key in (gone, other)
        ]
        assert [server.ask("GET", "/", headers=each).status for each in cookies] == [200, 200]

        revoke(server.data_dir, gone)

        assert [server.ask("GET", "/", headers=each).status for each in cookies] == [303, 200]


def test_a_session_opens_what_the_api_shows_and_changes_nothing_there(server: EvaldServer) -> None:
    key = make_key(server.data_dir)
    with server:
        cookie = {"cookie": f"evald_session_{server.port}={sign_in(server, key.secret)}"}

        assert server.ask("GET", "/v1/evals", headers=cookie).status == 200
        assert server.ask("POST", "/v1/evals", {}, headers=cookie).status == 401
        assert server.ask("DELETE", "/v1/evals/eval_x", headers=cookie).status == 401


def test_a_listing_needs_no_server_and_beside_one_is_the_same(server: EvaldServer) -> None:
    make_key(server.data_dir, "--name", "ci")
    alone = keys(server.data_dir, "list").stdout
    with server:
        beside = keys(server.data_dir, "list").stdout

    assert alone == beside
    assert "ci" in alone
