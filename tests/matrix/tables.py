"""What is expected of every cell, as people wrote it: the files of ``tests/matrix/expected``.

A table has a row for each operation and kind of write and a column for each role. A cell is
``yes`` (stored as wanted), ``naught`` (let in, and nothing of it is stored), or a word of
``sentences.txt``: refused with that code and sentence. Nothing here is computed by the product.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.matrix.writes import VERBS, Kind, Place

FOLDER = Path(__file__).resolve().parent / "expected"
YES, NAUGHT = "yes", "naught"

Key = tuple[str, Kind, str]
"""Operation, kind of write, role."""


@dataclass(frozen=True)
class Refusal:
    """A way to say no."""

    code: int
    sentence: str
    """A part of what is shown; ``{me}``, ``{verb}``, ``{resource}``, ``{name}`` are the cell's."""

    def shown(self, *, me: str, kind: Kind, place: Place) -> str:
        """Return what must be read in the answer of this cell."""
        return (
            self.sentence.replace("{me}", me)
            .replace("{verb}", VERBS.get(kind, "patch"))
            .replace("{resource}", place.resource)
            .replace("{name}", place.name)
        )


class TableError(ValueError):
    """A table does not say what a table must; the message names file and line."""


def read_sentences(text: str) -> dict[str, Refusal]:
    """Return the refusals by the word that stands for them.

    Raises:
        TableError: a line is not ``WORD CODE SENTENCE``, or a word is there twice.
    """
    found: dict[str, Refusal] = {}
    for number, line in _lines(text):
        parts = line.split(None, 2)
        if len(parts) != 3 or not parts[1].isdigit():
            raise TableError(f"line {number}: expected WORD CODE SENTENCE")
        if parts[0] in found or parts[0] in (YES, NAUGHT):
            raise TableError(f"line {number}: {parts[0]} is taken")
        found[parts[0]] = Refusal(int(parts[1]), parts[2])
    return found


def read_table(text: str) -> dict[Key, str]:
    """Return the word of each cell. The first line names the columns.

    Raises:
        TableError: a row has more or fewer cells than there are columns, or repeats a cell.
    """
    (_, header), *rows = _lines(text)
    roles = header.split()[2:]
    cells: dict[Key, str] = {}
    for number, line in rows:
        operation, kinds, *words = line.split()
        if len(words) != len(roles):
            raise TableError(f"line {number}: {len(words)} cells for {len(roles)} roles")
        for kind in kinds.split(","):
            for role, word in zip(roles, words, strict=True):
                key = (operation, Kind(kind), role)
                if key in cells:
                    raise TableError(f"line {number}: {operation} by {kind} is there twice")
                cells[key] = word
    return cells


def sentences() -> Mapping[str, Refusal]:
    """Return the shipped sentences."""
    return read_sentences((FOLDER / "sentences.txt").read_text())


def table(group: str) -> dict[Key, str]:
    """Return the shipped table of a group of operations."""
    return read_table((FOLDER / f"{group}.txt").read_text())


def _lines(text: str) -> list[tuple[int, str]]:
    numbered = enumerate(text.splitlines(), start=1)
    return [(number, line) for number, line in numbered if line.strip() and line[0] != "#"]
