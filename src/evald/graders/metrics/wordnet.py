"""The synonyms that METEOR compares, read from the WordNet that is installed on the machine.

WordNet is data of 28 MB that no Python package brings, and evald downloads nothing by itself. The files
are read where Debian's `wordnet-base` or nltk's downloader puts them, and NLTK_DATA is nltk's variable,
not a setting of evald. This is the one place where a metric reads files: always the same, never written.
"""

import mmap
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final
from zipfile import BadZipFile, ZipFile

from evald.errors import GraderFailed

Content = bytes | mmap.mmap
Rules = tuple[tuple[str, str], ...]

# The endings that the base form of a word may lack, by part of speech (WordNet's manual, morphy).
DETACHED: Final[Mapping[str, Rules]] = {
    "noun": (
        ("s", ""), ("ses", "s"), ("ves", "f"), ("xes", "x"), ("zes", "z"), ("ches", "ch"),
        ("shes", "sh"), ("men", "man"), ("ies", "y"),
    ),
    "verb": (
        ("s", ""), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e"),
        ("ing", ""),
    ),
    "adj": (("er", ""), ("est", ""), ("er", "e"), ("est", "e")),
    "adv": (),
}  # fmt: skip
FILES: Final = tuple(
    name for part in DETACHED for name in (f"index.{part}", f"data.{part}", f"{part}.exc")
)
_ENTRY: Final = re.compile(rb"^([^ \n]+) ", re.MULTILINE)
_MARKER: Final = re.compile(r"\(.*\)$")
_CACHED_WORDS: Final = 8_192


@dataclass(frozen=True, slots=True)
class PartOfSpeech:
    """The files of one part of speech."""

    detached: Rules
    index: Content
    entries: Mapping[str, int]
    """Where the entry of each base form begins in the index."""
    synsets: Content
    exceptions: Mapping[str, list[str]]
    """The base forms of irregular words."""

    def synset_lines(self, word: str) -> Iterator[bytes]:
        """Give the line of each set of synonyms that the word, or a base form of it, is in."""
        for form in dict.fromkeys((word, *self._base_forms(word))):
            start = self.entries.get(form)
            if start is not None:
                for offset in _offsets(_line(self.index, start)):
                    yield _line(self.synsets, offset)

    def _base_forms(self, word: str) -> list[str]:
        if word in self.exceptions:
            return self.exceptions[word]
        return [word.removesuffix(old) + new for old, new in self.detached if word.endswith(old)]


class WordNet:
    """Gives the synonyms of a word, as nltk 3.9.1's METEOR takes them from its WordNet reader."""

    def __init__(self, read: Callable[[str], Content]) -> None:
        """Open the database whose files the function gives by name."""
        self._parts = [_part_of_speech(name, read) for name in DETACHED]
        self.synonyms = lru_cache(_CACHED_WORDS)(self._synonyms)

    def _synonyms(self, word: str) -> frozenset[str]:
        """Give the single words, spelled as in WordNet, that share a set of synonyms with this one."""
        lines = (line for part in self._parts for line in part.synset_lines(word))
        try:
            return frozenset(name for line in lines for name in _names(line) if "_" not in name)
        except (ValueError, IndexError) as fault:
            raise _unreadable(f"the entry of {word!r}: {fault}") from fault


def installed_wordnet() -> WordNet:
    """Give the WordNet of this machine, opened once. Raises GraderFailed when there is none."""
    return opened(found_wordnet(wordnet_places(os.environ.get("NLTK_DATA", ""))))


@lru_cache(maxsize=8)
def wordnet_places(nltk_data: str) -> tuple[Path, ...]:
    """Give where nltk looks for its data, first what NLTK_DATA names, then where Debian has it."""
    prefix = Path(sys.prefix)
    folders = [Path(folder) for folder in nltk_data.split(os.pathsep) if folder]
    folders += [
        Path(os.path.expanduser("~/nltk_data")),
        prefix / "nltk_data",
        prefix / "share/nltk_data",
    ]
    folders += [
        Path(under, "nltk_data")
        for under in ("/usr/share", "/usr/local/share", "/usr/lib", "/usr/local/lib")
    ]
    corpora = [
        folder / "corpora" / name for folder in folders for name in ("wordnet", "wordnet.zip")
    ]
    return (*corpora, Path("/usr/share/wordnet"))


@lru_cache(maxsize=8)
def found_wordnet(places: tuple[Path, ...]) -> Path:
    """Give the first place that has a whole WordNet. Raises GraderFailed when none has.

    What was found once is not looked for again; what was not found may be installed meanwhile.
    """
    for place in places:
        if _is_whole(place):
            return place
    raise GraderFailed(
        "wordnet_missing",
        "The metric meteor needs the WordNet database, which was not found on this machine. On Debian: "
        "apt-get install wordnet-base. Elsewhere put the folder wordnet, or the file wordnet.zip, of "
        "nltk's data under corpora/ in a folder that NLTK_DATA names.",
    )


@lru_cache(maxsize=8)
def opened(place: Path) -> WordNet:
    """Open the WordNet in a folder, or in a zip file with one folder, as nltk's downloader leaves it.

    Raises GraderFailed when it is damaged.
    """
    try:
        if place.suffix != ".zip":
            return WordNet(lambda name: _mapped(place / name))
        with ZipFile(place) as packed:
            return WordNet(lambda name: packed.read(f"{place.stem}/{name}"))
    except (OSError, BadZipFile, KeyError, ValueError) as fault:
        raise _unreadable(f"{place}: {fault}") from fault


def _is_whole(place: Path) -> bool:
    if place.suffix == ".zip":
        return place.is_file()
    return all((place / name).is_file() for name in FILES)


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _part_of_speech(name: str, read: Callable[[str], Content]) -> PartOfSpeech:
    index = read(f"index.{name}")
    exceptions = (line.split() for line in bytes(read(f"{name}.exc")).decode().splitlines())
    return PartOfSpeech(
        detached=DETACHED[name],
        index=index,
        entries={entry[1].decode(): entry.start() for entry in _ENTRY.finditer(index)},
        synsets=read(f"data.{name}"),
        exceptions={irregular: bases for irregular, *bases in exceptions},
    )


def _line(content: Content, start: int) -> bytes:
    end = content.find(b"\n", start)
    return content[start : end if end >= 0 else len(content)]


def _offsets(entry: bytes) -> list[int]:
    """Read `word part synsets pointers [pointer...] senses tagged offset...`."""
    fields = entry.split()
    return [int(offset) for offset in fields[len(fields) - int(fields[2]) :]]


def _names(synset: bytes) -> list[str]:
    """Read `offset file part words (word id)... | gloss`, the count in hexadecimal."""
    fields = synset.split(b" | ", 1)[0].decode().split(" ")
    return [_MARKER.sub("", name) for name in fields[4 : 4 + 2 * int(fields[3], 16) : 2]]


def _unreadable(what: str) -> GraderFailed:
    return GraderFailed(
        "wordnet_unreadable",
        f"The WordNet database is damaged; install it anew. At fault is {what}",
    )
