"""Share links at a real server with keys: what their readers see, and what they do not."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import pytest

from tests.access.commands import make_key
from tests.dashboard.forms import Share, followed, page_of, post, report_of, share
from tests.model_server.client import ModelServer
from tests.runs.making import asked, create_eval, create_run, get_final, items_of, rows, sampled
from tests.server import Answer, EvaldServer


@pytest.fixture(scope="module")
def nobody(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    """The server, asked without a key."""
    server = EvaldServer(tmp_path_factory.mktemp("shared"), upstream=model_process.url)
    make_key(server.data_dir, "--project", "other")
    with server:
        yield server
        assert "Traceback" not in server.log()


@pytest.fixture(scope="module")
def owner(nobody: EvaldServer) -> EvaldServer:
    return nobody.with_key(make_key(nobody.data_dir, "--project", "owner").secret)


@pytest.fixture(scope="module")
def run(owner: EvaldServer) -> Any:
    return get_final(owner, create_run(owner, create_eval(owner), sampled(rows(60))))


@pytest.fixture(scope="module")
def link(owner: EvaldServer, run: Any) -> Share:
    return share(owner, run)


def shown(server: EvaldServer, path: str) -> str:
    answer = server.ask("GET", path)
    assert answer.status == 200, answer.body.decode()
    return answer.body.decode()


def check_not_in_force(answer: Answer) -> None:
    assert answer.status == 404
    assert "This link is not in force" in answer.body.decode()


def test_who_has_the_link_reads_the_report_without_a_key(nobody: EvaldServer, link: Share) -> None:
    html = shown(nobody, link.path)

    assert "60</b> of 60 items" in html
    assert html.count('class="open clamp"') == 50


def test_pages_filters_and_items_of_a_shared_report_lead_through_all_of_the_run_and_no_further(
    nobody: EvaldServer, link: Share
) -> None:
    seen, to_see = set[str](), [link.path]
    while to_see and len(seen) < 40:
        path = to_see.pop(0)
        seen.add(path)
        html = shown(nobody, path)
        found = re.findall(r'href="([^"#]+)[^"]*"', html)
        links = [each.replace("&amp;", "&") for each in found]
        there = [urljoin(f"http://server{path}", each) for each in links if each != "data:,"]
        paths = {each.removeprefix("http://server") for each in there}
        assert [each for each in paths if not each.startswith((link.path, "/static/"))] == []
        pages = {each for each in paths - seen if each.startswith(link.path)}
        to_see += sorted(each for each in pages if "item=" not in each and "/items/" not in each)

    assert any("after=" in each for each in seen)


def test_a_shared_report_tells_nothing_of_the_runs_before_it(
    owner: EvaldServer, nobody: EvaldServer, run: Any
) -> None:
    later = get_final(owner, create_run(owner, run["eval_id"], sampled(rows(3))))
    assert run["id"] in shown(owner, report_of(later))

    assert run["id"] not in shown(nobody, share(owner, later).path)


def test_a_shared_report_of_samples_graded_again_does_not_name_their_run(
    owner: EvaldServer, nobody: EvaldServer, run: Any
) -> None:
    path = f"/v1/evals/{run['eval_id']}/runs/{run['id']}/regrade"
    again = get_final(owner, asked(owner, "POST", path, {"eval_id": run["eval_id"]}))
    assert run["id"] in shown(owner, report_of(again))

    assert run["id"] not in shown(nobody, share(owner, again).path)


def test_an_item_of_the_run_opens_whole_and_one_of_another_run_does_not(
    owner: EvaldServer, nobody: EvaldServer, run: Any, link: Share
) -> None:
    other = get_final(owner, create_run(owner, run["eval_id"], sampled(rows(1))))
    own_item, other_item = (items_of(owner, each)[0]["id"] for each in (run, other))

    assert own_item in shown(nobody, f"{link.path}?item={own_item}")
    assert f'"{own_item}"' in shown(nobody, f"{link.path}/items/{own_item}")
    check_not_in_force(nobody.ask("GET", f"{link.path}/items/{other_item}"))
    answer = nobody.ask("GET", f"{link.path}?item={other_item}")
    assert (answer.status, answer.headers["location"]) == (303, f".{link.path[7:]}")


def test_a_shared_page_tells_no_other_site_its_address_and_no_search_engine(
    nobody: EvaldServer, link: Share
) -> None:
    for path in (link.path, "/shared/nothing"):
        headers = nobody.ask("GET", path).headers

        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-robots-tag"] == "noindex, nofollow"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]


def test_a_link_opens_neither_the_api_nor_an_act(
    nobody: EvaldServer, run: Any, link: Share
) -> None:
    assert nobody.ask("GET", f"/v1/evals/{run['eval_id']}/runs/{run['id']}").status == 401
    for path in (report_of(run), f"{page_of(run)}/share"):
        assert "sign-in" in nobody.ask("GET", path).headers["location"]
    for act in ("cancel", "delete", "share"):
        answer = post(nobody, f"{page_of(run)}/{act}", {"referer": f"{nobody.url}{link.path}"})
        assert "sign-in" in answer.headers["location"]
    assert nobody.ask("POST", link.path).status == 405


def test_links_of_all_kinds_that_are_not_in_force_have_the_same_page(
    owner: EvaldServer, nobody: EvaldServer, run: Any, link: Share
) -> None:
    gone = get_final(owner, create_run(owner, run["eval_id"], sampled(rows(1))))
    deleted, revoked = share(owner, gone), share(owner, run)
    post(owner, f"{page_of(gone)}/delete")
    path = f"{page_of(run)}/shares/{revoked.id}/revoke"
    html = followed(owner, path, post(owner, path))

    assert "The link is not in force any more." in html
    assert link.path in html
    assert revoked.path not in html
    forged = link.path[:-1] + ("A" if link.path[-1] != "A" else "B")
    paths = (deleted.path, revoked.path, forged, "/shared/x", f"{link.path}x", "/shared/%00")
    answers = [nobody.ask("GET", path) for path in paths[:-1]]
    for answer in answers:
        check_not_in_force(answer)
    assert len({answer.body for answer in answers}) == 1
    assert nobody.ask("GET", paths[-1]).status == 404
    assert "60</b> of 60 items" in shown(nobody, link.path)


def test_days_that_are_not_offered_are_refused_on_the_page(owner: EvaldServer, run: Any) -> None:
    for days in ("0", "36500", "-7", "seven", "٧"):
        answer = post(owner, f"{page_of(run)}/share", days=days)

        assert answer.status == 409
        assert 'role="alert"' in answer.body.decode()


def test_of_a_token_nothing_is_kept(nobody: EvaldServer, link: Share) -> None:
    token = link.path.removeprefix("/shared/").encode()
    files = [file for file in nobody.data_dir.iterdir() if file.is_file()]

    assert not [file.name for file in files if token in file.read_bytes()]
    assert token.decode() not in nobody.log()
