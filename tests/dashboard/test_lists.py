"""The list of evals, the list of an eval's runs, and the page for what is not there."""

from evald.dashboard.errors_page import render_not_found
from evald.dashboard.frame import Frame
from evald.dashboard.headers import security_headers
from evald.dashboard.lists import render_evals, render_runs
from tests.dashboard.samples import EVAL_ID, RUN_ID, eval_object, run_object

FRAME = Frame("../")


def test_every_run_leads_to_its_report() -> None:
    run = run_object("completed", passed=31, failed=9)

    html = render_runs(eval_object=eval_object(), runs=[run], frame=FRAME, next_after="evalrun_x")

    assert f'href="../evaluations/{EVAL_ID}?run_id={RUN_ID}"' in html
    assert f'href="../evaluations/{EVAL_ID}?after=evalrun_x"' in html
    assert "<b>77.5%</b>" in html


def test_every_eval_leads_to_its_runs() -> None:
    html = render_evals(evals=[eval_object()], frame=Frame("./"), next_after="eval_x")

    assert f'href="./evaluations/{EVAL_ID}"' in html
    assert 'href="./?after=eval_x"' in html
    assert "Correct team" in html


def test_empty_lists_say_so() -> None:
    assert "There are no evals yet" in render_evals(evals=[], frame=Frame("./"))
    assert "This eval has no runs yet" in render_runs(
        eval_object=eval_object(), runs=[], frame=FRAME
    )


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
