"""What the page of settings shows of addresses, and of a machine that isolates nothing."""

from evald.dashboard.frame import Frame
from evald.dashboard.server_facts import server_facts
from evald.dashboard.settings_page import ProjectFacts, render_settings, shown_base, shown_origin
from evald.sandbox.interface import Isolation
from evald.settings import Settings


def test_addresses_are_shown_without_what_may_be_a_secret() -> None:
    assert shown_origin("https://me:word@hooks.example/services/T0/secret?t=1") == (
        "https://hooks.example/…"
    )
    assert shown_origin("https://hooks.example:8443/") == "https://hooks.example:8443"
    assert shown_base("https://me:word@models.example/v1?key=secret") == "https://models.example/v1"
    assert shown_origin("https://[broken") == "…"


def test_a_machine_that_isolates_nothing_says_what_to_do() -> None:
    settings = Settings(upstream_base_url="http://127.0.0.1:9/v1", upstream_api_key="sk-hidden")  # type: ignore[arg-type]
    facts = server_facts(settings, version="1", public_url="http://x", database="SQLite")

    def rendered(isolation: Isolation | None) -> str:
        return render_settings(
            facts, ProjectFacts(), frame=Frame("../"), isolation=isolation, now=1.0
        )

    refused = rendered(Isolation(None, (), "Install <bubblewrap>."))
    assert "refused</span>" in refused
    assert "Install &lt;bubblewrap&gt;." in refused
    assert "EVALD_UPSTREAM_API_KEY" in refused
    assert "sk-hidden" not in refused
    assert "still tried out" in rendered(None)
