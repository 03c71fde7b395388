"""`evald keys` as a person runs it."""

from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

from tests.server import evald_ended


@dataclass(frozen=True)
class MadeKey:
    """A key that was made."""

    id: str
    secret: str


def keys(data_dir: Path, *arguments: str) -> CompletedProcess[str]:
    """Run a command of `evald keys` on the database of a folder."""
    return evald_ended("keys", *arguments, "--data-dir", str(data_dir))


def make_key(data_dir: Path, *options: str) -> MadeKey:
    """Make a key; it is all that the command prints to standard output."""
    made = keys(data_dir, "create", *options)
    assert made.returncode == 0, made.stderr
    return MadeKey(made.stderr.split()[1], made.stdout.removesuffix("\n"))


def revoke(data_dir: Path, key: MadeKey) -> None:
    """Revoke a key."""
    revoked = keys(data_dir, "revoke", key.id)
    assert revoked.returncode == 0, revoked.stderr
