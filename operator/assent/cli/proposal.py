"""An ActionProposal as it was read: what the commands ask of the JSON object."""

from __future__ import annotations

from assent.cli.console import flat

TYPE_CHECKING = False  # what type checkers take for true; typing itself takes 15 ms to load
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]
else:
    Json = dict

OPEN = ("", "Suggested", "Pending", "Approved")
IN_FLIGHT = ("Executing", "Active", "RollingBack", "OutcomeUnknown")
ASK = ("action", "dryRun", "reason", "notBefore", "notAfter", "revertAfter")
"""What an approval is for, beside its author, as it stands in spec and in status.assessed."""
TIMES = ("notBefore", "notAfter")
LONGEST_TO = 60
"""Characters from ". To " to the colon, as in ". To approve: kubectl …"."""
FIND_OUT = ". Find out, then say: kubectl "
"""Before the line that resolves an unknown outcome."""
SERVICE_ACCOUNT = "system:serviceaccount:"


class Proposal:
    """One proposal. Fields that are absent read as empty."""

    def __init__(self, document: Json) -> None:
        self.document = document

    @property
    def meta(self) -> Json:
        """The metadata."""
        return dict(self.document["metadata"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.meta["name"])

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return str(self.meta["namespace"])

    @property
    def where(self) -> str:
        """Its name and namespace, as in a line to copy: ``NAME -n NAMESPACE``."""
        return f"{self.name} -n {self.namespace}"

    @property
    def spec(self) -> Json:
        """The ask and what people said."""
        return dict(self.document.get("spec") or {})

    @property
    def status(self) -> Json:
        """Its life."""
        return dict(self.document.get("status") or {})

    @property
    def phase(self) -> str:
        """Where it is in its life; empty before the operator has seen it."""
        return str(self.status.get("phase") or "")

    @property
    def reason(self) -> str:
        """Why it is there, in one word."""
        return str(self.status.get("reason") or "")

    @property
    def tier(self) -> str:
        """Its risk tier; empty before it is assessed."""
        return str((self.status.get("risk") or {}).get("tier") or "")

    @property
    def digest(self) -> str:
        """What an approval must quote; empty before it is assessed."""
        return str(self.status.get("digest") or "")

    @property
    def target(self) -> str:
        """The target's id, such as ``store/4``."""
        return str((self.status.get("target") or {}).get("id") or "")

    @property
    def cluster(self) -> str:
        """The TiKVCluster it is about."""
        return str((self.spec.get("clusterRef") or {}).get("name") or "")

    @property
    def action_type(self) -> str:
        """The action's type."""
        return str((self.spec.get("action") or {}).get("type") or "")

    @property
    def sentence(self) -> str:
        """The action in one line; before it is assessed its type."""
        return flat(str(self.status.get("summary") or self.action_type))

    @property
    def author(self) -> str:
        """Who wrote the ask; they cannot approve it."""
        return str(self.spec.get("proposedBy") or "")

    @property
    def authors(self) -> list[str]:
        """Everybody who wrote the ask, first who filed it; none of them can approve it."""
        known = [str(one) for one in self.status.get("authors") or []]
        return known if self.author in known or not self.author else [*known, self.author]

    @property
    def original(self) -> Json | None:
        """The ask as it was filed; None while it still stands so."""
        found = self.status.get("original")
        return dict(found) if found else None

    @property
    def glass(self) -> Json | None:
        """Who stands in for missing approvals: by, reason, standsInFor; None for nobody."""
        found = self.count.get("breakGlass")
        return dict(found) if found else None

    @property
    def seats(self) -> list[Json]:
        """What each person said."""
        return list(self.spec.get("approvals") or [])

    def seat_of(self, person: str) -> Json | None:
        """What that person said, None for nothing."""
        return next((seat for seat in self.seats if seat.get("by") == person), None)

    @property
    def rejecters(self) -> list[str]:
        """Everybody who said no."""
        return [str(seat["by"]) for seat in self.seats if seat.get("decision") == "Reject"]

    @property
    def count(self) -> Json:
        """How far the approvals are: needed, given, missing, summary, notCounting."""
        return dict(self.status.get("approvals") or {})

    @property
    def steps(self) -> list[Json]:
        """The journal."""
        return list((self.status.get("execution") or {}).get("steps") or [])

    @property
    def gates(self) -> list[Json]:
        """Every check as it stood when it was last judged."""
        return list(self.status.get("gates") or [])

    @property
    def message(self) -> str:
        """The status message without the kubectl line that is for those without the plugin."""
        text = str(self.status.get("message") or "").partition(FIND_OUT)[0]
        start = text.find(": kubectl ")
        cut = text.rfind(". To ", 0, max(start, 0))  # what people say may have such words, too
        return (text[:cut] if cut >= 0 and start - cut < LONGEST_TO else text).partition(
            ". kubectl "
        )[0]

    @property
    def is_dry(self) -> bool:
        """True when an approval of it sends nothing."""
        return bool(self.status.get("effectiveDryRun"))

    @property
    def is_assessed(self) -> bool:
        """True when the digest is that of the ask as it stands."""
        assessed = self.status.get("assessed")
        return bool(self.digest) and assessed is not None and not changes(assessed, self.spec)


def changes(before: Json, after: Json) -> list[tuple[str, Any, Any]]:
    """Return what differs between two asks: path, value before, value after; None for absent.

    Places in lists count from 0, as in `status.changes` and in what the API server says.
    """
    found: list[tuple[str, Any, Any]] = []
    for name in ASK:
        one, other = before.get(name), after.get(name)
        if name not in TIMES or _instant(one) != _instant(other):
            _compare(name, one, other, found)
    return found


def _instant(text: Any) -> Any:
    """The instant, which has many spellings; what is none as it is."""
    from datetime import datetime

    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return text


def _compare(path: str, before: Any, after: Any, found: list[tuple[str, Any, Any]]) -> None:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            _compare(f"{path}.{name}", before.get(name), after.get(name), found)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            _compare(f"{path}[{number}]", one, other, found)
    elif before != after and not (_is_default(before) and _is_default(after)):
        found.append((path, before, after))


def _is_default(value: Any) -> bool:
    """True of what the API server writes for a field that was left out."""
    return value in (None, False, "", [])
