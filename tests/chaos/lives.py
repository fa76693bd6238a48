"""One proposal from its first stored version to its last. Pure."""

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any

from tests.chaos.history import FINISHED, IN_FLIGHT, UNKNOWN, History, Version


@dataclass(frozen=True)
class Life:
    """One proposal from its first to its last version."""

    versions: tuple[Version, ...]

    @property
    def name(self) -> str:
        """Its name; a uid would tell people nothing."""
        return self.versions[-1].name

    @property
    def last(self) -> Version:
        """How it ended, or stood at the end."""
        shown = [version for version in self.versions if not version.deleted]
        return shown[-1] if shown else self.versions[-1]

    @property
    def deleted_at(self) -> float | None:
        """When it was deleted; None when it was not."""
        return next((version.at for version in self.versions if version.deleted), None)

    @property
    def began_at(self) -> float | None:
        """When it was first stored as in flight; None for never."""
        return next((item.at for item in self.versions if item.phase in IN_FLIGHT), None)

    @property
    def ended_at(self) -> float | None:
        """When it reached an end, or asked a person; None when it did not."""
        ends = (*FINISHED, UNKNOWN)
        first = next((item.at for item in self.versions if item.phase in ends), None)
        return first if first is not None else self.deleted_at

    @property
    def uid(self) -> str:
        """What tells it from another of the same name."""
        return self.versions[0].uid

    def assessed_actions(self) -> dict[str, dict[str, Any]]:
        """The action by the digest under which it was assessed."""
        return {item.digest: item.action for item in self.versions if item.assessed and item.digest}

    @property
    def claim(self) -> Version | None:
        """The version that first was in flight; None when none was."""
        return next((item for item in self.versions if item.phase in IN_FLIGHT), None)

    @property
    def rolled_back_at(self) -> float | None:
        """When it began to take back what it had done."""
        return next((item.at for item in self.versions if item.phase == "RollingBack"), None)

    def approved_at(self, digest: str | None = None) -> float | None:
        """When it first had all approvals it needs (of that digest); None for never."""
        return next(
            (item.at for item in self.versions if approved(item) and digest in (None, item.digest)),
            None,
        )


def approved(version: Version) -> bool:
    """Whether the ask as it stands has as many approvals of its digest as its tier needs."""
    if not version.digest or not version.assessed:
        return False
    if any(decision == "Reject" for _, decision, _ in version.approvals):
        return False
    seats = {
        by
        for by, decision, digest in version.approvals
        if decision == "Approve" and digest == version.digest and by != version.author
    }
    return len(seats) >= (2 if version.tier in ("High", "Critical") else 1)


def lives_of(history: History) -> tuple[Life, ...]:
    """Every proposal, by its uid; versions that two witnesses saw count once."""
    found: defaultdict[str, dict[tuple[int, bool], Version]] = defaultdict(dict)
    for version in history.versions:
        key = (version.version, version.deleted)
        known = found[version.uid].get(key)
        at = version.at if known is None else min(known.at, version.at)
        found[version.uid][key] = replace(version, at=at)
    return tuple(
        Life(tuple(versions[key] for key in sorted(versions))) for versions in found.values()
    )
