"""Forms that another site's page has a reader's browser post: refused, on a page that says so."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.access.commands import MadeKey, make_key
from tests.dashboard.forms import page_of, post, share
from tests.model_server.client import ModelServer
from tests.runs.making import create_eval, create_run, get_final, rows, sampled
from tests.server import EvaldServer

PUBLIC = "https://evals.example.org"
FOREIGN = [
    {"origin": "https://elsewhere.example", "sec-fetch-site": "cross-site"},
    {"origin": "null", "sec-fetch-site": "cross-site"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"referer": "https://elsewhere.example/"},
]


@dataclass(frozen=True)
class Reader:
    """A reader who has signed in, as a browser brings the cookie along."""

    server: EvaldServer
    cookie: dict[str, str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, model_process: ModelServer) -> EvaldServer:
    return EvaldServer(
        tmp_path_factory.mktemp("foreign"),
        upstream=model_process.url,
        environment={"EVALD_PUBLIC_URL": PUBLIC},
    )


@pytest.fixture(scope="module")
def key(made: EvaldServer) -> MadeKey:
    return make_key(made.data_dir)


@pytest.fixture(scope="module")
def reader(made: EvaldServer, key: MadeKey) -> Iterator[Reader]:
    with made as server:
        answer = post(server, "/sign-in", key=key.secret)
        cookie = answer.headers["set-cookie"].partition(";")[0]
        yield Reader(server, {"cookie": cookie})


@pytest.fixture(scope="module")
def run(reader: Reader, key: MadeKey) -> Any:
    program = reader.server.with_key(key.secret)
    return get_final(program, create_run(program, create_eval(program), sampled(rows(2))))


@pytest.mark.parametrize("marks", FOREIGN)
def test_another_sites_form_does_nothing_and_the_answer_is_a_page(
    reader: Reader, key: MadeKey, run: Any, marks: dict[str, str]
) -> None:
    link = share(reader.server.with_key(key.secret), run)
    acts = ("delete", "cancel", "resume", "retry", "share", f"shares/{link.id}/revoke")
    paths = ["/sign-in", "/sign-out", *(f"{page_of(run)}/{act}" for act in acts)]

    for path in paths:
        answer = post(reader.server, path, {**reader.cookie, **marks}, key=key.secret)

        assert answer.status == 403
        assert "Pages of other sites may not change anything here." in answer.body.decode()
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers
    assert reader.server.ask("GET", link.path).status == 200
    assert reader.server.ask("GET", f"{page_of(run)}/share", headers=reader.cookie).status == 200


@pytest.mark.parametrize(
    "marks",
    [
        {"origin": PUBLIC, "sec-fetch-site": "same-origin"},
        {"origin": PUBLIC, "host": "evals.example.org"},
        {"origin": "http://evals.example.org", "host": "evals.example.org"},
        {"referer": f"{PUBLIC}/evaluations/eval_1"},
    ],
)
def test_a_form_of_our_own_works_behind_a_proxy_whichever_host_it_names(
    reader: Reader, run: Any, marks: dict[str, str]
) -> None:
    answer = post(reader.server, f"{page_of(run)}/cancel", {**reader.cookie, **marks})

    assert answer.status == 303
    assert "did=cancel" in answer.headers["location"]


def test_under_a_strangers_name_a_page_says_so_and_shows_nothing(reader: Reader, run: Any) -> None:
    headers = {**reader.cookie, "host": "rebound.example", "accept": "text/html"}
    path = f"/evaluations/{run['eval_id']}?run_id={run['id']}"

    answer = reader.server.ask("GET", path, headers=headers)

    assert answer.status == 403
    assert "This was refused" in answer.body.decode()
    assert run["id"] not in answer.body.decode()


def test_the_cookie_alone_changes_nothing_at_the_api(reader: Reader, run: Any) -> None:
    path = f"/v1/evals/{run['eval_id']}/runs/{run['id']}"

    for method in ("POST", "DELETE"):
        assert reader.server.ask(method, path, headers=reader.cookie).status == 401
    assert reader.server.ask("GET", path, headers=reader.cookie).status == 200
