"""How sure a measured share can be."""

from math import sqrt
from typing import NamedTuple

Z_95 = 1.959963984540054
"""The 97.5 % point of the standard normal distribution: 95 % lie between -Z_95 and +Z_95."""


class Interval(NamedTuple):
    """The two values between which the true one is likely to lie; shares go from 0 to 1."""

    low: float
    high: float


def wilson_interval(passed: int, total: int) -> Interval:
    """Give the 95 % Wilson score interval of a pass rate of `passed` out of `total`.

    The bounds are the two shares p that solve |passed/total - p| = z * sqrt(p * (1 - p) / total).
    Unlike "share plus or minus error" it stays within 0 and 1, and it says something of none and of
    all. With no items nothing is known: the interval is 0 to 1. Raises ValueError when `passed` is
    not between 0 and `total`.

    Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
    Journal of the American Statistical Association 22 (158), 1927, pages 209-212.
    """
    if not 0 <= passed <= total:
        raise ValueError(f"passed must lie between 0 and {total}, not {passed}")
    if total == 0:
        return Interval(0.0, 1.0)

    share = passed / total
    spread = Z_95**2 / total
    center = (share + spread / 2) / (1 + spread)
    half = sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
    low = 0.0 if passed == 0 else max(0.0, center - half)
    high = 1.0 if passed == total else min(1.0, center + half)
    return Interval(low, high)


class Difference(NamedTuple):
    """How much higher one share is than another, from -1 to 1, and between what it is likely to lie."""

    value: float
    low: float
    high: float


def difference_interval(passed: int, total: int, before: int, total_before: int) -> Difference:
    """Give passed/total less before/total_before, with its 95 % interval.

    The two are taken as independent samples: where the same rows were judged twice, a paired test says
    more. It is Newcombe's hybrid of two Wilson intervals, which stays within -1 and 1. Raises ValueError
    when there are no items on a side, or more of them passed than there are.

    Source: R. G. Newcombe, "Interval estimation for the difference between independent proportions:
    comparison of eleven methods", Statistics in Medicine 17 (8), 1998, pages 873-890, method 10.
    """
    if total < 1 or total_before < 1:
        raise ValueError("both sides need items")
    new, old = wilson_interval(passed, total), wilson_interval(before, total_before)
    share, share_before = passed / total, before / total_before
    value = share - share_before
    down = sqrt((share - new.low) ** 2 + (old.high - share_before) ** 2)
    up = sqrt((new.high - share) ** 2 + (share_before - old.low) ** 2)
    return Difference(value, value - down, value + up)
