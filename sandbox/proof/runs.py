"""Every run of `make proof`: the model, what must hold beside it, and what must fail."""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.proof.tlc import Check

SAFE = (
    "TypeOK",
    "AtMostOneEffect",
    "RepeatSparesOthers",
    "NothingUnapproved",
    "NothingRejected",
    "NothingExpired",
    "BrakesHold",
    "TermsDiffer",
)
IN_TIME = ("NothingSentLate", "NoEffectAfterEnd")
EPOCHS = ("EpochMonotone",)
LIVE = ("EveryApprovedEnds",)

ALL_FAULTS = ("crash", "freeze", "stop", "lost", "foreign", "pd", "suspend", "cancel")


def constants(
    *,
    absolute: int = 0,
    undoable: bool = False,
    refused: int = 0,
    never: int = 0,
    grouped: bool = False,
    terms: int = 3,
    edits: int = 0,
    faults: tuple[str, ...] = (),
    without: str | None = None,
    dropped: str | None = None,
) -> dict[str, str]:
    """The constants of the module for so many proposals of each class, and such faults.

    `undoable` and `grouped` are said of all absolute ones.
    """
    names = iter(f"p{number}" for number in range(1, 9))
    by_class = [[next(names) for _ in range(count)] for count in (absolute, refused, never)]
    told = {"a": "a", "b": "b"}
    told |= {name: name for members in by_class for name in members}
    return told | {
        "Operators": "{a, b}",
        "Absolute": _set(by_class[0]),
        "Undoable": _set(by_class[0] if undoable else ()),
        "Refused": _set(by_class[1]),
        "Never": _set(by_class[2]),
        "Grouped": _set(by_class[0] if grouped else ()),
        "Without": _strings(without),
        "Dropped": _strings(dropped),
        "MaxTerms": str(terms),
        "MaxEdits": str(edits),
        "Faults": _strings(*faults),
    }


def _set(members: tuple[str, ...] | list[str]) -> str:
    return "{" + ", ".join(members) + "}"


def _strings(*words: str | None) -> str:
    return "{" + ", ".join(f'"{word}"' for word in words if word is not None) + "}"


@dataclass(frozen=True)
class Run:
    """One run and what it must find."""

    name: str
    """Of a variant: the rule that is left out; of an assumption: the one that is dropped."""
    check: Check
    breaks: str | None = None
    """The invariant that must not hold; None when everything must hold."""


def _holds(name: str, told: Mapping[str, str], *, in_time: bool = True) -> Run:
    invariants = (*SAFE, *IN_TIME) if in_time else SAFE
    return Run(name, Check(told, invariants, EPOCHS))


def _variant(rule: str, breaks: str, told: Mapping[str, str]) -> Run:
    if breaks in EPOCHS:
        return Run(rule, Check(told, ("TypeOK",), EPOCHS), breaks)
    return Run(rule, Check(told, ("TypeOK", breaks)), breaks)


MAIN = _holds(
    "two proposals, two operators",
    constants(absolute=1, never=1, terms=4, faults=("crash", "freeze", "lost", "foreign")),
)
"""Four terms: three times leadership is lost by a crash or by a freeze past the lease."""

BESIDE = (
    _holds(
        "edits, brakes, graceful stops, restarts of PD",
        constants(absolute=1, edits=1, terms=2, faults=ALL_FAULTS),
    ),
    _holds("never repeated", constants(never=1, edits=1, terms=2, faults=ALL_FAULTS)),
    _holds("refused on repeat", constants(refused=1, faults=("crash", "freeze", "lost", "pd"))),
    _holds("undo", constants(absolute=1, undoable=True, faults=("crash", "freeze", "lost"))),
    _holds(
        "a parallel group of two calls",
        constants(absolute=1, grouped=True, undoable=True, terms=2, faults=("crash", "lost")),
    ),
    _holds(
        "the Lease is deleted",
        constants(absolute=1, faults=("lease", "crash", "freeze", "foreign")),
    ),
    _holds(
        "frozen between the check and the first byte",
        constants(
            absolute=1,
            faults=("crash", "freeze", "lost", "foreign"),
            dropped="check is atomic",
        ),
        in_time=False,
    ),
    Run(
        "every approved proposal ends",
        Check(
            constants(absolute=1, never=1, faults=("crash", "freeze for good")),
            ("TypeOK",),
            LIVE,
            fair=True,
        ),
    ),
)
"""Smaller worlds, each with what the main model leaves out."""

