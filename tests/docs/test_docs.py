"""The docs say what is there: every route, every setting, every file that they link to."""

import re
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import APIRouter
from pydantic import BaseModel

from evald.api.app import build_app
from evald.api.services import Services
from evald.settings import PriceSettings, ProviderSettings, Settings, WebhookSettings
from tests.server import CHECKOUT

DOCS = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *(CHECKOUT / "docs").rglob("*.md")]


def test_every_route_is_in_the_coverage_table() -> None:
    coverage = (CHECKOUT / "docs" / "api-coverage.md").read_text()
    # Only the list of routes is read, so there need be nothing behind them.
    schema: dict[str, Any] = build_app(cast("Services", None), APIRouter()).openapi()
    routes = {
        f"`{method.upper()} {path.removeprefix('/v1')}`"
        for path, methods in schema["paths"].items()
        for method in methods
        if path != "/healthz"
    }

    assert {route for route in routes if route not in coverage} == set()


def test_every_setting_is_in_the_configuration_page() -> None:
    page = (CHECKOUT / "docs" / "configuration.md").read_text()
    tables: dict[str, type[BaseModel]] = {
        "providers": ProviderSettings,
        "prices": PriceSettings,
        "webhooks": WebhookSettings,
    }
    settings = {f"EVALD_{name.upper()}" for name in Settings.model_fields if name not in tables}
    keys = {f"| `{name}` |" for table in tables.values() for name in table.model_fields}

    missing = {name for name in settings | keys if name not in page}

    assert missing - {"EVALD_CONFIG"} == set()


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []
