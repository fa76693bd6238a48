"""Looks at an ask with fresh facts: what it is, how risky, on what target, under which digest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Finding, Risk, Target
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Action, Reversibility
from assent.core.actions.program import program_of
from assent.core.approvals.count import Ballot, Tally, count_approvals
from assent.core.approvals.digest import Material, ask_of, digest_of, same_ask
from assent.core.approvals.revision import authors_of, record_of, why_anew
from assent.core.lifecycle.facts import Facts
from assent.core.lifecycle.gate_list import as_precondition, first_held, gates_of
from assent.core.lifecycle.messages import clip
from assent.core.model.resource import Cluster, Proposal
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Allow, Check, Deny, Warn
from assent.core.policy.deed import deeds_of
from assent.core.policy.gates import cluster_check, snapshot_check, standing_checks
from assent.core.policy.limits import (
    effective_dry_run,
    expires_at,
    needed_approvals,
    to_milliseconds,
)
from assent.core.policy.other_controllers import check_others

Catalogue = Mapping[ActionType, Action[Any]]

MAX_SUMMARY = 256
MAX_PD_CTL = 8192


@dataclass(frozen=True, slots=True)
class Blind:
    """Nothing can be judged now."""

    check: Check
    """Says why; its verdict is a Hold."""


@dataclass(frozen=True, slots=True)
class View:
    """An ask as the facts show it."""

    cluster: Cluster
    snapshot: ClusterSnapshot
    action: Action[Any]
    params: ApiModel
    target: Target | None
    """None when PD does not show what the ask names."""
    risk: Risk
    already_done: bool
    checks: tuple[Check, ...]
    """Standing checks, what other controllers are at, then the action's preconditions."""
    dry_run: bool


def look(facts: Facts, catalogue: Catalogue) -> View | Blind:
    """Return what the facts show of the ask, or why they show nothing."""
    proposal, cluster, snapshot = facts.proposal, facts.cluster, facts.snapshot
    for check in (
        cluster_check(
            namespace=proposal.meta.namespace,
            name=proposal.spec.cluster_ref.name,
            cluster=cluster,
            cluster_ready=facts.cluster_ready,
        ),
        snapshot_check(snapshot),
    ):
        if first_held((check,)) is not None:
            return Blind(check)
    assert cluster is not None  # noqa: S101 - the checks above hold without either
    assert snapshot is not None  # noqa: S101
    action, params = catalogue[proposal.spec.action.type], proposal.spec.action.parameters
    risk = _settled_risk(facts, action.risk(params, snapshot))
    already_done = action.already_done(params, snapshot)
    standing = standing_checks(
        cluster=cluster,
        halts=facts.halts,
        gate_installed=facts.gate_installed,
        tier=risk.tier,
        spec=proposal.spec,
        now=facts.now,
    )
    standing = (*standing, *_revertible(proposal, catalogue))
    own = (
        *_others(facts, snapshot, catalogue),
        *(as_precondition(check) for check in action.preconditions(params, snapshot)),
    )
    if already_done:
        # Nothing will be sent, so nothing that would forbid sending it matters.
        own = (Check("AlreadyDone", Warn("PD already is as asked: nothing will be sent")),)
    return View(
        cluster=cluster,
        snapshot=snapshot,
        action=action,
        params=params,
        target=action.target(params, snapshot),
        risk=risk,
        already_done=already_done,
        checks=(*standing, *own),
        dry_run=effective_dry_run(cluster.spec, proposal.spec),
    )


def _others(facts: Facts, snapshot: ClusterSnapshot, catalogue: Catalogue) -> tuple[Check, ...]:
    """Return whether other controllers leave room for the ask; what our own proposals hold as it
    is, such as a paused scheduler, is nobody else's.
    """
    deeds = deeds_of(facts.proposal.spec.action, catalogue)
    ours = frozenset[str]().union(*(other.scope.settings for other in facts.standing))
    return check_others(deeds, facts.tidb_operator, snapshot, ours)


def _revertible(proposal: Proposal, catalogue: Catalogue) -> tuple[Check, ...]:
    """Return whether what is to be taken back by itself can be; nothing where that is not asked."""
    if proposal.spec.revert_after is None:
        return ()
    for stage in program_of(proposal.spec.action, catalogue):
        if stage.action.reversibility is Reversibility.NOT:
            message = f"revertAfter: {stage.action.type} cannot be taken back"
            return (Check("Revertible", Deny(Reason.PRECONDITION_FAILED, message)),)
    return (Check("Revertible", Allow("it can be taken back")),)


def _settled_risk(facts: Facts, seen: Risk) -> Risk:
    """Return the risk to go by: the stored one while it still says the truth.

    Factors may name numbers that drift, so they are those of the assessment while the tier
    stands. A tier that falls after people agreed to the higher one does not ask them again.
    """
    status = facts.proposal.status
    stored = status.risk
    if stored is None or not same_ask(status.assessed, ask_of(facts.proposal.spec)):
        return seen
    fell = seen.tier.rank < stored.tier.rank
    if seen.tier is stored.tier:
        return stored
    tally = tally_of(facts) if fell else None
    return stored if tally is not None and tally.enough else seen