VARIANTS = (
    _variant(
        "epoch",
        "EpochMonotone",
        constants(absolute=1, faults=("crash", "freeze"), without="epoch"),
    ),
    _variant(
        "epoch beyond the Lease",
        "TermsDiffer",
        constants(absolute=1, faults=("lease",), without="epoch beyond the Lease"),
    ),
    _variant(
        "intent first",
        "AtMostOneEffect",
        constants(never=1, faults=("crash",), without="intent first"),
    ),
    _variant(
        "unknown is not no",
        "AtMostOneEffect",
        constants(never=1, faults=("lost",), without="unknown is not no"),
    ),
    _variant(
        "digest",
        "NothingUnapproved",
        constants(absolute=1, edits=1, without="digest"),
    ),
    _variant(
        "compare and swap",
        "NothingRejected",
        constants(absolute=1, without="compare and swap"),
    ),
    _variant("expiry", "NothingExpired", constants(absolute=1, without="expiry")),
    _variant(
        "look after the intent",
        "BrakesHold",
        constants(absolute=1, faults=("suspend",), without="look after the intent"),
    ),
    _variant(
        "deadline from before the write",
        "NothingSentLate",
        constants(absolute=1, faults=("freeze",), without="deadline from before the write"),
    ),
    _variant(
        "fence", "NothingSentLate", constants(absolute=1, faults=("freeze",), without="fence")
    ),
    _variant(
        "absolute only",
        "AtMostOneEffect",
        constants(never=1, faults=("crash", "foreign"), without="absolute only"),
    ),
    _variant(
        "before-value",
        "RepeatSparesOthers",
        constants(absolute=1, faults=("crash", "foreign"), without="before-value"),
    ),
    _variant(
        "no repeat of a lost answer",
        "AtMostOneEffect",
        constants(
            absolute=1,
            faults=("stop", "lost", "foreign"),
            without="no repeat of a lost answer",
        ),
    ),
    _variant(
        "release after the note",
        "AtMostOneEffect",
        constants(absolute=1, faults=("stop", "lost", "foreign"), without="release after the note"),
    ),
    _variant(
        "release after drain",
        "AtMostOneEffect",
        constants(absolute=1, faults=("stop", "foreign"), without="release after drain"),
    ),
    _variant(
        "proof that the sender is gone",
        "AtMostOneEffect",
        constants(
            absolute=1,
            faults=("freeze", "foreign"),
            without="proof that the sender is gone",
            dropped="check is atomic",
        ),
    ),
    _variant(
        "undo looks first",
        "RepeatSparesOthers",
        constants(
            absolute=1,
            grouped=True,
            undoable=True,
            terms=1,
            faults=("foreign",),
            without="undo looks first",
        ),
    ),
)
"""Each leaves out one rule, and must fail."""

ASSUMPTIONS = (
    _variant(
        "check is atomic",
        "NothingSentLate",
        constants(absolute=1, faults=("freeze",), dropped="check is atomic"),
    ),
    _variant(
        "calls land in time",
        "AtMostOneEffect",
        constants(absolute=1, faults=("crash", "foreign"), dropped="calls land in time"),
    ),
    _variant(
        "nobody sets it back",
        "AtMostOneEffect",
        constants(absolute=1, faults=("crash", "foreign"), dropped="nobody sets it back"),
    ),
    _variant(
        "nobody between look and call",
        "RepeatSparesOthers",
        constants(absolute=1, faults=("crash", "foreign"), dropped="nobody between look and call"),
    ),
)
"""Each drops one assumption, and must fail: what remains possible, and why it is written down."""
