"""evald beside the floor: medians, ratios, and how they are shown."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from benchmarks.processes import Measurement

IN_FLIGHT = 64  # evald's default limit per provider
AIMS = {0: 0.4, 50: 0.97}  # by latency in ms: evald's items/s, at least so much of the floor's

Figure = Callable[[Measurement], float]


def items_per_second(measured: Measurement) -> float:
    """Give the throughput as the one who ordered the work sees it."""
    return measured.items / measured.seconds


def items_per_second_inside(measured: Measurement) -> float:
    """Give the throughput by the worker's own clock, or as seen from outside if it has none."""
    return measured.items / (measured.inner_seconds or measured.seconds)


def cpu_per_thousand(measured: Measurement) -> float:
    """Give the CPU seconds for 1,000 items."""
    return measured.cpu_seconds / measured.items * 1000


def peak_mib(measured: Measurement) -> float:
    """Give the most memory that was resident."""
    return measured.peak_mib


FIGURES: dict[str, Figure] = {
    "items/s": items_per_second,
    "items/s inside": items_per_second_inside,
    "CPU s / 1,000": cpu_per_thousand,
    "peak MiB": peak_mib,
}


@dataclass(frozen=True)
class Round:
    """Floor and evald, one after the other."""

    floor: Measurement
    evald: Measurement


@dataclass(frozen=True)
class Comparison:
    """All rounds at one latency."""

    latency_ms: int
    rounds: Sequence[Round]

    def floor(self, figure: Figure) -> float:
        """Give the median of a figure of the floor."""
        return median(figure(one.floor) for one in self.rounds)

    def evald(self, figure: Figure) -> float:
        """Give the median of a figure of evald."""
        return median(figure(one.evald) for one in self.rounds)

    def ratio(self, figure: Figure) -> float:
        """Give the median of the rounds' ratios, evald by floor."""
        return median(figure(one.evald) / figure(one.floor) for one in self.rounds)

    @property
    def ideal(self) -> float | None:
        """Give the items/s if only the latency took time; None without a latency."""
        return IN_FLIGHT / (self.latency_ms / 1000) if self.latency_ms else None

    @property
    def model_server_share(self) -> float:
        """Give the largest share of a core that the model server took; near 1 it is the limit."""
        return max(
            (one.evald.model_server_cpu_seconds or 0) / one.evald.seconds for one in self.rounds
        )


def table(compared: Comparison) -> str:
    """Give the figures of one latency as text."""
    items = compared.rounds[0].evald.items
    lines = [
        f"{compared.latency_ms} ms latency, {items:,} items, {IN_FLIGHT} in flight",
        f"medians, rounds: {len(compared.rounds)}",
        f"{'':16}{'floor':>12}{'evald':>12}{'ratio':>12}",
    ]
    for name, figure in FIGURES.items():
        floor, evald = compared.floor(figure), compared.evald(figure)
        lines.append(f"{name:16}{floor:12,.2f}{evald:12,.2f}{compared.ratio(figure):12.3f}")
    if compared.ideal is not None:
        of_ideal = compared.evald(items_per_second) / compared.ideal
        lines.append(f"ideal {compared.ideal:,.0f} items/s; evald reaches {of_ideal:.3f} of it")
    lines.append(f"the model server used {compared.model_server_share:.2f} of a core at most")
    return "\n".join([*lines, aim_line(compared), ""])


def aim_line(compared: Comparison) -> str:
    """Say whether the aim for this latency is met."""
    aim = AIMS.get(compared.latency_ms)
    if aim is None:
        return "no aim is set for this latency"
    reached = compared.ratio(items_per_second)
    answer = "yes" if reached >= aim else "no"
    return f"aim: at least {aim} of the floor's items/s: {answer} ({reached:.3f})"


def summary(compared: Comparison) -> dict[str, object]:
    """Give everything measured at one latency, for JSON."""
    figures = {
        name: {
            "floor": compared.floor(figure),
            "evald": compared.evald(figure),
            "ratio": compared.ratio(figure),
        }
        for name, figure in FIGURES.items()
    }
    aim = AIMS.get(compared.latency_ms)
    return {
        "latency_ms": compared.latency_ms,
        "in_flight": IN_FLIGHT,
        "ideal_items_per_second": compared.ideal,
        "medians": figures,
        "aim": aim,
        "aim_met": None if aim is None else compared.ratio(items_per_second) >= aim,
        "rounds": [asdict(one) for one in compared.rounds],
    }
