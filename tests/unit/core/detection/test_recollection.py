"""A new leader knows from the objects what its predecessor saw."""

from datetime import timedelta

import pytest

from assent.api import meta
from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.tikvcluster import Detection, Diagnosis
from assent.core.detection.engine import detect
from assent.core.detection.finding import Memory, Observed
from assent.core.detection.incident import propose
from assent.core.detection.recollection import recall
from tests.support.snapshots import NOW, snapshot
from tests.unit.core.detection.builders import (
    OPERATOR,
    STOP,
    cluster,
    finding,
    problem,
    proposal,
)

SINCE = NOW - timedelta(hours=2)
OBSERVED = Observed(snapshot(evicted_store_ids={4}))


def test_an_open_proposal_keeps_its_problem_over_a_restart() -> None:
    """Otherwise the problem would look gone for an hour, and the proposal with it."""
    memory = recall(cluster(), [proposal("p", Phase.PENDING, found=finding())])
    ((found,), _) = detect(OBSERVED, Detection(), memory, NOW)
    assert found.action == STOP
    assert found.finding.seen_since == SINCE
    assert detect(OBSERVED, Detection(), Memory(), NOW)[0] == ()


def test_what_was_left_alone_is_remembered_too() -> None:
    """The TiKVCluster shows it with its beginning."""
    shown = Diagnosis(rule="StoreDown", target="store/2", message="No action, because", since=SINCE)
    memory = recall(cluster(diagnoses=[shown]), [])
    assert memory.sightings["StoreDown/store/2"].since == SINCE
    assert memory.sightings["StoreDown/store/2"].reported


@pytest.mark.parametrize("phase", [Phase.REJECTED, Phase.SUCCEEDED, Phase.SUPERSEDED])
def test_finished_proposals_are_history(phase: Phase) -> None:
    """Whether the problem still stands is not known from them."""
    assert recall(cluster(), [proposal("p", phase, found=finding())]) == Memory()


def test_a_draft_that_nobody_assessed_keeps_its_problem_over_a_kill() -> None:
    """The process ended right after it had created it: only its labels say what it is about."""
    draft = propose(
        problem(),
        cluster=cluster(),
        earlier=[],
        proposed_by=OPERATOR,
        cool_down_seconds=0,
        now=NOW,
    )
    assert draft is not None
    created = proposal(draft.name, None, labels=draft.labels)
    memory = recall(cluster(), [created])
    ((found,), _) = detect(OBSERVED, Detection(), memory, NOW)
    assert (found.action, found.finding.seen_since) == (STOP, NOW)


def test_labels_of_another_cluster_or_problem_tell_nothing() -> None:
    """The incident is a hash over the TiKVCluster, the rule and the target: all must fit."""
    draft = propose(
        problem(),
        cluster=cluster(),
        earlier=[],
        proposed_by=OPERATOR,
        cool_down_seconds=0,
        now=NOW,
    )
    assert draft is not None
    moved = {**draft.labels, meta.LABEL_TARGET: "store.5"}
    assert recall(cluster(), [proposal("p", None, labels=moved)]) == Memory()
    assert recall(cluster("other"), [proposal("p", None, labels=draft.labels)]) == Memory()


def test_proposals_without_a_finding_tell_nothing() -> None:
    """Filed by hand, or not assessed yet."""
    assert recall(cluster(), [proposal("p", Phase.PENDING)]) == Memory()
