"""Where a run or an eval comes from that was not made on this server."""

from dataclasses import dataclass

from evald.dashboard.reading import ApiObject, number_or_none, object_of, text_of


@dataclass(frozen=True)
class Origin:
    """That something was imported: when, with which status, and from how much.

    `status` is empty for an eval. `reconstructed` says that it was put together from its output items.
    """

    at: float
    status: str
    reconstructed: bool


def origin_of(thing: ApiObject) -> Origin | None:
    """Give the origin of a run or an eval, or None where it was made here."""
    imported = object_of(object_of(thing.get("evald")).get("imported"))
    at = number_or_none(imported.get("at"))
    if at is None:
        return None
    return Origin(at, text_of(imported.get("status")), imported.get("reconstructed") is True)
