"""How much an archive may hold: what unpacks without an end is not read to it."""

from dataclasses import dataclass
from typing import Final, Protocol

_BEFORE_RATIO: Final = 256 * 2**20
"""Bytes that may be unpacked whatever the ratio: a small file of repeated text packs well."""
_LARGEST_HEADER: Final = 32 * 2**20


class TooMuch(Exception):
    """A limit is reached, and nothing more of the archive is read. The message says which."""


@dataclass(frozen=True)
class Limits:
    """What an archive may hold."""

    members: int = 1_000_000
    """Files and folders."""
    gigabytes: float = 64.0
    """Bytes that a packed archive may unpack to, in 10^9."""
    ratio: float = 200.0
    """How many times larger it may be unpacked."""
    object_bytes: int = 32 * 2**20
    """Bytes of one object, which is as much as a server takes."""


class Meter:
    """What was read of one archive so far. `packed` is its size; None for a folder."""

    def __init__(self, limits: Limits, packed: int | None) -> None:
        """Begin at nothing."""
        self._limits = limits
        self._packed = packed
        self._members = 0
        self._bytes = 0

    def member(self) -> None:
        """Count a file or folder. Raises TooMuch."""
        self._members += 1
        if self._members > self._limits.members:
            raise TooMuch(
                f"it holds more than {self._limits.members:,} files (--max-members raises this)"
            )

    @property
    def members_left(self) -> int:
        """Give how many more there may be."""
        return self._limits.members - self._members

    def read(self, size: int) -> None:
        """Count bytes that were unpacked. Raises TooMuch."""
        self._bytes += size
        if self._bytes > self._limits.gigabytes * 10**9:
            raise TooMuch(
                f"it unpacks to more than {self._limits.gigabytes:g} GB (--max-gb raises this)"
            )
        allowed = (self._packed or 0) * self._limits.ratio
        if self._packed is not None and self._bytes > max(_BEFORE_RATIO, allowed):
            raise TooMuch(
                f"it unpacks to more than {self._limits.ratio:g} times its size "
                "(--max-ratio raises this)"
            )


class Stream(Protocol):
    """Something to read from."""

    def read(self, size: int, /) -> bytes:
        """Give at most so many bytes, none at the end."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Counted:
    """A stream whose bytes are counted, and which is only read forwards."""

    def __init__(self, file: Stream, meter: Meter, *, of_headers: bool = False) -> None:
        """Read from `file`. With headers it is a tar, whose reader takes each of them as a whole."""
        self._file = file
        self._meter = meter
        self._at = 0
        self._has_headers = of_headers
        self.last = b""
        """What was read last."""

    def read(self, size: int = -1, /) -> bytes:
        """Give at most so many bytes. Raises TooMuch."""
        if self._has_headers and not 0 <= size <= _LARGEST_HEADER:
            raise TooMuch("one of its headers is larger than any name")
        self.last = self._file.read(size)
        self._at += len(self.last)
        self._meter.read(len(self.last))
        return self.last

    def tell(self) -> int:
        """Give the bytes that were passed."""
        return self._at

    def seek(self, place: int, /) -> int:
        """Pass over what lies before a place further on. Raises TooMuch, OSError for one behind."""
        if place < self._at:
            raise OSError("it is read forwards only")
        while self._at < place and self.read(min(1 << 20, place - self._at)):
            pass
        return self._at

    def close(self) -> None:
        """Let go of what it reads from."""
        self._file.close()
