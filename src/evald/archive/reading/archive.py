"""An archive read from its beginning, as often as one likes, with what in it cannot be read."""

from collections.abc import Iterator
from pathlib import Path

from evald.archive.reading.archives import members, see_that_it_is_there
from evald.archive.reading.documents import objects_in
from evald.archive.reading.limits import Limits, TooMuch
from evald.archive.reading.members import LeftOut, Member, Unreadable
from evald.archive.reading.records import Broken, Record


class Archive:
    """A folder, a packed archive or a file."""

    def __init__(self, path: Path, limits: Limits) -> None:
        """Read nothing yet."""
        self.path = path
        self._limits = limits
        self._is_over = False

    def see(self) -> None:
        """See that something is there to be read. Raises NoArchive."""
        see_that_it_is_there(self.path)

    def members(self) -> Iterator[Member | Broken]:
        """Give its files. Raises NoArchive.

        Where it cannot be read any further, or holds more than it may, it ends.
        """
        self._is_over = False
        try:
            for each in members(self.path, self._limits):
                yield Broken(each.name, None, each.reason) if isinstance(each, LeftOut) else each
                if self._is_over:
                    return
        except (Unreadable, TooMuch) as error:
            yield Broken(self.path.name, None, f"{error}; nothing behind it is read")

    def records(self, member: Member) -> Iterator[Record | Broken]:
        """Give the objects of the file that `members` gave last."""
        try:
            yield from objects_in(member.pieces(), member.name, self._limits.object_bytes)
        except (Unreadable, TooMuch) as error:
            self._is_over = isinstance(error, TooMuch)
            yield Broken(member.name, None, str(error))
