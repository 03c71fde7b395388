"""Text is readable in both themes: WCAG 2.1 AA asks for a contrast of 4.5 to 1."""

import re

import pytest

from evald.dashboard.assets import ASSETS

PAIRS = [
    ("ink", "bg"),
    ("ink", "surface"),
    ("ink-2", "bg"),
    ("ink-2", "surface"),
    ("ink-2", "sunken"),
    ("ink-2", "idle-soft"),
    ("ink-3", "bg"),
    ("ink-3", "surface"),
    ("ink-3", "sunken"),
    ("ink-3", "accent-soft"),
    ("accent", "accent-soft"),
    ("pass", "surface"),
    ("pass", "pass-soft"),
    ("pass", "sunken"),
    ("pass", "accent-soft"),
    ("fail", "surface"),
    ("fail", "fail-soft"),
    ("fail", "sunken"),
    ("fail", "accent-soft"),
    ("error", "surface"),
    ("error", "sunken"),
    ("error", "accent-soft"),
    ("ink", "pass-soft"),
    ("ink", "fail-soft"),
    ("ink", "error-soft"),
    ("ink-3", "error-soft"),
    ("surface", "fail"),
    ("surface", "accent"),
]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back"), PAIRS)
def test_text_stands_out_from_its_background(front: str, back: str, theme: int) -> None:
    colors = tokens(theme)

    assert contrast(colors[front], colors[back]) >= 4.5


def tokens(theme: int) -> dict[str, str]:
    """Give the colors of a theme, as the style sheet names them."""
    css = ASSETS["app.css"].content.decode()
    pairs = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", css)
    return {name: (light, dark)[theme] for name, light, dark in pairs}


def contrast(one: str, other: str) -> float:
    """Give the contrast ratio as WCAG 2.1 defines it."""
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def luminance(color: str) -> float:
    """Give the relative luminance of a color such as #1f55c4."""
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        channel / 12.92 if channel <= 0.03928 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
