"""A new leader knows from the objects what its predecessor saw."""

from datetime import timedelta

import pytest

from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.tikvcluster import Detection, Diagnosis
from assent.core.detection.engine import detect
from assent.core.detection.finding import Memory, Observed
from assent.core.detection.recollection import recall
from tests.support.snapshots import NOW, snapshot
from tests.unit.core.detection.builders import STOP, cluster, finding, proposal

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


def test_proposals_without_a_finding_tell_nothing() -> None:
    """Filed by hand, or not assessed yet."""
    assert recall(cluster(), [proposal("p", Phase.PENDING)]) == Memory()
