"""ActionProposal: one idea, one life. Spec is the ask and what people say; status is its life."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field

from assent.api.v1alpha1.actions import Action
from assent.api.v1alpha1.base import (
    ApiModel,
    Code,
    Condition,
    Digest,
    Duration,
    Name,
    Sentence,
    Timestamp,
    Username,
)
from assent.api.v1alpha1.tikvcluster import Tier

MAX_AUTHORS = 16
"""Bound of ``status.authors``. Nobody on it may approve, so when it is full only they may change
the ask: the API server refuses anybody else."""


class Phase(StrEnum):
    """Where a proposal is in its life."""

    SUGGESTED = "Suggested"
    PENDING = "Pending"
    APPROVED = "Approved"
    EXECUTING = "Executing"
    ACTIVE = "Active"
    ROLLING_BACK = "RollingBack"
    OUTCOME_UNKNOWN = "OutcomeUnknown"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ROLLED_BACK = "RolledBack"
    ROLLBACK_FAILED = "RollbackFailed"
    REJECTED = "Rejected"
    EXPIRED = "Expired"
    SUPERSEDED = "Superseded"
    CANCELLED = "Cancelled"


class Decision(StrEnum):
    """What one person says."""

    APPROVE = "Approve"
    REJECT = "Reject"


def _map_by(key: str) -> dict[str, Any]:
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}


class ClusterRef(ApiModel):
    """The TiKVCluster of the same namespace."""

    name: Name


class Approval(ApiModel):
    """One person's seat."""

    by: Username
    """Must be the writer's own user name; the API server refuses any other."""
    decision: Decision
    digest: Digest | None = None
    """Copy of status.digest as it was read. An Approve needs it, a Reject does not."""
    confirm: Annotated[str, Field(max_length=128)] | None = None
    """For tier Critical: the target's id, typed."""
    break_glass: Annotated[str, Field(min_length=10, max_length=512)] | None = None
    """Why this one person stands in for the approvals that are missing. Needs the verb break-glass
    on the tier; never for tier Critical. It skips people, never a check."""
    comment: Annotated[str, Field(max_length=1024)] | None = None
    """Why, for the record."""


class Cancel(ApiModel):
    """Stop before the next call. Open in every phase."""

    by: Username
    """Must be the writer's own user name."""
    reason: Annotated[str, Field(max_length=1024)] | None = None
    """Why, for the record."""


class ResolutionOutcome(StrEnum):
    """What a person found out about a call whose outcome nobody knew."""

    HAPPENED = "Happened"
    DID_NOT_HAPPEN = "DidNotHappen"


class Resolution(ApiModel):
    """How an unknown outcome was settled. It never asks for a resend."""

    by: Username
    """Must be the writer's own user name."""
    outcome: ResolutionOutcome
    digest: Digest
    """Copy of status.digest."""


class ActionProposalSpec(ApiModel):
    """The ask (all but approvals, cancel and resolution), and what people say to it."""

    cluster_ref: ClusterRef
    """The TiKVCluster this is about. Cannot change."""
    proposed_by: Username
    """Must be the user name of whoever writes or changes the ask; that person cannot approve."""
    reason: Annotated[str, Field(max_length=2048)] | None = None
    """Why, for the people who decide."""
    action: Action
    dry_run: bool = False
    """Show the calls that would be sent; send none."""
    not_before: Timestamp | None = None
    """Start no earlier."""
    not_after: Timestamp | None = None
    """Expire at this instant at the latest."""
    revert_after: Duration | None = None
    """Take the action back by itself this long after it was done. Only for actions that can be
    taken back; until then the proposal is Active."""
    approvals: (
        Annotated[list[Approval], Field(max_length=16, json_schema_extra=_map_by("by"))] | None
    ) = None
    """What people said, one seat each."""
    cancel: Cancel | None = None
    resolution: Resolution | None = None


class Ask(ApiModel):
    """The ask as it was assessed: what an approval is for."""

    action: Action
    proposed_by: Username
    dry_run: bool
    reason: Annotated[str, Field(max_length=2048)] | None = None
    not_before: Timestamp | None = None
    not_after: Timestamp | None = None
    revert_after: Duration | None = None