def tally_of(facts: Facts) -> Tally | None:
    """Return the count of approvals for the stored digest, None while none can be given:
    no digest stands for the ask as it is now, or the policy is unknown.
    """
    status = facts.proposal.status
    if status.digest is None or status.risk is None or not ask_is_assessed(facts):
        return None
    return _count(facts, digest=status.digest, tier=status.risk.tier, target=status.target)


def ask_is_assessed(facts: Facts) -> bool:
    """Return True when the stored assessment is of the ask and the dry-run that stand now."""
    status, spec = facts.proposal.status, facts.proposal.spec
    if facts.cluster is None:
        return same_ask(status.assessed, ask_of(spec))
    dry_run = effective_dry_run(facts.cluster.spec, spec)
    return same_ask(status.assessed, ask_of(spec)) and status.effective_dry_run is dry_run


def is_current(facts: Facts, view: View) -> bool:
    """Return True when the stored digest is that of what the facts show.

    A target that PD does not show just now does not make a digest stale; it holds the execution.
    """
    status = facts.proposal.status
    target = view.target or status.target
    if status.digest is None or target is None:
        return False
    return _digest(facts, view, target, revision=status.revision or 0) == status.digest


def assessed(facts: Facts, view: View, target: Target) -> dict[str, Any]:
    """Return the status fields of a new assessment: the next revision, under its own digest.

    A changed ask starts its time to live anew; a target, tier or dry-run that changed does not.
    A digest that somebody quotes before anybody was given it is passed over, and with it the
    number of the revision: all that is in it can be guessed, and while the approval gate is open,
    or is not installed yet, the guess can be stored.
    """
    status, spec = facts.proposal.status, facts.proposal.spec
    quoted = {approval.digest for approval in spec.approvals or ()}
    revision = (status.revision or 0) + 1
    while (digest := _digest(facts, view, target, revision=revision)) in quoted:
        revision += 1
    deadline = status.expires_at
    if deadline is None or not same_ask(status.assessed, ask_of(spec)):
        deadline = to_milliseconds(
            expires_at(view.cluster.spec.policy, assessed_at=facts.now, not_after=spec.not_after)
        )
    tally = _count(facts, digest=digest, tier=view.risk.tier, target=target)
    return {
        "assessed": ask_of(spec),
        "digest": digest,
        "revision": revision,
        "revision_reason": why_anew(
            spec, status, tier=view.risk.tier, target=target, dry_run=view.dry_run
        ),
        **record_of(spec, status),
        "risk": view.risk,
        "target": target,
        "effective_dry_run": view.dry_run,
        "expires_at": deadline,
        "finding": finding_of(facts),
        "approvals": tally.count if tally is not None else None,
        **shown(facts, view),
    }


def shown(facts: Facts, view: View) -> dict[str, Any]:
    """Return the status fields that follow every look: summary, pd-ctl lines and gates."""
    return {
        "pd_ctl": clip(view.action.pd_ctl(view.params), MAX_PD_CTL),
        "summary": clip(view.action.sentence(view.params), MAX_SUMMARY),
        "gates": gates_of(view.checks, facts.proposal.status.gates),
    }


def voided(facts: Facts) -> dict[str, Any]:
    """Return the status fields of an ask that nobody can assess now, so nobody can approve."""
    status, spec = facts.proposal.status, facts.proposal.spec
    gone: dict[str, Any] = {"digest": None, "approvals": None}
    if not same_ask(status.assessed, ask_of(spec)):
        gone |= {"assessed": None, "risk": None, "target": None, "expires_at": None}
        if status.assessed is not None or status.authors:
            gone |= record_of(spec, status)  # before what was assessed is forgotten
    return gone


def _count(facts: Facts, *, digest: str, tier: Tier, target: Target | None) -> Tally | None:
    if facts.cluster is None:
        return None
    return count_approvals(
        facts.proposal.spec.approvals or (),
        Ballot(
            digest=digest,
            tier=tier,
            needed=needed_approvals(facts.cluster.spec.policy, tier),
            target_id=target.id if target is not None else None,
            authors=frozenset(authors_of(facts.proposal.spec, facts.proposal.status)),
            operator_username=facts.operator_username,
            namespace=facts.proposal.meta.namespace,
        ),
    )


def _digest(facts: Facts, view: View, target: Target, *, revision: int) -> str:
    return digest_of(
        Material(
            uid=facts.proposal.meta.uid,
            cluster_name=facts.proposal.spec.cluster_ref.name,
            target=target,
            ask=ask_of(facts.proposal.spec),
            tier=view.risk.tier,
            effective_dry_run=view.dry_run,
            revision=revision,
        )
    )


def finding_of(facts: Facts) -> Finding | None:
    """Return the finding behind the proposal; one filed by hand has none.

    Evidence drifts with every look, so the stored one stays until the facts change materially.
    """
    stored, problem = facts.proposal.status.finding, facts.problem
    ours = facts.proposal.spec.proposed_by == facts.operator_username
    if problem is None or not (ours or stored is not None):
        return stored
    if stored is not None and stored.fingerprint == problem.finding.fingerprint:
        return stored
    return problem.finding
