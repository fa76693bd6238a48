"""The shape of an action: everything the rest of Assent asks of one, as pure functions."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

from assent.api.v1alpha1.actionproposal import Fact, Risk, Target
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.model.call import PdCall
from assent.core.model.reading import Reading, Wanted
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Check

P = TypeVar("P", bound=ApiModel)


class Reversibility(StrEnum):
    """How far the inverse restores what was before."""

    FULLY = "fully"
    PARTLY = "partly"
    NOT = "not"


class Idempotency(StrEnum):
    """What PD does when the same call arrives twice."""

    ABSOLUTE = "absolute"
    """Sets a value: a repeat is harmless while PD still shows the before-value."""
    REFUSED_ON_REPEAT = "refused-on-repeat"
    NEVER_REPEAT = "never-repeat"


class Progress(StrEnum):
    """What a fresh snapshot says of the effect."""

    NOT_SEEN = "not-seen"
    """PD does not show what the call sets."""
    SEEN = "seen"
    """PD shows it; what it is for (leaders gone, leaders back) is still to come."""
    SETTLED = "settled"
    """All of it is there."""


@dataclass(frozen=True, slots=True)
class Verification:
    """How far the effect is, in one sentence, with the values it was judged by."""

    progress: Progress
    message: str
    after: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """What the action touches, for conflicts between actions and for targeted reads."""

    store_ids: frozenset[int] = frozenset()
    region_ids: frozenset[int] = frozenset()
    settings: frozenset[str] = frozenset()
    """Named settings of the whole cluster, such as ``schedule/leader-schedule-limit``,
    ``scheduler/balance-leader-scheduler``, ``rule/pd/default`` or ``pd/leader``."""

    def meets(self, other: "Scope") -> str | None:
        """Return what both touch, in words such as ``store 4``; None when nothing."""
        for word, ours, theirs in (
            ("store", self.store_ids, other.store_ids),
            ("region", self.region_ids, other.region_ids),
        ):
            if both := ours & theirs:
                return f"{word} {min(both)}"
        shared = self.settings & other.settings
        return min(shared) if shared else None


@dataclass(frozen=True, slots=True)
class Manual(Generic[P]):
    """What the reference says of an action beside its parameters and its checks."""

    endpoint: str
    """The PD call, such as ``POST /pd/api/v1/operators`` with ``transfer-leader``."""
    example: P
    """Parameters that make sense; shown as YAML, and applied by a test."""
    timeout_reason: str
    """Why it is given that long."""
    since: str = "v6.5"
    """The oldest PD line known to have it."""
    raised_by: tuple[str, ...] = ()
    """Facts that raise the tier above ``base_tier``, and to which."""
    unchecked_by_pd: tuple[str, ...] = ()
    """What PD would let happen, so that the preconditions look at it."""


class Action(ABC, Generic[P]):
    """One type of action. Implementations hold no state and never guess: a missing fact is a
    check that does not pass.
    """

    type: ClassVar[ActionType]
    base_tier: ClassVar[Tier]
    reversibility: ClassVar[Reversibility]
    idempotency: ClassVar[Idempotency]
    timeout_seconds: ClassVar[int | None]
    """PD's own timeout with margin (pd-api.md 2.2); None where PD has none, then the policy's
    actionTimeout rules."""
    goal_required: ClassVar[bool]
    """True when an effect that is SEEN but never SETTLED counts as failed verification."""
    waits: ClassVar[bool] = False
    """True when PD works on it for hours or days: while it is SEEN it only waits, and stands in
    nobody's way."""
    ends: ClassVar[frozenset[ActionType]] = frozenset()
    """Types whose waiting or standing effect it calls off: those do not stand in its way."""
    readings: ClassVar[frozenset[Reading]] = frozenset()
    """What its methods need of a snapshot beyond the regions it touches; without it no check that
    needs it passes."""
    manual: ClassVar[Manual[Any]]

    @abstractmethod
    def sentence(self, params: P) -> str:
        """Return what it does in one line, such as ``stop evicting leaders from store 4``."""

    @abstractmethod
    def pd_ctl(self, params: P) -> str:
        """Return the equivalent pd-ctl line."""

    @abstractmethod
    def scope(self, params: P) -> Scope:
        """Return the stores and regions it touches."""

    def wanted(self, params: P) -> Wanted:
        """Return what a snapshot must show for any of the methods below."""
        return Wanted(self.scope(params).region_ids, self.readings)

    @abstractmethod
    def target(self, params: P, snapshot: ClusterSnapshot) -> Target | None:
        """Return the identity of what would be touched, None when it is not in the snapshot."""

    @abstractmethod
    def risk(self, params: P, snapshot: ClusterSnapshot) -> Risk:
        """Return the tier (never below ``base_tier``) and the facts that led to it."""

    @abstractmethod
    def preconditions(self, params: P, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return every check, also those that pass. A worse snapshot never turns a refusal into
        a permission.
        """

    @abstractmethod
    def already_done(self, params: P, snapshot: ClusterSnapshot) -> bool:
        """Return True when PD already is as asked, so that no call is needed."""

    @abstractmethod
    def call(self, params: P) -> PdCall:
        """Return the one call to PD."""

    def follow_up(
        self, params: P, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> PdCall | None:
        """Return one more call that is needed although the first took effect; None for none.

        Asked again after each, of what PD shows then, so it must come to None by itself.
        """
        return None

    @abstractmethod
    def before(self, params: P, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return the values that the call changes, as they are now; what ``inverse`` restores."""

    @abstractmethod
    def verify(self, params: P, before: Sequence[Fact], snapshot: ClusterSnapshot) -> Verification:
        """Return how far the effect is, by topology and configuration, never by PD's answer."""

    @abstractmethod
    def unchanged(self, params: P, before: Sequence[Fact], snapshot: ClusterSnapshot) -> bool:
        """Return True while PD still shows exactly the before-values."""

    @abstractmethod
    def inverse(self, params: P, before: Sequence[Fact]) -> PdCall | None:
        """Return the call that restores the before-values, None when there is nothing to undo."""

    def inverse_follow_up(
        self, params: P, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> PdCall | None:
        """Return one more call that restores what ``inverse`` alone does not; None for none."""
        return None