class Change(ApiModel):
    """One field of the ask that people changed since it was filed."""

    field: Annotated[str, Field(max_length=128)]
    """Where it stands in spec, dotted, for example ``action.transferLeader.toStoreId``."""
    was: Annotated[str, Field(max_length=512)] | None = None
    """As first filed; absent when it was not set."""
    now: Annotated[str, Field(max_length=512)] | None = None
    """As it stands; absent when it was removed."""


class Fact(ApiModel):
    """One named value, as text."""

    name: Annotated[str, Field(max_length=64)]
    value: Annotated[str, Field(max_length=2048)]
    """A whole placement rule is the longest."""


Facts = Annotated[list[Fact], Field(max_length=32)]


class Finding(ApiModel):
    """What was seen and why this is the cure. Absent on proposals filed by hand."""

    rule: Code
    severity: Annotated[str, Field(pattern="^(Info|Warning|Critical)$", max_length=8)]
    target: Annotated[str, Field(max_length=128)]
    diagnosis: Sentence
    evidence: Facts
    fingerprint: Annotated[str, Field(max_length=64)]
    """Hash of the facts that matter; another value means the facts changed materially."""
    confidence: Annotated[int, Field(ge=0, le=100)]
    seen_since: Timestamp


class Risk(ApiModel):
    """How much can go wrong, from facts, never from the proposer."""

    tier: Tier
    factors: Annotated[list[Sentence], Field(max_length=16)]


class Target(ApiModel):
    """What exactly was seen when the ask was assessed."""

    cluster_id: Annotated[str, Field(max_length=20)]
    id: Annotated[str, Field(max_length=128)]
    """``store/4`` or ``region/17``."""
    identity: Facts
    """What must still hold at execution, for example the region's epoch or the store's address."""


class NotCounting(ApiModel):
    """An approval that does not count, and why."""

    by: Username
    reason: Sentence


class BrokenGlass(ApiModel):
    """One person who stands in for all approvals that are missing."""

    by: Username
    reason: Annotated[str, Field(max_length=512)]
    stands_in_for: int
    """How many approvals nobody else gave."""


class ApprovalCount(ApiModel):
    """How far the approvals are."""

    needed: int
    given: int
    missing: int
    summary: Annotated[str, Field(max_length=16)]
    """For the APPROVALS column, for example ``1/2``, or ``1/2 glass``."""
    break_glass: BrokenGlass | None = None
    """Present while fewer people than needed said yes, and one stands in for the rest."""
    not_counting: Annotated[list[NotCounting], Field(max_length=16)] | None = None


class GateVerdict(StrEnum):
    """What one check says."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    WARN = "warn"
    HOLD = "hold"
    DENY = "deny"


class Gate(ApiModel):
    """One check and what it says."""

    name: Code
    verdict: GateVerdict
    message: Sentence
    until: Timestamp | None = None
    """When a hold ends by itself; absent when nobody can know."""


class Call(ApiModel):
    """A call to PD as data."""

    method: Annotated[str, Field(max_length=8)]
    path: Annotated[str, Field(max_length=512)]
    body: Annotated[str, Field(max_length=8192)] | None = None
    """Canonical JSON; absent when the call has no body."""


class StepState(StrEnum):
    """How far one step is."""

    INTENDED = "Intended"
    DONE = "Done"
    NOT_DONE = "NotDone"
    NO_EFFECT = "NoEffect"
    UNKNOWN = "Unknown"
    DRY_RUN = "DryRun"
    WAITING = "Waiting"
    """PD took the call and works on it; nothing is sent meanwhile."""
    ALREADY_DONE = "AlreadyDone"
    """PD was as asked already; nothing was sent."""
    BEGUN = "Begun"
    """PD took the call; its effect is judged beside those of the other steps of its group."""


class StepKind(StrEnum):
    """Forward does the action, Undo takes it back."""

    FORWARD = "Forward"
    UNDO = "Undo"


class Step(ApiModel):
    """The journal of one call: written before it is sent, settled once its effect was judged."""

    kind: StepKind
    plan_step: Annotated[int, Field(ge=1, le=16)] | None = None
    """Which step of the plan, from 1; absent outside plans."""
    state: StepState
    summary: Sentence
    """The call in one line; begins with ``[DRY-RUN]`` when it was not sent."""
    call: Call
    before: Facts
    """Values captured before the call; what an undo restores."""
    epoch: int
    """The term that wrote the intent."""
    holder: Annotated[str, Field(max_length=253)]
    """The pod that wrote the intent."""
    intended_at: Timestamp
    verify_by: Timestamp
    """When verification gives up."""
    pd_leader: Annotated[str, Field(max_length=128)] | None = None
    """Name of the PD member the call goes to."""
    answer: Annotated[str, Field(max_length=512)] | None = None
    """PD's status and text, shortened."""
    late: bool | None = None
    """True when the answer came after the lease deadline. On a step that is still open: absent
    where the answer was lost.
    """
    after: Facts | None = None
    verified_at: Timestamp | None = None


