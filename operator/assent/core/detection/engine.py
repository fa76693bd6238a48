"""Runs every rule on one snapshot, and applies what all of them share: time and memory."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from assent.api.v1alpha1.actionproposal import Finding
from assent.api.v1alpha1.tikvcluster import Detection
from assent.core.detection import leader_imbalance, leftover_eviction, store_down
from assent.core.detection.finding import Memory, Observed, Problem, Sighting
from assent.core.detection.incident import fingerprint
from assent.core.detection.suspicion import Severity, Suspicion


def detect(
    observed: Observed, detection: Detection, memory: Memory, now: datetime
) -> tuple[tuple[Problem, ...], Memory]:
    """Return the problems that have lasted, the worst first, and what to remember.

    While PD is not prepared nothing is concluded: no problems, the memory as it was. Callers must
    not take that for problems that are gone (P15, P48).
    """
    if not observed.snapshot.prepared:
        return (), memory
    suspicions = _suspicions(observed, detection, memory, now)
    sightings = {
        item.key: _sighting(item, memory.sightings.get(item.key), now) for item in suspicions
    }
    problems = [
        _problem(item, sightings[item.key]) for item in suspicions if sightings[item.key].reported
    ]
    return merge(problems), Memory(sightings)


def merge(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems in a fixed order, with each action proposed by the worst one only."""
    ordered = sorted(problems, key=_order)
    merged: list[Problem] = []
    for problem in ordered:
        if any(earlier.key == problem.key for earlier in merged):
            continue
        same = next(
            (
                earlier
                for earlier in merged
                if problem.action is not None and earlier.action == problem.action
            ),
            None,
        )
        if same is not None:
            merged.append(
                replace(
                    problem,
                    action=None,
                    no_action=f"No action, because {same.key} proposes the same.",
                    explained_by=same.key,
                )
            )
        else:
            merged.append(problem)
    return tuple(merged)


def _suspicions(
    observed: Observed, detection: Detection, memory: Memory, now: datetime
) -> Sequence[Suspicion]:
    rules = detection.rules
    found: list[Suspicion] = []
    if not rules.leftover_eviction.disabled:
        found += leftover_eviction.detect(observed, rules.leftover_eviction, memory, now)
    if not rules.leader_imbalance.disabled:
        found += leader_imbalance.detect(observed, rules.leader_imbalance, memory, now)
    if not rules.store_down.disabled:
        found += store_down.detect(observed, rules.store_down, memory, now)
    return found


def _sighting(item: Suspicion, known: Sighting | None, now: datetime) -> Sighting:
    """Return since when it has been so, and whether that is long enough.

    What was reported stays reported while it lasts, also when a threshold is raised meanwhile.
    """
    if known is None or known.clock != item.clock:
        known = Sighting(since=now, clock=item.clock)
    since = known.since if item.since is None else item.since
    lasted = now - since >= timedelta(seconds=item.must_last_seconds)
    return Sighting(
        since=since,
        reported=known.reported or lasted,
        clock=item.clock,
        action=item.action,
    )


def _problem(item: Suspicion, sighting: Sighting) -> Problem:
    return Problem(
        finding=Finding(
            rule=item.rule,
            severity=item.severity.value,
            target=item.target,
            diagnosis=item.diagnosis,
            evidence=list(item.evidence),
            fingerprint=fingerprint(item.rule, item.target, item.material),
            confidence=item.confidence,
            seen_since=sighting.since,
        ),
        action=item.action,
        no_action=item.no_action,
        explained_by=item.explained_by,
    )


def _order(problem: Problem) -> tuple[int, int, str]:
    severity = Severity(problem.finding.severity).rank
    return (-severity, -problem.finding.confidence, problem.key)
