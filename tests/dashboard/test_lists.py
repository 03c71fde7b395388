"""The list of evals, and the page for what is not there."""

from evald.dashboard.errors_page import render_not_found
from evald.dashboard.frame import Frame
from evald.dashboard.headers import security_headers
from evald.dashboard.lists import FoundEvals, render_evals
from evald.rules.eval_filter import EvalFilter, MetadataPair
from tests.dashboard.samples import ENDPOINT, EVAL_ID, RUN_ID, STARTED, eval_object, recent_run


def rendered(found: FoundEvals) -> str:
    return render_evals(found, frame=Frame("./"), endpoint=ENDPOINT, now=STARTED + 300)


def test_every_eval_leads_to_its_runs_and_tells_of_the_last_one() -> None:
    runs = [
        recent_run(status="in_progress", name="v15", passed=1, failed=0),
        recent_run(),
        recent_run(passed=20, failed=20),
    ]

    html = rendered(
        FoundEvals([eval_object()], {EVAL_ID: runs}, {EVAL_ID: 1234}, next_after="eval_x")
    )

    assert f'href="./evaluations/{EVAL_ID}"' in html
    assert f'href="./evaluations/{EVAL_ID}?run_id={RUN_ID}"><bdi>v15</bdi>' in html
    assert 'href="./?after=eval_x"' in html
    assert "Correct team" in html
    assert "5 min ago" in html
    assert "1,234" in html
    assert "<b>77.5<small>%</small></b>" in html
    assert "Pass rates of the last 2 completed runs, the oldest first: 50.0 %, 77.5 %" in html


def test_the_pages_of_a_filter_keep_it() -> None:
    wanted = EvalFilter("triage & co", (MetadataPair("team:a", "100%"), MetadataPair("env")))

    html = rendered(
        FoundEvals([eval_object()], wanted=wanted, is_first_page=False, next_after="eval_x")
    )

    kept = "./?q=triage+%26+co&amp;meta=team%253Aa%3A100%2525&amp;meta=env%3A"
    assert f'href="{kept}"' in html
    assert f'href="{kept}&amp;after=eval_x"' in html
    assert 'name="meta" value="team%3Aa:100%25"' in html
    assert 'href="./?q=triage+%26+co&amp;meta=env%3A"' in html  # without the first pair


def test_a_filter_that_nothing_fits_says_so_and_a_server_without_evals_teaches() -> None:
    nothing = rendered(FoundEvals(wanted=EvalFilter("x")))
    new = rendered(FoundEvals())

    assert "No eval fits this" in nothing
    assert "Your first takes two steps" not in nothing
    assert "Your first takes two steps" in new
    assert "base_url=&#34;http://127.0.0.1:8484/v1&#34;" in new
    assert 'href="./dashboard/new"' in new


def test_what_is_not_there_is_named_and_leads_back() -> None:
    html = render_not_found("run", asked_id="evalrun_gone", frame=Frame("../", "dark"))

    assert "There is no such run" in html
    assert "evalrun_gone" in html
    assert '<a class="button" href="../">All evals</a>' in html


def test_the_policy_allows_nothing_but_our_own_files() -> None:
    assert security_headers()["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
        "media-src data:; connect-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )
