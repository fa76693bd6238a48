"""Every reason and condition type that people and tools may meet, with what it means.

The reference page is generated from here. Names are API: they are added, not renamed.
"""

from enum import StrEnum
from typing import Self


class Explained(StrEnum):
    """Constants that carry their meaning."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """Carry the meaning beside the value."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


class Reason(Explained):
    """Why a proposal is where it is (``status.reason``)."""

    AWAITING_ASSESSMENT = "AwaitingAssessment", "The ask is new or changed and not assessed yet."
    AWAITING_APPROVAL = "AwaitingApproval", "People have not said yes often enough."
    OBSERVE_MODE = "ObserveMode", "The cluster's mode is Observe: this is a suggestion only."
    HELD = "Held", "Approved; a gate holds it. See status.gates."
    SUSPENDED = "Suspended", "The cluster is suspended."
    HALTED = "Halted", "A Halt object stops everything."
    NOT_BEFORE = "NotBefore", "spec.notBefore has not come yet."
    GATE_NOT_INSTALLED = "GateNotInstalled", "The approval policies are missing or differ."
    CLUSTER_NOT_READY = "ClusterNotReady", "The TiKVCluster is missing or not being watched."
    PRECONDITION_WAITING = "PreconditionWaiting", "A precondition does not hold now but may heal."
    BUSY = "Busy", "Another action is in flight on this cluster."
    TIER_NOT_ALLOWED = "TierNotAllowed", "The tier is above spec.policy.maxTier."
    REJECTED = "Rejected", "A person with the right said no."
    EXPIRED = "Expired", "Nobody decided in time."
    CANCELLED = "Cancelled", "A person cancelled it."
    PROBLEM_GONE = "ProblemGone", "The finding behind it no longer stands."
    BETTER_PROPOSAL = "BetterProposal", "The facts changed and a newer proposal replaces it."
    PRECONDITION_FAILED = "PreconditionFailed", "A precondition failed in a way that cannot heal."
    WAITING = "Waiting", "PD works on it, or a step waits for a fact; nothing is being sent."
    STALLED = "Stalled", "PD has made no progress for a while; see message."
    NEXT_STEP = "NextStep", "A step of the plan is done; the next one is being prepared."
    ACTIVE = "Active", "Done; it will be taken back at status.revertAt."
    REVERTED = "Reverted", "Its time was over and it was taken back, as asked."
    CALLING = "Calling", "The intent is written; the call is being sent or verified."
    UNDOING = "Undoing", "The action is being taken back."
    DONE = "Done", "The effect was seen in PD."
    DRY_RUN = "DryRun", "Nothing was sent; the calls are shown."
    ALREADY_DONE = "AlreadyDone", "PD already was as asked."
    NO_EFFECT = "NoEffect", "PD answered, and the effect never showed."
    REFUSED = "Refused", "PD refused the call; nothing happened."
    UNDONE = "Undone", "The action was taken back and PD is as before."
    UNDO_FAILED = "UndoFailed", "The action could not be taken back; see message."
    CHANGED_SINCE = "ChangedSince", "Somebody else changed the value since; it was left alone."
    ANSWER_LOST = "AnswerLost", "A call was sent and nobody can know whether it took effect."
    RESOLVED = "Resolved", "A person said what came of the unknown call."


class EventReason(Explained):
    """What an Event says beside the reasons of proposals and the states of clusters."""

    GLASS_BROKEN = "GlassBroken", "One person stands in for the approvals that are missing."
    GATE_INSTALLED = "GateInstalled", "The approval gate stands again after GateNotInstalled."


class ClusterState(Explained):
    """What a TiKVCluster shows in its STATUS column (``status.state``)."""

    WATCHING = "Watching", "PD answers and detection runs."
    SUSPENDED = "Suspended", "spec.suspend is true: watched, nothing is called."
    HALTED = "Halted", "A Halt object exists: watched, nothing is called."
    PD_UNREACHABLE = "PDUnreachable", "No endpoint of PD answers."
    PD_NOT_READY = "PDNotReady", "PD has just changed leader and does not know its regions yet."
    PD_ANSWER_UNUSABLE = "PDAnswerUnusable", "PD answered without a field that is needed."
    TLS_FAILED = "TLSFailed", "The TLS handshake with PD failed, or the TLS secret is unusable."
    WRONG_CLUSTER = "WrongCluster", "The endpoints lead to another PD cluster than before."
    CLUSTER_CLAIMED = "ClusterClaimed", "Another TiKVCluster already watches this PD cluster."
    GATE_NOT_INSTALLED = "GateNotInstalled", "The approval policies are missing: nothing executes."
    FORBIDDEN = "Forbidden", "The operator lacks a right; the message names the rule."


class ConditionType(StrEnum):
    """Condition types: kstatus first (Ready, Reconciling, Stalled), then our own."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    APPROVED = "Approved"
    EXECUTED = "Executed"
    VERIFIED = "Verified"
    PD_REACHABLE = "PDReachable"
