"""Every page of a server with secrets of all kinds, read for them: none is on any."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import pytest

from tests.access.commands import make_key
from tests.dashboard.forms import post, share
from tests.model_server.client import ModelServer
from tests.runs.making import create_eval, create_run, get_final, items_of, rows, sampled
from tests.server import EvaldServer
from tests.webhooks.hooking import create_endpoint

IN_ENVIRONMENT = {
    "EVALD_UPSTREAM_API_KEY": "sk-upstream-4f1b2c9d8e7a",
    "NAMED_KEY": "sk-named-0a9b8c7d6e5f",
    "HOOK_SECRET": "whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c=",
    "OPENAI_API_KEY": "sk-of-the-machine-31415926",
}
CONFIG = """
[providers.named]
base_url = "http://127.0.0.1:9/v1"
api_key_env = "NAMED_KEY"
models = ["named-*"]

[webhooks.ci]
url = "http://127.0.0.1:9/hook"
secret_env = "HOOK_SECRET"
"""
BEGINNINGS = [
    "/",
    "/?q=e",
    "/evaluations/{eval}",
    "/evaluations/{eval}?run_id={run}",
    "/evaluations/{eval}?run_id={run}&item={item}",
    "/evaluations/{eval}/compare?run={run}&run={other_run}",
    "/evaluations/{eval}/runs/{run}/again",
    "/evaluations/{eval}/runs/{run}/share",
    "/dashboard/new",
    "/dashboard/files",
    "/dashboard/settings",
    "/shared/none",
    "/sign-in",
    "/evaluations/eval_nobody",
]
"""Where the walk begins. It goes on to whatever page these link to."""
PAGES = re.compile(r"/(evaluations/|dashboard/|shared/|sign-in|\?|$)")
MOST = 80


@dataclass
class Guarded:
    """A server with secrets, and all of those that a page could give away."""

    server: EvaldServer
    secrets: list[str]
    cookie: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    shared: str = ""


@pytest.fixture(scope="module")
def guarded(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Guarded]:
    server = EvaldServer(
        tmp_path_factory.mktemp("secrets"),
        upstream=model_process.url,
        environment=IN_ENVIRONMENT,
        config=CONFIG,
    )
    key, other = make_key(server.data_dir), make_key(server.data_dir, "--project", "other")
    with server:
        guarded = Guarded(server, [*IN_ENVIRONMENT.values(), key.secret, other.secret])
        fill(guarded, server.with_key(key.secret))
        answer = post(server, "/sign-in", key=key.secret)
        session = answer.headers["set-cookie"].partition(";")[0]
        guarded.cookie["cookie"] = session
        guarded.secrets.append(session.partition("=")[2])
        yield guarded


def fill(guarded: Guarded, program: EvaldServer) -> None:
    eval_id = create_eval(program)
    run, other = (get_final(program, create_run(program, eval_id, sampled(rows(2)))) for _ in "12")
    item = items_of(program, run)[0]
    guarded.ids |= {"eval": eval_id, "run": run["id"], "other_run": other["id"], "item": item["id"]}
    guarded.secrets.append(create_endpoint(program, "http://127.0.0.1:9/hook")["signing_secret"])
    guarded.shared = share(program, run).path


def test_no_secret_is_on_any_page(guarded: Guarded) -> None:
    pages = dict(walked(guarded))

    assert len(pages) > len(BEGINNINGS)
    for secret in guarded.secrets:
        assert not [path for path, html in pages.items() if secret in html]
        # Nor most of one: what is masked shows the last four characters of a key at most.
        assert not [path for path, html in pages.items() if secret[-8:] in html]


def test_the_token_of_a_share_link_is_on_the_page_for_it_and_on_its_own_alone(
    guarded: Guarded,
) -> None:
    token = guarded.shared.removeprefix("/shared/")

    holding = {path.partition("?")[0] for path, html in walked(guarded) if token in html}

    own_page = "/evaluations/{eval}/runs/{run}/share".format_map(guarded.ids)
    assert holding == {own_page, guarded.shared}


def walked(guarded: Guarded) -> Iterator[tuple[str, str]]:
    """Give all pages that a reader gets to, each with its HTML."""
    to_see = [path.format_map(guarded.ids) for path in [*BEGINNINGS, guarded.shared]]
    seen: set[str] = set()
    while to_see and len(seen) < MOST:
        path = to_see.pop(0)
        if path in seen:
            continue
        seen.add(path)
        html = read(guarded, path)
        yield path, html
        links: list[Any] = re.findall(r'href="([^"#]+)"', html)
        there = [urljoin(path, link.replace("&amp;", "&")) for link in links]
        to_see += [each for each in there if PAGES.match(each)]


def read(guarded: Guarded, path: str) -> str:
    answer = guarded.server.ask("GET", path, headers={**guarded.cookie, "accept": "text/html"})
    assert answer.status in (200, 303, 404), f"{path}: {answer.status}"
    return answer.body.decode()
