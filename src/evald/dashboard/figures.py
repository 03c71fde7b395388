"""Numbers, times and shares as a reader wants to see them."""

import math
from datetime import UTC, datetime
from decimal import Decimal

_NOTHING = "–"
_MOST_DECIMALS = 18
_LONGEST_AGO = 14
"""Days."""


def number(value: int) -> str:
    """Give a count with thousands separated: 62,140."""
    return f"{value:,}"


def percent(share: float) -> str:
    """Give a share from 0 to 1 as 87.2. Only none is 0.0 and only all is 100.0."""
    rounded = round(share * 100, 1)
    if rounded == 100.0 and share < 1:
        return "99.9"
    if rounded == 0.0 and share > 0:
        return "0.1"
    return f"{rounded:.1f}"


def score(value: float | None, threshold: float | None = None) -> str:
    """Give a score with two decimals at most: 1, 0.86, 0.5.

    It has more where it would otherwise lie on the other side of the threshold: 0.499 beside 0.5.
    """
    if value is None or not math.isfinite(value):
        return _NOTHING
    for decimals in range(2, _MOST_DECIMALS):
        shown = _rounded(value, decimals)
        if threshold is None or (float(shown) >= threshold) == (value >= threshold):
            return shown
    return repr(value)


def exact(value: float) -> str:
    """Give a threshold with all its decimals: 0.9951."""
    for decimals in range(2, _MOST_DECIMALS):
        shown = _rounded(value, decimals)
        if float(shown) == value:
            return shown
    return repr(value)


def _rounded(value: float, decimals: int) -> str:
    shown = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if shown == "-0" else shown


def signed(difference: float) -> str:
    """Give a difference of scores with its sign and three decimals at most: +0.12, −1.5, 0."""
    shown = f"{difference:+.3f}".rstrip("0").rstrip(".")
    return "0" if shown in ("+0", "-0") else shown.replace("-", "−")


def duration(seconds: float) -> str:
    """Give a span of time in its two largest units: 0.82 s, 12 s, 2 min 30 s, 3 h 5 min."""
    if seconds < 10:
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + " s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def milliseconds(value: float) -> str:
    """Give a latency in ms as 812 ms or 1.94 s."""
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.2f} s"


def rate(items_per_second: float) -> str:
    """Give a speed: 253, or 0.8 where whole numbers would say too little."""
    if items_per_second < 0.1:
        return "< 0.1"
    return number(round(items_per_second)) if items_per_second >= 10 else f"{items_per_second:.1f}"


def moment(timestamp: float) -> str:
    """Give a Unix time as 2026-11-25 09:41:12, in UTC."""
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S")


def ago(timestamp: float, now: float) -> str:
    """Give how long ago a Unix time was, or its day where that is weeks: 4 min ago, 2026-10-31."""
    seconds = now - timestamp
    if seconds < 60:
        return "just now"
    if seconds < 60 * 60:
        return f"{int(seconds / 60)} min ago"
    if seconds < 24 * 60 * 60:
        return f"{int(seconds / 60 / 60)} h ago"
    days = int(seconds / 24 / 60 / 60)
    if days <= _LONGEST_AGO:
        return "1 day ago" if days == 1 else f"{days} days ago"
    return moment(timestamp)[:10]


def size(size_in_bytes: int) -> str:
    """Give a size with its unit: 812 B, 1.4 KB, 512 MB."""
    amount, units = float(size_in_bytes), ["B", "KB", "MB", "GB"]
    while amount >= 1000 and len(units) > 1:
        amount /= 1024
        del units[0]
    is_whole = units[0] == "B" or amount >= 100
    return f"{amount:.0f} {units[0]}" if is_whole else f"{amount:.1f} {units[0]}"


def iso_moment(timestamp: float) -> str:
    """Give a Unix time as an HTML `datetime` attribute wants it."""
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def points(difference: float) -> str:
    """Give a difference of shares in percentage points, with its sign: +2.4, −0.3, 0.0."""
    rounded = round(difference * 100, 1)
    return f"+{rounded:.1f}" if rounded > 0 else f"−{-rounded:.1f}" if rounded < 0 else "0.0"


def about_milliseconds(value: float) -> str:
    """Give a latency that is known to two digits: 680 ms, 1.9 s, 12 s, 2 min 10 s."""
    if value < 995:
        return f"{value:.2g} ms" if value < 10 else f"{value:.0f} ms"
    return f"{value / 1000:.1f} s" if value < 9950 else duration(value / 1000)


def money(amount: Decimal) -> str:
    """Give a sum with two decimals, or with two digits where it is less than one: 12.41, 0.0042."""
    if amount == 0:
        return "0"
    decimals = 2 if amount >= 1 else max(2, 1 - amount.adjusted())
    return f"{amount:,.{decimals}f}"


def large(value: int) -> str:
    """Give a count that is too large to be read: 31.9M, 12.4K, 812."""
    for unit, size in (("G", 1_000_000_000), ("M", 1_000_000), ("K", 10_000)):
        if value >= size:
            return f"{value / (1000 if unit == 'K' else size):.1f}{unit}"
    return number(value)
