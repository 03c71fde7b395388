"""A WordNet of two dozen synsets, written in the format of the whole one."""

from collections import defaultdict
from pathlib import Path

Synsets = tuple[tuple[str, ...], ...]

SYNSETS: dict[str, Synsets] = {
    "noun": (
        ("car", "auto", "motorcar"),
        ("car", "railcar", "railway_car"),
        ("man", "adult_male"),
        ("man", "piece"),
        ("child", "kid", "youngster"),
        ("kid", "goat"),
        ("film", "movie", "picture"),
        ("Paris", "City_of_Light"),
        ("start", "begin"),
        ("glass", "drinking_glass"),
        ("axis", "axes"),
        ("world_war",),
    ),
    "verb": (
        ("buy", "get", "bribe"),
        ("begin", "start", "set_about"),
        ("film", "shoot"),
        ("sit", "pose"),
        ("lead", "guid"),
    ),
    "adj": (
        ("fast", "quick", "rapid"),
        ("big", "large", "handsome"),
        ("asleep(p)", "dormant(p)"),
        ("good", "well(p)"),
    ),
    "adv": (("well", "good"), ("fast", "apac")),
}
EXCEPTIONS = {
    "noun": {"men": ["man"], "children": ["child"], "axes": ["ax", "axis"]},
    "verb": {"bought": ["buy"], "began": ["begin"], "sat": ["sit"], "shot": ["shoot"]},
    "adj": {"better": ["good", "well"]},
    "adv": {"better": ["well"]},
}
PARTS = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}
HEADER = "  1 Made for tests.  \n"


def write_small_wordnet(folder: Path) -> Path:
    """Write the database, and the two files that only nltk wants, and give the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, synsets in SYNSETS.items():
        data, offsets = _data(PARTS[part], synsets)
        (folder / f"data.{part}").write_text(data)
        (folder / f"index.{part}").write_text(_index(PARTS[part], offsets))
        exceptions = (" ".join([word, *bases]) for word, bases in EXCEPTIONS[part].items())
        (folder / f"{part}.exc").write_text("".join(f"{line}\n" for line in exceptions))
    (folder / "lexnames").write_text("00\tall\t1\n")
    return folder


def _data(letter: str, synsets: Synsets) -> tuple[str, dict[str, list[int]]]:
    text, offsets = HEADER, defaultdict(list)
    for names in synsets:
        offset = len(text)
        for name in names:
            offsets[name.lower().removesuffix("(p)")].append(offset)
        words = " ".join(f"{name} 0" for name in names)
        text += f"{offset:08d} 00 {letter} {len(names):02x} {words} 000 | a gloss  \n"
    return text, offsets


def _index(letter: str, offsets: dict[str, list[int]]) -> str:
    lines = (
        f"{word} {letter} {len(found)} 1 @ {len(found)} 0 "
        + " ".join(f"{offset:08d}" for offset in found)
        + "  \n"
        for word, found in sorted(offsets.items())
    )
    return HEADER + "".join(lines)