class Execution(ApiModel):
    """The journal. Its epoch never falls (a CRD rule at the root refuses it)."""

    epoch: Annotated[int, Field(ge=0)]
    holder: Annotated[str, Field(max_length=253)]
    steps: Annotated[list[Step], Field(max_length=64)]


class HistoryEntry(ApiModel):
    """One move of the life, chained to the one before by hash."""

    at: Timestamp
    phase: Phase
    reason: Code
    by: Username
    message: Sentence
    digest: Digest | None = None
    hash: Annotated[str, Field(max_length=80)]
    """sha256 over the previous entry's hash and this entry's other fields."""


class ActionProposalStatus(ApiModel):
    """The life of the proposal; written by the operator only."""

    observed_generation: int | None = None
    phase: Phase | None = None
    reason: Code | None = None
    """Why it is where it is, in one word; always answers "why is it not running?"."""
    message: Annotated[str, Field(max_length=2048)] | None = None
    """One sentence, and the copyable next command where a person must act."""
    summary: Annotated[str, Field(max_length=256)] | None = None
    """The action in one line, for the ACTION column."""
    pd_ctl: Annotated[str, Field(max_length=8192)] | None = None
    """The same by hand, for the day when the operator cannot run: one pd-ctl line a step."""
    digest: Digest | None = None
    """What an approval must quote: sha256 of the ask, tier, effective dry-run and target."""
    revision: int | None = None
    """Counts the digests this proposal has had, from 1."""
    revision_reason: Sentence | None = None
    """Why the revision before no longer stands, and what was said to it; absent for the first."""
    assessed: Ask | None = None
    authors: Annotated[list[Username], Field(max_length=MAX_AUTHORS)] | None = None
    """Everybody who wrote the ask, in the order in which it was assessed: the first filed it, the
    others changed it. None of them can approve it."""
    original: Ask | None = None
    """The ask as first filed; absent until somebody changes it."""
    changes: Annotated[list[Change], Field(max_length=32)] | None = None
    """In what the ask differs from the original."""
    effective_dry_run: bool | None = None
    """True when the cluster or the proposal says dry-run."""
    expires_at: Timestamp | None = None
    finished_at: Timestamp | None = None
    revert_at: Timestamp | None = None
    """When an Active proposal takes its action back."""
    finding: Finding | None = None
    risk: Risk | None = None
    target: Target | None = None
    approvals: ApprovalCount | None = None
    gates: Annotated[list[Gate], Field(max_length=32)] | None = None
    execution: Execution | None = None
    conditions: (
        Annotated[list[Condition], Field(max_length=16, json_schema_extra=_map_by("type"))] | None
    ) = None
    history: Annotated[list[HistoryEntry], Field(max_length=64)] | None = None


class ActionProposal(ApiModel):
    """One proposed action on a TiKV cluster: what, why, who agreed, and what came of it."""

    KIND: ClassVar[str] = "ActionProposal"
    PLURAL: ClassVar[str] = "actionproposals"

    spec: ActionProposalSpec
    status: ActionProposalStatus | None = None
