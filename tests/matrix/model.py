"""What may be, told once more without a line of the product: who may decide on what, and when
enough people have said yes to exactly this.

It believes nobody: it knows what was asked and said only from writes that were let in, by the name
that was proven to the API server, and checks each stored word against the name of its writer.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

TIERS = ("Low", "Medium", "High", "Critical")
NEEDED = {"Low": 1, "Medium": 1, "High": 2, "Critical": 2}
LIVES_FOR = timedelta(hours=24)
FROZEN_FROM = ("Executing", "RollingBack", "Active", "OutcomeUnknown")
OPEN = ("", "Suggested", "Pending", "Approved")
_BESIDE_THE_ASK = ("clusterRef", "approvals", "cancel", "resolution")
_ROBOT = "system:serviceaccount:"

_APPROVES = {
    "low": ("Low",),
    "medium": ("Medium",),
    "high": ("High",),
    "second": ("High",),
    "critical": ("Critical",),
    "glass": TIERS,
    "system:serviceaccount:gitops:deployer": ("Low", "Medium"),
    "system:serviceaccount:gitops:root": TIERS,
    "root": TIERS,
}
_BREAKS_GLASS = ("glass", "root")
_CONFIGURES = ("configurer", "system:serviceaccount:gitops:root", "root")


def may_decide(user: str, tier: str, action_type: str) -> bool:
    """Return whether RBAC gives this user approve and reject on the tier, for this type."""
    if user == "typed":
        return tier == "Medium" and action_type == "TransferLeader"
    return tier in _APPROVES.get(user, ())


def may_configure(user: str) -> bool:
    """Return whether this user may change what is allowed on a TiKVCluster."""
    return user in _CONFIGURES


def is_robot(user: str) -> bool:
    """Return whether it is a service account."""
    return user.startswith(_ROBOT)


def ask_of(spec: dict[str, Any]) -> dict[str, Any]:
    """Return what people say yes to: all of spec but what others have to say."""
    return {key: value for key, value in spec.items() if key not in _BESIDE_THE_ASK}


@dataclass(frozen=True)
class Shown:
    """What stood on the object under a digest."""

    ask: dict[str, Any]
    tier: str
    target: str


@dataclass
class Life:
    """One proposal as the model knows it."""

    spec: dict[str, Any]
    status: dict[str, Any] = field(default_factory=dict)
    writers: set[str] = field(default_factory=set)
    """Everybody whose ask was assessed, and whose ask stands."""
    shown: dict[str, Shown] = field(default_factory=dict)
    """By digest, since the operator first wrote it."""
    deadline: datetime | None = None
    deadline_of: dict[str, Any] | None = None
    """The ask that the deadline is of."""
    agreed: int = 0
    """How often enough people had said yes."""

    @property
    def phase(self) -> str:
        """The stored phase; empty before the first look."""
        return str(self.status.get("phase", ""))

    @property
    def voices(self) -> dict[str, dict[str, Any]]:
        """What people said, by user."""
        return {entry["by"]: entry for entry in self.spec.get("approvals", [])}

    @property
    def tier(self) -> str:
        """The stored tier; what is not assessed counts as Critical."""
        return str(self.status.get("risk", {}).get("tier", "Critical"))

    @property
    def type(self) -> str:
        """The action's type."""
        return str(self.spec["action"]["type"])

    def current(self) -> Shown | None:
        """Return what stands under the stored digest, None when the ask is another by now."""
        shown = self.shown.get(self.status.get("digest", ""))
        return shown if shown is not None and shown.ask == ask_of(self.spec) else None

    def wrong_with(self, entry: dict[str, Any], user: str) -> str:
        """Return why this Approve by this user would not count; empty when it would."""
        shown = self.current()
        tier = self.tier
        others = [
            one
            for one in self.voices.values()
            if one["by"] != user and one["decision"] == "Approve" and is_robot(one["by"])
        ]
        glass = "breakGlass" in entry
        reasons = {
            "another's name": entry["by"] != user,
            "the ask is not assessed as it stands": shown is None,
            "not Pending": self.phase != "Pending",
            "no right": not may_decide(user, tier, self.type),
            "an author": user in self.writers | {self.spec["proposedBy"]},
            "another digest": entry.get("digest") != self.status.get("digest"),
            "no typed confirmation": tier == "Critical"
            and (shown is None or entry.get("confirm") != shown.target),
            "a robot above Medium": is_robot(user) and tier in ("High", "Critical"),
            "a second robot": is_robot(user) and bool(others),
            "no right to break the glass": glass and user not in _BREAKS_GLASS,
            "the glass of Critical": glass and tier == "Critical",
            "takes a no back": self.voices.get(user, {}).get("decision") == "Reject",
        }
        return next((why for why, holds in reasons.items() if holds), "")

    def written(self, user: str, spec: dict[str, Any]) -> None:
        """Take a write of spec in that was let in, by this user; fail if it must not have been."""
        before, after = ask_of(self.spec), ask_of(spec)
        old = self.voices
        new = {entry["by"]: entry for entry in spec.get("approvals", [])}
        assert len(new) == len(spec.get("approvals", [])), "two seats for one"
        assert spec["clusterRef"] == self.spec["clusterRef"], "moved to another cluster"
        if before != after or old != new:
            assert self.phase in OPEN, f"changed in phase {self.phase}"
        if before != after:
            assert after["proposedBy"] == user, f"{user} writes an ask as {after['proposedBy']}"
            assert not new, "a changed ask with decisions"
            assert all(one["decision"] != "Reject" for one in old.values()), "edited around a no"
        else:
            self._said(user, old, new)
        self._last_words(user, spec)
        self.spec = spec

    def _said(self, user: str, old: dict[str, Any], new: dict[str, Any]) -> None:
        for by in old.keys() - new.keys():
            assert by == user, f"{user} removes what {by} said"
            assert old[by]["decision"] == "Approve", f"{by} takes a no back"
        for by, entry in new.items():
            if entry == old.get(by):
                continue
            assert by == user, f"{user} speaks for {by}"
            if entry["decision"] == "Approve":
                why_not = self.wrong_with(entry, user)
                assert not why_not, f"{user} approves: {why_not}: {entry}"
            else:
                rightful = may_decide(user, self.tier, self.type)
                assert rightful, f"{user} rejects {self.tier} {self.type} without the right"

    def _last_words(self, user: str, spec: dict[str, Any]) -> None:
        cancel, resolution = spec.get("cancel", {}), spec.get("resolution", {})
        if cancel != self.spec.get("cancel", {}):
            assert cancel, f"{user} takes a cancel back"
            assert self.spec.get("cancel") is None, "a cancel was changed"
            assert cancel["by"] == user, f"{user} cancels as {cancel['by']}"
        if resolution != self.spec.get("resolution", {}):
            assert resolution, f"{user} removes a resolution"
            assert self.spec.get("resolution") is None, "a resolution was changed"
            assert resolution["by"] == user, f"{user} resolves as {resolution['by']}"
            assert resolution["digest"] == self.status.get("digest"), "resolves another digest"
            assert self.phase == "OutcomeUnknown", f"resolved in phase {self.phase}"
            assert may_decide(user, self.tier, self.type), f"{user} resolves without the right"

    def looked(self, status: dict[str, Any], now: datetime, needed: dict[str, int]) -> None:
        """Take in what the operator wrote; fail if it acts and not enough people agreed."""
        before = self.phase
        self.status = status
        digest = status.get("digest")
        if digest is not None and digest not in self.shown:
            ask, tier = ask_of(self.spec), status["risk"]["tier"]
            self.shown[digest] = Shown(ask, tier, status["target"]["id"])
            self.writers.add(self.spec["proposedBy"])
            if self.deadline is None or self.deadline_of != ask:
                self.deadline, self.deadline_of = _deadline(self.spec, now), ask
        done = self.phase == "Succeeded" and before in ("", "Pending", "Approved")
        if (self.phase in ("Approved", "Executing") or done) and before in OPEN:
            self._agreed(now, needed)
        if self.phase != before and self.phase == "Approved":
            self.agreed += 1

    def _agreed(self, now: datetime, needed: dict[str, int]) -> None:
        """Fail unless the right distinct people have said yes to exactly this digest."""
        shown, digest = self.current(), self.status["digest"]
        assert shown is not None, "approved is another ask than was shown under the digest"
        assert shown.tier == self.tier, "approved at another tier than was shown"
        assert self.deadline is not None
        assert now < self.deadline, "approved after it had expired"
        assert self.spec.get("cancel") is None, "approved after a cancel"
        voices = self.voices.values()
        assert all(one["decision"] != "Reject" for one in voices), "approved against a no"
        good = {
            one["by"]
            for one in voices
            if one.get("digest") == digest
            and may_decide(one["by"], self.tier, self.type)
            and one["by"] not in self.writers
            and (self.tier != "Critical" or one.get("confirm") == shown.target)
        }
        people = {by for by in good if not is_robot(by)}
        robots = good - people if self.tier in ("Low", "Medium") else set()
        glass = any(
            "breakGlass" in one and one["by"] in people & set(_BREAKS_GLASS) for one in voices
        )
        count = len(people) + min(1, len(robots))
        stands_in = glass and self.tier != "Critical"
        assert stands_in or count >= needed[self.tier], (
            f"{self.tier} needs {needed[self.tier]}: {sorted(good)} of {sorted(self.voices)}"
        )


def _deadline(spec: dict[str, Any], now: datetime) -> datetime:
    after = spec.get("notAfter")
    by_policy = now + LIVES_FOR
    return by_policy if after is None else min(by_policy, datetime.fromisoformat(after))
