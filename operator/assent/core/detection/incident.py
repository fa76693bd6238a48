"""From a problem to its one proposal: who it is, what it is called, and when it is kept silent.

Same problem, same proposal: a problem has an incident id, its proposals are numbered rounds with
names that every replica computes alike, so that the API server itself refuses a second one.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from assent.api import meta
from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import ActionProposalSpec, ClusterRef, Phase
from assent.api.v1alpha1.lifecycle import IN_FLIGHT, OPEN
from assent.core.detection.finding import Problem
from assent.core.model.resource import Cluster, Proposal

MAX_NAME = 63
"""A name that is also a label value and a DNS label."""

SETTLING_SECONDS = 15
"""After a success detection may still look at what it read before."""

UNDECIDED = IN_FLIGHT | OPEN | {None}
"""Phases of a proposal that still stands; None is one that was not assessed yet."""


@dataclass(frozen=True, slots=True)
class ProposalDraft:
    """An ActionProposal ready to be created."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    spec: ActionProposalSpec


def fingerprint(rule: str, target: str, material: Sequence[str]) -> str:
    """Return the hash of the facts that matter; drifting numbers are no part of them."""
    return _hash([rule, target, *material], length=16)


def incident_of(cluster: Cluster, problem: Problem) -> str:
    """Return the id that all proposals about this problem of this TiKVCluster share."""
    return _incident(cluster, problem.finding.rule, problem.finding.target)


def labelled(cluster: Cluster, proposal: Proposal) -> tuple[str, str] | None:
    """Return rule and target as the operator labelled its draft; None for any other proposal."""
    labels = proposal.meta.labels
    rule = labels.get(meta.LABEL_RULE, "")
    target = labels.get(meta.LABEL_TARGET, "").replace(".", "/")
    found = labels.get(meta.LABEL_INCIDENT) == _incident(cluster, rule, target)
    return (rule, target) if found else None


def of_incident(proposals: Sequence[Proposal], incident: str) -> tuple[Proposal, ...]:
    """Return the proposals that carry the incident, in order of their rounds."""
    found = [item for item in proposals if item.meta.labels.get(meta.LABEL_INCIDENT) == incident]
    return tuple(sorted(found, key=_round))


def proposal_name(cluster_name: str, rule: str, incident: str, round_number: int) -> str:
    """Return ``<cluster>-<rule>-<incident>-<round>``, at most 63 characters, DNS-safe.

    Only the cluster's part is shortened; the incident keeps the name unique.
    """
    tail = f"-{_slug(rule)}-{incident}-{round_number}"
    head = re.sub(r"[^a-z0-9-]", "-", cluster_name.lower())[: MAX_NAME - len(tail)].strip("-")
    return f"{head or 'c'}{tail}"


def label_value(name: str) -> str:
    """Return the name as a label value: as it is, or shortened with a hash when it is too long."""
    if len(name) <= MAX_NAME:
        return name
    return f"{name[:52]}-{_hash([name], length=10)}"


def silenced(
    problem: Problem,
    earlier: Sequence[Proposal],
    *,
    cool_down_seconds: int,
    cluster_dry_run: bool,
    now: datetime,
) -> str | None:
    """Return why nothing new is proposed, None when something may be.

    ``earlier`` are the proposals of this incident. One that still stands silences always. One that
    was rejected, expired, cancelled, failed, undone or only shown (dry run) silences until the
    facts change materially or the cool-down has passed since it ended. A proposal that was only
    shown because the whole cluster was dry-run does not silence once the cluster no longer is.
    """
    for item in sorted(earlier, key=_round, reverse=True):
        phase = item.status.phase
        if phase in UNDECIDED:
            return f"{item.meta.name} still stands"
        ended = item.status.finished_at or item.meta.created_at
        if phase is Phase.SUCCEEDED and item.status.reason != Reason.DRY_RUN:
            if now < ended + timedelta(seconds=SETTLING_SECONDS):
                return f"{item.meta.name} has just succeeded"
            continue
        if phase is Phase.SUPERSEDED or _was_shown_only(item, cluster_dry_run=cluster_dry_run):
            continue
        seen = item.status.finding
        if seen is not None and seen.fingerprint != problem.finding.fingerprint:
            continue
        until = ended + timedelta(seconds=cool_down_seconds)
        if now < until:
            return f"{item.meta.name} ended as {phase}; silent until {until.isoformat()}"
    return None


def outdated(problem: Problem, proposal: Proposal, *, operator_username: str) -> bool:
    """Return True when an open proposal of the operator's own is no longer what it would propose.

    Never for one that a person filed or edited: that is a person's ask now. The lifecycle
    supersedes an outdated one; the next cycle then proposes what is right.
    """
    return (
        proposal.status.phase in OPEN | {None}
        and proposal.spec.proposed_by == operator_username
        and proposal.spec.action != problem.action
    )


def propose(
    problem: Problem,
    *,
    cluster: Cluster,
    earlier: Sequence[Proposal],
    proposed_by: str,
    cool_down_seconds: int,
    now: datetime,
    foreign_names: frozenset[str] = frozenset(),
) -> ProposalDraft | None:
    """Return the proposal to create, None when there is no cure or it is not the time for one.

    ``earlier`` are all proposals of the cluster, of whatever origin: one that asks for the same
    action and still stands, as when a person was faster, is enough. ``foreign_names`` are those
    of the namespace's proposals that belong to no incident: whoever takes the name that the next
    round would have must not silence the problem by that, so such a round is left out.
    """
    if problem.action is None:
        return None
    if any(
        item.spec.action == problem.action and item.status.phase in UNDECIDED for item in earlier
    ):
        return None
    incident = incident_of(cluster, problem)
    rounds = of_incident(earlier, incident)
    why_not = silenced(
        problem,
        rounds,
        cool_down_seconds=cool_down_seconds,
        cluster_dry_run=cluster.spec.dry_run,
        now=now,
    )
    if why_not is not None:
        return None
    number = max((_round(item) for item in rounds), default=0) + 1
    rule = problem.finding.rule
    while (name := proposal_name(cluster.meta.name, rule, incident, number)) in foreign_names:
        number += 1
    return ProposalDraft(
        namespace=cluster.meta.namespace,
        name=name,
        labels={
            meta.LABEL_CLUSTER: label_value(cluster.meta.name),
            meta.LABEL_RULE: rule,
            meta.LABEL_TARGET: problem.finding.target.replace("/", "."),
            meta.LABEL_ACTION: problem.action.type.value,
            meta.LABEL_INCIDENT: incident,
            meta.LABEL_ROUND: str(number),
        },
        spec=ActionProposalSpec(
            cluster_ref=ClusterRef(name=cluster.meta.name),
            proposed_by=proposed_by,
            reason=problem.finding.diagnosis,
            action=problem.action,
        ),
    )


def _incident(cluster: Cluster, rule: str, target: str) -> str:
    return _hash([cluster.meta.uid, rule, target], length=10)


def _was_shown_only(item: Proposal, *, cluster_dry_run: bool) -> bool:
    return item.status.phase is Phase.SUCCEEDED and not cluster_dry_run and not item.spec.dry_run


def _round(item: Proposal) -> int:
    text = item.meta.labels.get(meta.LABEL_ROUND, "")
    return int(text) if text.isdecimal() else 0


def _slug(rule: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", rule).lower()


def _hash(parts: Sequence[str], *, length: int) -> str:
    text = json.dumps(list(parts), separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:length]
